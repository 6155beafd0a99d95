/**
 * @module The two images that need no registry.
 *
 * `pontoon/busybox` is made of the host's static busybox: a shell and some 300 tools, many of them for networks. The
 * same busybox gives the same image, byte for byte. `pontoon/host` has no layers: its root is the host's own, so that
 * any program of the host runs in a container. What containers must not see of the host through it is masked.
 */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Pack, pack } from 'tar-stream';
import { PontoonError } from '../../errors.ts';
import { escapeOverlayPath, setOpaque } from '../../kernel/overlayfs.ts';
import { pathOf, runProgram } from '../programs.ts';
import { mountMemory } from '../rootfs.ts';
import { HOST_ARCHITECTURE } from './oci.ts';
import type { Blob, Stage } from './stage.ts';

export interface Builtin {
  readonly name: string;
  /** Changes when the image would: which one it is, and of what it is made. @throws PontoonError program-missing */
  key(): string;
  /** Puts the configuration and the layers into the stage. */
  build(stage: Stage): Promise<{ config: Blob; layers: readonly string[] }>;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Raise it when the content of pontoon/busybox changes. */
const BUSYBOX_RECIPE = 1;

const busybox: Builtin = {
  name: 'pontoon/busybox:latest',

  key() {
    const { size, mtimeMs } = statSync(findStaticBusybox());
    return `busybox-${BUSYBOX_RECIPE}-${size}-${Math.trunc(mtimeMs)}`;
  },

  async build(stage) {
    const path = findStaticBusybox();
    const made = statSync(path).mtime;
    made.setMilliseconds(0);
    const layer = await stage.addStream(await busyboxTar(path, made));
    const config = stage.addBytes(
      configuration({
        created: made,
        command: 'busybox --list',
        diffIds: [layer.digest],
        description: 'busybox of the host: a shell and some 300 small tools',
        config: { Env: [PATH], Cmd: ['sh'] },
      }),
    );
    return { config, layers: [layer.digest] };
  },
};

const host: Builtin = {
  name: 'pontoon/host:latest',
  key: () => 'host-1',

  async build(stage) {
    const description =
      "The host's own root: every file and program of the host's root file system can be read in the container, " +
      '/etc/shadow and private keys too. Writes go to the container alone. Not shown: /proc, /sys, /dev, /run, /tmp, ' +
      "other mounted file systems, and Pontoon's own data.";
    const config = stage.addBytes(
      configuration({
        created: statSync('/').birthtime,
        command: 'the root of this host',
        diffIds: [],
        description,
        config: { Env: [PATH, 'HOME=/root'], Cmd: ['/bin/sh'], WorkingDir: '/' },
      }),
    );
    return { config, layers: [] };
  },
};

export const BUILTINS: readonly Builtin[] = [busybox, host];

/** True for the key of pontoon/host, which cannot be saved or unpacked. */
export function isHostKey(key: string | undefined): boolean {
  return key === host.key();
}

/**
 * The lower directories of pontoon/host: a mask over '/'. The mask lives on a tmpfs, since overlayfs takes no two
 * layers of which one contains the other.
 * @param hidden directories that containers must not see, besides those of `MASKED`
 */
export function hostLower(runRoot: string, hidden: readonly string[]): string {
  const mask = join(mountMemory(runRoot), 'host-mask');
  if (!existsSync(mask)) {
    const unfinished = `${mask}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    copyOwnership('/', unfinished);
    for (const path of [...MASKED, ...hidden]) hide(unfinished, path);
    renameSync(unfinished, mask);
  }
  return `${escapeOverlayPath(mask)}:/`;
}

/** What pontoon/host never shows: the sockets and devices of the host, and what other users left in /tmp. */
const MASKED = ['/proc', '/sys', '/dev', '/run', '/tmp'];

/** Puts an empty opaque directory over a directory of the host; its parents stay as the host has them. */
function hide(mask: string, path: string): void {
  if (!existsSync(path)) return;
  const real = realpathSync(path);
  if (MASKED.some((masked) => real.startsWith(`${masked}/`))) return;
  const parts = real.split('/').filter((part) => part !== '');
  for (const depth of parts.keys()) {
    const directory = join('/', ...parts.slice(0, depth + 1));
    const inMask = join(mask, directory);
    if (existsSync(inMask)) continue;
    mkdirSync(inMask);
    copyOwnership(directory, inMask);
  }
  setOpaque(join(mask, real));
}

function copyOwnership(from: string, to: string): void {
  const { mode, uid, gid } = statSync(from);
  chownSync(to, uid, gid);
  chmodSync(to, mode & 0o7777);
}

interface ConfigurationInput {
  readonly created: Date;
  readonly command: string;
  readonly diffIds: readonly string[];
  readonly description: string;
  readonly config: Readonly<Record<string, unknown>>;
}

function configuration({ created, command, diffIds, description, config }: ConfigurationInput): string {
  return JSON.stringify({
    created: created.toISOString(),
    architecture: HOST_ARCHITECTURE,
    os: 'linux',
    comment: description,
    config: { ...config, Labels: { 'org.opencontainers.image.description': description } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: [
      { created: created.toISOString(), created_by: command, comment: description, empty_layer: diffIds.length === 0 },
    ],
  });
}

/** The host's busybox. @throws PontoonError program-missing where there is none, or one that needs shared libraries */
function findStaticBusybox(): string {
  const path = pathOf('busybox');
  if (hasInterpreter(readFileSync(path))) {
    const message = `${path} needs shared libraries, which an image of its own does not have: install busybox-static`;
    throw new PontoonError('program-missing', message, { subject: 'busybox' });
  }
  return path;
}

/** True for an ELF file that is linked dynamically: it has a program header PT_INTERP (elf(5)). */
function hasInterpreter(elf: Buffer): boolean {
  const wide = elf[4] === 2;
  const [offset, size, count] = wide
    ? [Number(elf.readBigUInt64LE(0x20)), elf.readUInt16LE(0x36), elf.readUInt16LE(0x38)]
    : [elf.readUInt32LE(0x1c), elf.readUInt16LE(0x2a), elf.readUInt16LE(0x2c)];
  const PT_INTERP = 3;
  return Array.from({ length: count }, (_, at) => elf.readUInt32LE(offset + at * size)).includes(PT_INTERP);
}

const DIRECTORIES: readonly (readonly [string, number])[] = [
  ...['bin', 'dev', 'etc', 'home', 'mnt', 'opt', 'proc', 'run', 'srv', 'sys', 'usr'].map(
    (name) => [name, 0o755] as const,
  ),
  ...['usr/lib', 'usr/local', 'usr/local/bin', 'usr/share', 'var', 'var/lib', 'var/log', 'var/spool', 'var/www'].map(
    (name) => [name, 0o755] as const,
  ),
  ['root', 0o700],
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
];

const LINKS: readonly (readonly [string, string])[] = [
  ['sbin', 'bin'],
  ['usr/bin', '../bin'],
  ['usr/sbin', '../bin'],
  ['var/run', '../run'],
];

const FILES: readonly (readonly [string, string])[] = [
  [
    'etc/passwd',
    `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`,
  ],
  ['etc/group', 'root:x:0:\ndaemon:x:1:\nbin:x:2:\ntty:x:5:\nwheel:x:10:root\nwww-data:x:33:\nnogroup:x:65534:\n'],
  ['etc/shadow', 'root:*:::::::\nnobody:*:::::::\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
  ['etc/hosts', ''],
  ['etc/hostname', ''],
  ['etc/resolv.conf', ''],
];

/** The one layer of pontoon/busybox. Every name is sorted and every time the same, so that the tar is too. */
async function busyboxTar(path: string, mtime: Date): Promise<Pack> {
  const applets = (await runProgram('busybox', ['--list'])).toString().split('\n');
  const links = applets.filter((name) => name !== '' && name !== 'busybox').sort();
  const tar = pack();
  const owner = { uid: 0, gid: 0, mtime };
  for (const [name, mode] of DIRECTORIES) tar.entry({ ...owner, name, mode, type: 'directory' });
  for (const [name, linkname] of LINKS) tar.entry({ ...owner, name, linkname, mode: 0o777, type: 'symlink' });
  for (const [name, text] of FILES) tar.entry({ ...owner, name, mode: name === 'etc/shadow' ? 0o640 : 0o644 }, text);
  tar.entry({ ...owner, name: 'bin/busybox', mode: 0o755 }, readFileSync(path));
  for (const name of links)
    tar.entry({ ...owner, name: `bin/${name}`, linkname: 'busybox', mode: 0o777, type: 'symlink' });
  tar.finalize();
  return tar;
}
