/**
 * @module The process that is killed at any time: it opens the containers and changes them at random until it dies.
 *
 *   node container-kill-worker.ts SEED
 *
 * It begins when its standard input says so. It writes 'begun VERB NAME' before each change and 'done VERB NAME' after
 * it; several are under way at a time, one to a container.
 */

import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KILL_ROOTS, STEADY, STORM_NETWORK } from './container-kill-operations.ts';
import { openAll } from './container-lab.ts';
import { randomFrom } from './kill-model.ts';

const NAMES = ['one', 'two', 'three', 'four', 'five'];
const random = randomFrom(Number(process.argv[2]));
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

await once(process.stdin, 'data');
process.stdin.destroy();
const say = (message: string): void => void writeSync(2, `${message}\n`);
const { containers } = await openAll(KILL_ROOTS, { log: { info: say, warn: say, error: say } });

const verbs = {
  create: (name: string) => containers.create({ ...STEADY, name, mounts: [{ type: 'volume', target: '/data' }] }),
  start: (name: string) => containers.start(name),
  stop: (name: string) => containers.stop(name),
  exec: async (name: string) => {
    const { id } = await containers.createExec(name, { command: ['true'] });
    await containers.startExec(id, { detach: true });
  },
  connect: (name: string) => containers.connect(name, STORM_NETWORK),
  disconnect: (name: string) => containers.disconnect(name, STORM_NETWORK),
  remove: (name: string) => containers.remove(name, { force: true, volumes: true }),
};

function nextVerb(name: string): keyof typeof verbs {
  const container = containers.list().find((one) => one.name === name);
  if (container === undefined) return 'create';
  const isMember = container.endpoints.some(({ networkName }) => networkName === STORM_NETWORK);
  const change = isMember ? 'disconnect' : 'connect';
  return container.state.status === 'running'
    ? oneOf(['stop', 'exec', 'remove', change, change])
    : oneOf(['start', 'start', 'remove', change]);
}

await Promise.all(
  NAMES.map(async (name) => {
    for (;;) {
      const verb = nextVerb(name);
      writeSync(1, `begun ${verb} ${name}\n`);
      await verbs[verb](name);
      writeSync(1, `done ${verb} ${name}\n`);
      await nextTurn();
    }
  }),
);
