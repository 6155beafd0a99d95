/**
 * @module Which network namespace a command means: --netns, --pid or --new, and the sandbox that is there already.
 */

import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { PontoonError } from '../errors.ts';
import type { NamespaceSpec, Sandbox } from '../network/types.ts';
import { integer } from './values.ts';

export interface NamespaceFlags {
  readonly netns?: string;
  readonly pid?: number;
  readonly new?: boolean;
}

/** Where `ip netns` keeps the namespaces that it made. */
const NAMED = '/run/netns';

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
  if (netns !== undefined) return { path: netns.includes('/') ? resolve(netns) : `${NAMED}/${netns}` };
  if (pid !== undefined) return { pid };
  return fresh === true ? 'new' : undefined;
}

/** The sandbox whose stack a namespace is, found by the namespace itself: one may have several paths. */
export function sandboxAt(namespace: NamespaceSpec, sandboxes: readonly Sandbox[]): Sandbox | undefined {
  if (typeof namespace !== 'object' || 'sandbox' in namespace) return undefined;
  const path = 'path' in namespace ? namespace.path : `/proc/${namespace.pid}/ns/net`;
  const wanted = identity(path);
  return sandboxes.find((sandbox) => {
    const shares = typeof sandbox.namespace === 'object' && 'sandbox' in sandbox.namespace;
    if (sandbox.namespacePath === undefined || sandbox.namespace === 'host' || shares) return false;
    return wanted !== undefined && identity(sandbox.namespacePath) === wanted;
  });
}

/** A name for the sandbox of a namespace: the last part of its path, or 'pid-' and the process. @throws PontoonError bad-value */
export function nameFor(namespace: NamespaceSpec): string {
  if (typeof namespace === 'object') {
    if ('pid' in namespace) return `pid-${namespace.pid}`;
    if ('path' in namespace) {
      const [, pid] = /^\/proc\/(\d+)\/ns\/net$/.exec(namespace.path) ?? [];
      return pid === undefined ? basename(namespace.path) : `pid-${pid}`;
    }
  }
  throw new PontoonError('bad-value', 'a new namespace has no name to go by: give the sandbox one with --name');
}

/** Device and inode, which is what a namespace is known by; undefined where there is none. */
function identity(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
