/**
 * @module `pontoon demo`: checks that this machine can show it, then plays it in a private world.
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { runInWorld } from './run-in-world.ts';

/** The programs that the demo runs containers with and shows their outcome with, and the package of Debian that each is in. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  ping: 'iputils-ping',
  curl: 'curl',
  busybox: 'busybox-static',
  conmon: 'conmon',
  crun: 'crun',
  mount: 'mount',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
};

/** What runs in the world: compiled together with this file, or not, like it. */
const MAIN = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'main.ts' : 'main.js');

/** `pontoon demo`. */
export function defineDemo(command: Command): void {
  command
    .addOption(new Option('--lang <language>', 'the language it is told in').choices(['en', 'zh']).default('en'))
    .option('--pause', 'wait for Enter after each step')
    .action(async ({ lang, pause }: { lang: string; pause?: true }) => {
      await requireMeans();
      process.exitCode = await runInWorld([process.execPath, MAIN, lang, ...(pause ? ['pause'] : [])]);
    });
}

/** @throws PontoonError no-privilege, feature-missing: with all that is missing */
async function requireMeans(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new PontoonError('no-privilege', 'the demo makes network namespaces, which takes root: run it with sudo');
  }
  const missing = Object.keys(PROGRAMS).filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => PROGRAMS[program]))].join(' ');
    throw new PontoonError('feature-missing', `the demo needs ${missing.join(', ')}: apt-get install ${packages}`);
  }
  const { missingFeatures } = await import('../../kernel/features.ts'); // help does without the kernel layer
  const features = missingFeatures();
  if (features.length === 1) throw features[0];
  if (features.length > 1) {
    throw new PontoonError('feature-missing', features.map(({ message }) => message).join('; '));
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => isExecutable(join(directory, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
