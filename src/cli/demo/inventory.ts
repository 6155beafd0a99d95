/**
 * @module All that the engine can leave behind on a host, as lists that can be compared.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../network/engine.ts';
import type { World } from './world.ts';

export interface Inventory {
  readonly links: readonly string[];
  readonly namespaces: readonly string[];
  readonly rules: readonly string[];
  readonly addresses: readonly string[];
  readonly ports: readonly string[];
  readonly files: readonly string[];
}

/** Where an engine keeps namespaces and rendered files, when nobody says otherwise. */
const RUN_ROOT = '/run/pontoon';

/** What is there now. */
export async function takeInventory(world: World, engine: Engine): Promise<Inventory> {
  await engine.settled();
  const lines = async (command: string): Promise<string[]> =>
    (await world.run('host', command.split(' '))).stdout.split('\n').filter((line) => line !== '');
  const endpoints = engine.listSandboxes().flatMap((sandbox) => sandbox.endpoints);
  return {
    links: (await lines('ip -brief link show')).map((line) => line.split(' ', 1)[0] as string),
    namespaces: namesIn('netns'),
    rules: await lines('nft list ruleset'),
    addresses: endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address !== undefined)),
    ports: endpoints.flatMap(({ ports }) => ports.map(({ hostPort: [first, last] }) => `${first}-${last}`)),
    files: namesIn('sandboxes'),
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
