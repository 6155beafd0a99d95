/**
 * @module What the process that dies does to containers, one operation each, and where.
 */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSpec } from '../../src/container/types.ts';
import { BUSYBOX, type Open } from './container-lab.ts';

export const KILL_ROOTS = {
  dataRoot: join(tmpdir(), 'kill-containers', 'data'),
  runRoot: join(tmpdir(), 'kill-containers', 'run'),
};

/** What the containers of the storm join and leave. */
export const STORM_NETWORK = 'storm';

/** What runs until it is told to end. */
export const STEADY: ContainerSpec = { image: BUSYBOX, command: ['sleep', '10000'], init: true };

const WITH_VOLUMES: ContainerSpec = {
  ...STEADY,
  name: 'target',
  mounts: [{ type: 'volume', target: '/etc' }],
  publishAll: true,
  exposedPorts: [{ port: 80, protocol: 'tcp' }],
};

export interface KillOperation {
  readonly name: string;
  readonly prepare: (open: Open) => Promise<unknown>;
  readonly run: (open: Open) => Promise<unknown>;
  /** What `target` may be afterwards; undefined: not there. */
  readonly outcomes: readonly (string | undefined)[];
}

const created = ({ containers }: Open) => containers.create(WITH_VOLUMES);
const started = async (open: Open) => open.containers.start((await created(open)).id);

export const KILL_OPERATIONS: readonly KillOperation[] = [
  { name: 'create', prepare: async () => {}, run: created, outcomes: [undefined, 'created'] },
  {
    name: 'start',
    prepare: created,
    run: ({ containers }) => containers.start('target'),
    outcomes: ['created', 'running', 'exited'],
  },
  {
    name: 'stop',
    prepare: started,
    run: ({ containers }) => containers.stop('target'),
    outcomes: ['running', 'exited'],
  },
  {
    name: 'end',
    prepare: async ({ containers }) => {
      await containers.create({
        ...STEADY,
        name: 'target',
        command: ['sh', '-c', 'read line; exit 4'],
        openStdin: true,
      });
      await containers.start('target');
    },
    run: async ({ containers }) => {
      await using streams = await containers.attach('target', { stdin: true });
      const exit = containers.wait('target');
      streams.stdin?.write('now\n');
      await exit;
    },
    outcomes: ['running', 'exited'],
  },
  {
    name: 'rename',
    prepare: started,
    run: async ({ containers }) => {
      await containers.rename('target', 'other');
      await containers.rename('other', 'target');
    },
    outcomes: ['running'],
  },
  {
    name: 'remove',
    prepare: started,
    run: ({ containers }) => containers.remove('target', { force: true, volumes: true }),
    outcomes: ['running', 'exited', undefined],
  },
  {
    name: 'run and remove',
    prepare: async () => {},
    run: async ({ containers }) => {
      const { id } = await containers.create({ ...WITH_VOLUMES, command: ['true'], autoRemove: true });
      const removed = containers.wait(id, { condition: 'removed' });
      await containers.start(id);
      await removed;
    },
    outcomes: [undefined, 'created'],
  },
];
