/**
 * @module `pontoon cp`: files out of a container or into one, as tar archives over the API; packing and unpacking on
 * this side is tar's own work. @see docker/cli, command/container/cp.go
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { type ApiClient, ApiError } from '../api/client.ts';
import { humanSize } from '../output/units.ts';
import { withApi } from '../session.ts';
import { pass } from '../stream/demultiplex.ts';

interface CopyFlags {
  readonly archive?: true;
  readonly followLink?: true;
  readonly quiet?: true;
}

/** A path in a container, or on this side. */
interface Place {
  readonly container: string | undefined;
  readonly path: string;
}

/** Of the header X-Docker-Container-Path-Stat; Go's file modes have the type in their upper bits. */
interface PathStat {
  readonly name: string;
  readonly mode: number;
  readonly linkTarget: string;
}

const GO_DIRECTORY = 2 ** 31;
const GO_SYMLINK = 2 ** 27;

export function defineCopy(command: Command): void {
  command
    .argument('<source>', "CONTAINER:PATH, a path here, or '-' for a tar archive from standard input")
    .argument('<destination>', "CONTAINER:PATH, a path here, or '-' for a tar archive to standard output")
    .option('-a, --archive', 'with owners and groups')
    .option('-L, --follow-link', 'what a symbolic link leads to instead of the link')
    .option('-q, --quiet', 'say nothing')
    .action((from: string, to: string, flags: CopyFlags) => {
      const [source, destination] = [placeOf(from), placeOf(to)];
      return withApi(command, (api) => {
        if (source.container !== undefined && destination.container !== undefined) {
          throw new PontoonError('bad-value', 'copying between containers is not supported: copy to a path here first');
        }
        if (source.container !== undefined) return copyOut(api, source.container, source.path, destination.path, flags);
        if (destination.container !== undefined) {
          return copyIn(api, source.path, destination.container, destination.path, flags);
        }
        throw new PontoonError('bad-value', 'one of the two must be in a container: write CONTAINER:PATH');
      });
    });
}

