/** @module Names: the resolver in a container's own namespace. */

import type { Stage } from '../stage.ts';

export async function showNames(stage: Stage): Promise<void> {
  const text = stage.text.names;
  const { stdout: settings } = await stage.pontoon('exec mynginx1 grep nameserver /etc/resolv.conf');
  const answered = await stage.ping('mynginx1', 'mynginx2');
  const body = await stage.get('mynginx1', 'http://mynginx2/');
  const { stdout: name } = await stage.pontoon('exec mynginx1 nslookup 172.17.0.3');
  stage.check(text.resolver, settings.trim() === 'nameserver 127.0.0.11');
  stage.check(text.resolved, answered && body.startsWith('hello from mynginx2 '));
  stage.check(text.reverse, /name = mynginx2\b/.test(name));
}
