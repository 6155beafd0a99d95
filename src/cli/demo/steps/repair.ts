/** @module What was deleted by hand is found and made again. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showRepair(stage: Stage): Promise<void> {
  const text = stage.text.repair;
  const url = `http://${ADDRESSES.host.ipv4}:9001/`;
  const { outside } = stage.interfaces('mynginx1');
  await stage.show('host', `ip link delete ${outside}`);
  await stage.show('host', 'nft flush table inet pontoon');
  const broken = await stage.curl('lan', url);
  stage.pontoon('reconcile');
  const { repaired, failed } = await stage.engine.reconcile();
  stage.output([...repaired, ...failed]);
  const mended = await stage.curl('lan', url);
  stage.check(text.broken, broken.error !== undefined);
  stage.check(
    text.repaired,
    failed.length === 0 &&
      [outside, 'table inet pontoon'].every((what) => repaired.some((line) => line.includes(what))),
  );
  stage.check(text.answered, mended.body.startsWith('hello from mynginx1 '));
}
