/** @module The daemon killed, and what was deleted by hand meanwhile: found and made again when it starts. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showRepair(stage: Stage): Promise<void> {
  const text = stage.text.repair;
  const url = `http://${ADDRESSES.host.ipv4}:9001/`;
  const port = await stage.port('mynginx1');
  await stage.killDaemon();
  const alone = await stage.curl('lan', url);
  await stage.show('host', `ip link delete ${port}`);
  await stage.show('host', 'nft flush table inet pontoon');
  const broken = await stage.curl('lan', url);
  await stage.startDaemon();
  const { stdout: list } = await stage.docker(`ps --format '{{.Names}}  {{.Status}}'`);
  const mended = await stage.curl('lan', url);
  stage.check(text.alone, alone.body.startsWith('hello from mynginx1 '));
  stage.check(text.broken, broken.error !== undefined);
  stage.check(
    text.found,
    ['mynginx1', 'mynginx2', 'tomcat01', 'nginx-host'].every((name) => new RegExp(`^${name}  Up `, 'm').test(list)),
  );
  stage.check(text.answered, mended.body.startsWith('hello from mynginx1 '));
}
