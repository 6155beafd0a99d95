/** @module A port published and unpublished while the container runs, and a conflict. */

import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showLivePublish(stage: Stage): Promise<void> {
  const text = stage.text.livePublish;
  const url = `http://${ADDRESSES.host.ipv4}:8080/`;
  await stage.pontoon('publish mynginx1 8080:80');
  const open = await stage.curl('lan', url);
  const refusal = await stage.pontoon('publish mynginx1 9002:80');
  await stage.pontoon('unpublish mynginx1 8080');
  const closed = await stage.curl('lan', url);
  stage.check(text.published, open.body.startsWith('hello from mynginx1 '));
  stage.check(text.taken, refusal.status !== 0 && /already allocated.* mynginx2 /.test(refusal.stderr));
  stage.check(text.unpublished, closed.error !== undefined);
}
