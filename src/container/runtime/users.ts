/**
 * @module Users: from 'user', 'uid', 'user:group', … to numbers, by the container's own /etc/passwd and /etc/group.
 *
 * The rules are Docker's. Names are looked up first, then numbers are taken as they are. Without a group, the user's own
 * counts, with all that /etc/group lists the user in; with one, only that.
 * @see passwd(5), group(5)
 */

import { readFileSync, statSync } from 'node:fs';
import { PontoonError } from '../../errors.ts';
import { KernelError } from '../../kernel/error.ts';
import { RootDirectory } from '../../kernel/root-directory.ts';
import type { UserIds } from './types.ts';

const LIMIT = 2 ** 31 - 1;
/** An image may bring any file: this one is read into memory. */
const FILE_LIMIT_BYTES = 16 * 1024 * 1024;

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * @param rootPath the container's root, mounted
 * @param user '' is root
 * @param groups more groups of the process, by name or number
 * @throws PontoonError bad-value, in Docker's words
 */
export function resolveUser(rootPath: string, user: string, groups: readonly string[] = []): UserIds {
  const passwd = parsePasswd(readInRoot(rootPath, '/etc/passwd') ?? '');
  const group = parseGroup(readInRoot(rootPath, '/etc/group') ?? '');
  return lookUpUser(passwd, group, user, groups);
}

export function lookUpUser(
  passwd: readonly User[],
  group: readonly Group[],
  user: string,
  groups: readonly string[],
): UserIds {
  const [userName = '', groupName = ''] = user.split(':');
  const entry = findUser(passwd, userName);
  const gid = groupName === '' ? entry.gid : findGroup(group, groupName);
  const listed = groupName === '' ? group.filter(({ members }) => members.includes(entry.name)) : [];
  const more = groups.map((name) => findGroup(group, name));
  return { uid: entry.uid, gid, additionalGids: [...new Set([gid, ...listed.map((each) => each.gid), ...more])] };
}

function findUser(passwd: readonly User[], name: string): User {
  const uid = numberOf(name === '' ? '0' : name);
  const found =
    (name === '' ? undefined : passwd.find((entry) => entry.name === name)) ??
    passwd.find((entry) => entry.uid === uid);
  if (found !== undefined) return found;
  if (uid === undefined) {
    throw new PontoonError('bad-value', `unable to find user ${name}: no matching entries in passwd file`, {
      subject: name,
    });
  }
  return { name: '', uid, gid: 0 };
}

function findGroup(group: readonly Group[], name: string): number {
  const gid = numberOf(name);
  const found = group.find((entry) => entry.name === name)?.gid ?? gid;
  if (found !== undefined) return found;
  throw new PontoonError('bad-value', `unable to find group ${name}: no matching entries in group file`, {
    subject: name,
  });
}

/** undefined where it is no number. */
function numberOf(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number < 0 || number > LIMIT) {
    throw new PontoonError('bad-value', `uids and gids must be in range 0-${LIMIT}: ${text}`, { subject: text });
  }
  return number;
}

export function parsePasswd(text: string): User[] {
  return records(text).map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

export function parseGroup(text: string): Group[] {
  return records(text).map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter(Boolean),
  }));
}

/** Lines that are broken, comments and NIS entries ('+…') are passed over. */
function records(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(([name = '', , id = '']) => name !== '' && !/^[#+-]/.test(name) && /^\d+$/.test(id));
}

/** A file of the container's, or undefined where it has none. */
function readInRoot(rootPath: string, path: string): string | undefined {
  try {
    using root = new RootDirectory(rootPath);
    using file = root.hold(path, { follow: true });
    const status = statSync(file.path); // an image may bring anything: a fifo, a device
    return status.isFile() && status.size <= FILE_LIMIT_BYTES ? readFileSync(file.path, 'utf8') : undefined;
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
