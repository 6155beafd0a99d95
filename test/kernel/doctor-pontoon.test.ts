/**
 * @module The doctor on a host with Pontoon's own daemon.
 */

import { join } from 'node:path';
import { after } from 'node:test';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import { DockerShell } from '../support/docker.ts';
import { doctorTests } from '../support/doctor-host.ts';
import { prepareLan, sh } from '../support/explain-host.ts';

let daemon: AsyncDisposable | undefined;
after(() => daemon?.[Symbol.asyncDispose]());

doctorTests(async () => {
  prepareLan();
  const opened = await DockerShell.open();
  daemon = opened.daemon;
  const { docker } = opened;
  await docker.run('docker network create front');
  const run = (flags: string) => docker.run(`docker run -d ${flags} pontoon/busybox httpd -f -p 80 -h /bin`);
  await run('--name web --network front -p 8080:80');
  await run('--name db --network front');
  await run('--name plain -p 127.0.0.1:8081:80');
  const pids = new Map<string, number>();
  for (const name of ['web', 'db', 'plain'])
    pids.set(name, Number(await docker.out(`docker inspect --format '{{.State.Pid}}' ${name}`)));
  return {
    prefix: 'pontoon:',
    pidOf: (name) => pids.get(name) ?? 0,
    snapshot: () =>
      takeSnapshot({
        runRoot: join(opened.daemon.directory, 'run'),
        containers: { pontoon: { socket: opened.daemon.socketPath, pidFile: join(opened.daemon.directory, 'pid') } },
      }),
    unmasquerade: () => {
      sh('nft flush chain inet pontoon postrouting');
    },
    isolates: true,
  };
}, false);
