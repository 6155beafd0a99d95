/** @module A path that somebody's firewall broke: why, and its cure, which is applied as it was given. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showExplain(stage: Stage): Promise<void> {
  const text = stage.text.explain;
  const question = `outside ${ADDRESSES.host.ipv4} --port 9001`;
  const url = `http://${ADDRESSES.host.ipv4}:9001/`;
  await stage.show('host', 'nft add table inet guard');
  await stage.show('host', `nft 'add chain inet guard forward { type filter hook forward priority 0; policy drop; }'`);
  const broken = await stage.curl('lan', url);
  const { cause, remedy } = await stage.explain(question);
  for (const command of remedy) await stage.show('host', command);
  const mended = await stage.curl('lan', url);
  const { cause: none } = await stage.explain(question);
  await stage.show('host', 'nft delete table inet guard');
  stage.check(text.broken, broken.error !== undefined);
  stage.check(text.cause, cause === 'rule-drop');
  stage.check(text.mended, mended.body.startsWith('hello from mynginx1 '));
  stage.check(text.agrees, none === null);
}
