/**
 * @module All that containers can leave behind on a host, as lists that can be compared.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

export interface Inventory {
  readonly links: readonly string[];
  readonly namespaces: readonly string[];
  readonly rules: readonly string[];
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly mounts: readonly string[];
  readonly processes: readonly string[];
}

/** Where the daemon keeps what a reboot takes. */
const RUN_ROOT = '/run/pontoon';

/** What is there now. */
export async function takeInventory(world: World): Promise<Inventory> {
  const lines = async (command: string): Promise<string[]> =>
    (await world.run('host', command.split(' '))).stdout.split('\n').filter((line) => line !== '');
  return {
    links: (await lines('ip -brief link show')).map((line) => line.split(' ', 1)[0] as string),
    namespaces: namesIn('netns'),
    rules: await lines('nft list ruleset'),
    containers: await lines('pontoon ps --all --quiet'),
    networks: await lines('pontoon network ls --quiet'),
    mounts: readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(RUN_ROOT)),
    processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isContainers(name)),
  };
}

/** What differs between two lists: '+ name' for what is new, '- name' for what is gone; the order does not count. */
export function differences(before: readonly string[], after: readonly string[]): string[] {
  const gone = [...before];
  const fresh = after.filter((name) => {
    const index = gone.indexOf(name);
    if (index >= 0) gone.splice(index, 1);
    return index < 0;
  });
  return [...fresh.map((name) => `+ ${name}`), ...gone.map((name) => `- ${name}`)];
}

function namesIn(directory: string): string[] {
  const path = join(RUN_ROOT, directory);
  return existsSync(path) ? readdirSync(path) : [];
}

/** Whether a process is a container's monitor, or runs in a container. */
function isContainers(pid: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/comm`, 'utf8') === 'conmon\n' ||
      readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes('/pontoon/')
    );
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false; // it has just ended
    throw error;
  }
}
