/**
 * @module What to call each namespace: 'host', the name of its container, the name that ip-netns(8) has, or 'pid-PID'.
 */

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FoundNamespace } from './discover.ts';
import type { Container, NamespaceId, NamespaceName, NamespaceOwner } from './types.ts';

export interface NamedNamespace {
  readonly id: NamespaceId;
  /** Unique. */
  readonly name: string;
  readonly owner: NamespaceOwner;
  /** The best one first. */
  readonly names: readonly NamespaceName[];
}

const NAMED_DIRECTORIES = ['/run/netns', '/var/run/netns'];

export function nameNamespaces(
  found: readonly FoundNamespace[],
  containers: readonly Container[],
  runRoot: string,
): Map<NamespaceId, NamedNamespace> {
  const inside = Map.groupBy(containers, ({ namespace }) => namespace);
  const taken = new Set<string>();
  return new Map(
    found.map((one) => {
      const names = namesOf(one, inside.get(one.id) ?? [], runRoot);
      const best = names[0] as NamespaceName;
      const name = free(taken, [best.name, `${best.owner}:${best.name}`, `${best.name}@${one.id}`]);
      taken.add(name);
      return [one.id, { id: one.id, name, owner: best.owner, names }];
    }),
  );
}

function namesOf(found: FoundNamespace, containers: readonly Container[], runRoot: string): NamespaceName[] {
  if (found.isHost) return [{ name: 'host', owner: 'host' }];
  const names: NamespaceName[] = [
    // Those who share a stack come behind the one whose it is.
    ...containers
      .toSorted((a, b) => Number(isGuest(a)) - Number(isGuest(b)))
      .map(({ name, engine }) => ({ name, owner: engine })),
    ...found.paths.flatMap((path) => pinName(path, runRoot)),
  ];
  if (names.length > 0) return names;
  const pid = found.pids[0];
  return [{ name: pid === undefined ? basename(found.paths[0] ?? found.id) : `pid-${pid}`, owner: 'process' }];
}

function isGuest({ networkMode }: Container): boolean {
  return networkMode?.startsWith('container:') === true;
}

/** What a pin's path says: who made it, and its name. */
function pinName(path: string, runRoot: string): NamespaceName[] {
  const directory = dirname(path);
  const name = basename(path);
  if (directory === join(runRoot, 'netns')) return [{ name: sandboxName(runRoot, name) ?? name, owner: 'pontoon' }];
  if (directory === '/run/docker/netns' || directory === '/var/run/docker/netns') return [{ name, owner: 'docker' }];
  // Podman names its own so, in the directory of ip-netns(8).
  if (/^netns-[0-9a-f-]{36}$/.test(name)) return [{ name, owner: 'podman' }];
  return NAMED_DIRECTORIES.includes(directory) ? [{ name, owner: 'netns' }] : [];
}

/** The file that Pontoon writes for each running sandbox. */
function sandboxName(runRoot: string, sandbox: string): string | undefined {
  try {
    return readFileSync(join(runRoot, 'sandboxes', sandbox, 'name'), 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function free(taken: ReadonlySet<string>, candidates: readonly string[]): string {
  return candidates.find((name) => !taken.has(name)) ?? (candidates.at(-1) as string);
}
