/**
 * @module Which network namespace a command means: --netns, --pid or --new, and the sandbox that is there already.
 */

import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { NamespaceSpec, Sandbox } from '../../network/types.ts';
import { integer } from '../values.ts';

export interface NamespaceFlags {
  readonly netns?: string;
  readonly pid?: number;
  readonly new?: boolean;
}

type ExistingNamespace = { readonly path: string } | { readonly pid: number };

/** Where `ip netns` keeps the namespaces that it made. */
const NAMED = '/run/netns';
const HOST = '/proc/self/ns/net';

/** Adds --netns and --pid to a command. */
export function addNamespaceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--netns <path>', 'an existing namespace: a path, or a name that `ip netns` knows').conflicts([
        'pid',
        'new',
      ]),
    )
    .addOption(new Option('--pid <number>', 'the namespace of a process').argParser(integer).conflicts('new'));
}

/** What the flags ask for; undefined when none is given. */
export function namespaceSpec({ netns, pid, new: fresh }: NamespaceFlags): NamespaceSpec | undefined {
  if (pid !== undefined) return orHost({ pid });
  if (netns !== undefined) return orHost({ path: netns.includes('/') ? resolve(netns) : `${NAMED}/${netns}` });
  return fresh === true ? 'new' : undefined;
}

/** The host's own namespace, which any process in it names, is 'host': the engine must not take it for another one. */
function orHost(namespace: ExistingNamespace): NamespaceSpec {
  return identity(pathOf(namespace)) === identity(HOST) ? 'host' : namespace;
}

/** The sandbox whose stack a namespace is, found by the namespace itself: one may have several paths. */
export function sandboxAt(namespace: NamespaceSpec, sandboxes: readonly Sandbox[]): Sandbox | undefined {
  if (typeof namespace !== 'object' || 'sandbox' in namespace) return undefined;
  const wanted = identity(pathOf(namespace));
  return sandboxes.find((sandbox) => {
    const shares = typeof sandbox.namespace === 'object' && 'sandbox' in sandbox.namespace;
    if (sandbox.namespacePath === undefined || sandbox.namespace === 'host' || shares) return false;
    return wanted !== undefined && identity(sandbox.namespacePath) === wanted;
  });
}

/**
 * A name for the sandbox of a namespace: the last part of its path, or 'pid-' and the process.
 * @throws PontoonError bad-value
 */
export function nameFor({ netns, pid }: NamespaceFlags): string {
  const [, number = pid] = /^\/proc\/(\d+)\/ns\/net$/.exec(netns ?? '') ?? [];
  if (number !== undefined) return `pid-${number}`;
  if (netns !== undefined) return basename(netns);
  throw new PontoonError('bad-value', 'a new namespace has no name to go by: give the sandbox one with --name');
}

function pathOf(namespace: ExistingNamespace): string {
  return 'path' in namespace ? namespace.path : `/proc/${namespace.pid}/ns/net`;
}

/** Device and inode, which is what a namespace is known by; undefined where there is none. */
function identity(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