/** What begins with a slash or a dot is here, whatever colons it has. */
function placeOf(text: string): Place {
  const colon = text.indexOf(':');
  if (colon < 0 || text.startsWith('/') || text.startsWith('.')) return { container: undefined, path: text };
  if (colon === 0) throw new PontoonError('bad-value', `cannot copy '${text}': the container has no name`);
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

async function copyOut(api: ApiClient, container: string, from: string, to: string, flags: CopyFlags): Promise<void> {
  let path = from;
  if (flags.followLink) {
    const { mode, linkTarget } = await statInside(api, container, path);
    if (mode & GO_SYMLINK) path = linkTarget.startsWith('/') ? linkTarget : join(dirname(path), linkTarget);
  }
  const { body, headers } = await api.open('GET', `/containers/${container}/archive`, { query: { path } });
  if (to === '-') {
    await pass(body, process.stdout);
    return;
  }
  const source = readStat(headers['x-docker-container-path-stat']);
  const isDirectory = (source.mode & GO_DIRECTORY) !== 0;
  const { directory, name } = await destinationFor(resolve(to), to, isDirectory, path, source.name);
  const size = await unpack(body, directory, source.name, name, flags.archive === true);
  say(flags, `Successfully copied ${size} to ${to}`);
}

/** Where the source goes: below the directory and by the name that it has then; undefined: its contents go there. */
async function destinationFor(path: string, shown: string, isDirectory: boolean, from: string, sourceName: string) {
  const contents = isDirectory && /(^|\/)\.$/.test(from);
  const there = await stat(path).catch(absent);
  if (there?.isDirectory()) return { directory: path, name: contents ? undefined : basename(sourceName) };
  if (there !== undefined && isDirectory)
    throw new PontoonError('bad-value', `cannot copy a directory to the file ${shown}`);
  if (shown.endsWith('/') && !isDirectory) throw new PontoonError('bad-value', `there is no directory ${shown}`);
  if ((await stat(dirname(path)).catch(absent)) === undefined) {
    throw new PontoonError('bad-value', `there is no directory ${dirname(path)}`);
  }
  return { directory: dirname(path), name: basename(path) };
}

/** Unpacks what is `packed` under that name as `name`. @returns the size of the archive */
async function unpack(body: Readable, directory: string, packed: string, name: string | undefined, owners: boolean) {
  const rename =
    name === undefined
      ? ['--strip-components=1']
      : [`--transform=flags=rhS;s|^${escapePattern(packed)}|${escapeReplacement(name)}|`];
  const owner = owners ? ['--same-owner'] : ['--no-same-owner'];
  let size = 0;
  body.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  await tar(['-x', '-p', ...owner, ...rename, '-C', directory, '-f', '-'], body);
  return humanSize(size);
}

async function copyIn(api: ApiClient, from: string, container: string, to: string, flags: CopyFlags): Promise<void> {
  const target = await statInside(api, container, to).catch((error: unknown) => {
    if (ApiError.is(error, 404) && !/no such container/i.test(error.message)) return undefined;
    throw error;
  });
  const targetIsDirectory = target !== undefined && (target.mode & GO_DIRECTORY) !== 0;
  const put = (path: string, archive: Readable) =>
    api.json('PUT', `/containers/${container}/archive`, {
      query: { path, noOverwriteDirNonDir: true, copyUIDGID: flags.archive },
      archive,
    });
  if (from === '-') {
    if (!targetIsDirectory) throw new PontoonError('bad-value', `${container}:${to} is not a directory`);
    await put(to, process.stdin);
    return;
  }
  const source = await (flags.followLink ? stat : lstat)(from);
  const contents = source.isDirectory() && /(^|\/)\.$/.test(from);
  if (target !== undefined && !targetIsDirectory && source.isDirectory()) {
    throw new PontoonError('bad-value', `cannot copy a directory to the file ${container}:${to}`);
  }
  if (target === undefined && to.endsWith('/') && !source.isDirectory()) {
    throw new PontoonError('bad-value', `there is no directory ${container}:${to}`);
  }
  const path = resolve(from);
  // A new name for it, or its own below a directory that is there, or only what is in it.
  const [below, name] = targetIsDirectory
    ? [to, contents ? '.' : basename(path)]
    : [dirname(to.replace(/\/+$/, '')), basename(to.replace(/\/+$/, ''))];
  let size = 0;
  const packing = pack(path, name, flags);
  packing.archive.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  await put(below, packing.archive);
  await packing.ended;
  say(flags, `Successfully copied ${humanSize(size)} to ${container}:${to}`);
}

/** A tar archive of a path, under another name. */
function pack(path: string, name: string, { archive, followLink }: CopyFlags) {
  const isContents = name === '.';
  const [directory, member] = isContents ? [path, '.'] : [dirname(path), `./${basename(path)}`];
  const rename = isContents
    ? []
    : [`--transform=flags=rhS;s|^\\./${escapePattern(basename(path))}|${escapeReplacement(name)}|`];
  const owner = archive ? ['--numeric-owner'] : ['--owner=0', '--group=0'];
  const dereference = followLink ? ['--dereference'] : [];
  const child = spawn('tar', ['-c', '-f', '-', ...owner, ...dereference, ...rename, '-C', directory, member], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = settle(child);
  ended.catch(() => child.stdout.destroy(new PontoonError('kernel', `tar cannot read ${path}`)));
  return { archive: child.stdout, ended };
}

async function tar(args: readonly string[], input: Readable): Promise<void> {
  const child = spawn('tar', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = settle(child);
  child.stdin.on('error', () => {}); // tar says why it stopped reading
  input.pipe(child.stdin);
  await ended;
}

/** @throws PontoonError with tar's first line */
async function settle(child: ReturnType<typeof spawn>): Promise<void> {
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new PontoonError('kernel', complaint.trim().split('\n')[0] ?? `tar ended with ${status}`);
}

async function statInside(api: ApiClient, container: string, path: string): Promise<PathStat> {
  const { headers, body } = await api.open('HEAD', `/containers/${container}/archive`, { query: { path } });
  body.resume();
  return readStat(headers['x-docker-container-path-stat']);
}

function readStat(header: string | string[] | undefined): PathStat {
  return JSON.parse(Buffer.from(String(header), 'base64').toString()) as PathStat;
}

function say({ quiet }: CopyFlags, line: string): void {
  if (!quiet) process.stderr.write(`${line}\n`);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*[\]|]/g, '\\$&');
}

function escapeReplacement(text: string): string {
  return text.replace(/[\\&|]/g, '\\$&');
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
