/**
 * @module The doctor on a host with real Podman.
 */

import { after } from 'node:test';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import { doctorTests } from '../support/doctor-host.ts';
import { prepareLan, sh } from '../support/explain-host.ts';
import { type ForeignEngine, lacks, PODMAN_RUN, startPodman } from '../support/foreign-engines.ts';

let podman: ForeignEngine | undefined;
after(() => podman?.[Symbol.asyncDispose]());

doctorTests(
  async () => {
    prepareLan();
    const engine = startPodman();
    podman = engine;
    engine.run('network', 'create', 'front');
    const run = (...words: string[]) =>
      engine.run(...PODMAN_RUN, ...words, 'busybox', 'httpd', '-f', '-p', '80', '-h', '/bin');
    run('--name', 'web', '--network', 'front', '-p', '8080:80');
    run('--name', 'db', '--network', 'front');
    run('--name', 'plain', '-p', '127.0.0.1:8081:80');
    return {
      prefix: 'podman:',
      pidOf: (name) => Number(engine.run('inspect', '--format', '{{.State.Pid}}', name)),
      snapshot: () => takeSnapshot(),
      unmasquerade: () => {
        sh('iptables -t nat -F POSTROUTING');
      },
      isolates: false,
    };
  },
  lacks('podman', 'conmon', 'crun', 'busybox', 'iptables'),
);
