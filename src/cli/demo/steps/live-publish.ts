/** @module A port published and unpublished while the container runs, and a conflict. */

import { PontoonError } from '../../../errors.ts';
import type { Stage } from '../stage.ts';
import { ADDRESSES } from '../world.ts';

export async function showLivePublish(stage: Stage): Promise<void> {
  const { engine } = stage;
  const text = stage.text.livePublish;
  const url = `http://${ADDRESSES.host.ipv4}:8080/`;
  stage.pontoon('publish mynginx1 8080:80');
  await engine.publish('mynginx1', { port: 80, hostPort: 8080 });
  const open = await stage.curl('lan', url);
  stage.pontoon('publish mynginx1 9002:80');
  const refusal = await stage.refused(engine.publish('mynginx1', { port: 80, hostPort: 9002 }));
  stage.pontoon('unpublish mynginx1 8080');
  await engine.unpublish('mynginx1', { hostPort: 8080 });
  const closed = await stage.curl('lan', url);
  stage.check(text.published, open.body.startsWith('hello from mynginx1 '));
  stage.check(text.taken, PontoonError.is(refusal, 'port-taken'));
  stage.check(text.unpublished, closed.error !== undefined);
}
