/**
 * @module Rulesets in nft's own language, as text or JSON: transactions and listings for one network namespace.
 *
 * libnftables does the work inside this process; where it is not installed or cannot be used, the `nft` program does, at
 * ten times the price. For rulesets that change seldom, and to read what is there; what changes often goes through `batch.ts`.
 * libnftables looks up interfaces in the calling thread's namespace, whatever the context was made in: so every call
 * is made inside the namespace.
 * @see libnftables(3), libnftables-json(5)
 */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { type Errno, KernelError } from '../error.ts';
import { type LibNftables, libnftables } from '../ffi.ts';
import type { NetworkNamespace } from '../namespace.ts';

/** A command of libnftables-json(5), such as `{ add: { table: { family: 'inet', name: 'pontoon' } } }`. */
export type JsonCommand = Readonly<Record<string, unknown>>;
/** A script in nft's text form, or commands: all in text, or all in JSON. Errors name one command. */
export type Commands = string | readonly string[] | readonly JsonCommand[];
export type NftablesBackend = 'library' | 'command';

/** Carries out one script; with `dry`, the kernel checks it and changes nothing. */
interface Runner extends Disposable {
  run(script: string, options: { json: boolean; dry?: boolean }): Outcome;
}
type CommandList = Exclude<Commands, string>;
type Outcome = { readonly ok: true; readonly output: string } | { readonly ok: false; readonly error: string };

const NFT_CTX_OUTPUT_JSON = 1 << 4;
/** libnftables waits with select(2), and the C library ends the process for a descriptor that select cannot take. */
const FD_SETSIZE = 1024;
/** Other threads may open files between the look and the use. */
const SPARE_DESCRIPTORS = 32;
const SUBJECT_MAX_LENGTH = 160;
/** The C library's words, with which libnftables ends what the kernel refused. */
const ERRNO_TEXTS: Readonly<Record<string, Errno>> = {
  'No such file or directory': 'ENOENT',
  'File exists': 'EEXIST',
  'Device or resource busy': 'EBUSY',
  'Operation not supported': 'EOPNOTSUPP',
  'Operation not permitted': 'EPERM',
  'Directory not empty': 'ENOTEMPTY',
  'Numerical result out of range': 'ERANGE',
  'Cannot allocate memory': 'ENOMEM',
  'Too many links': 'EMLINK',
};

export class Nftables implements Disposable {
  readonly backend: NftablesBackend;
  readonly #namespace: NetworkNamespace;
  readonly #runner: Runner;

  /**
   * For `namespace`, which must stay open as long as this is used. `backend` is chosen by what can be used.
   * @throws PontoonError feature-missing when libnftables is asked for and not installed
   */
  constructor(namespace: NetworkNamespace, backend?: NftablesBackend) {
    this.#namespace = namespace;
    this.backend = backend ?? (isLibraryInstalled() && hasLowDescriptor() ? 'library' : 'command');
    this.#runner = this.backend === 'library' ? namespace.enter(createLibraryRunner) : createCommandRunner();
  }

  [Symbol.dispose](): void {
    this.#runner[Symbol.dispose]();
  }

  /** Carries out everything in one transaction. @throws KernelError that names the first command refused; then nothing has changed */
  run(commands: Commands): void {
    const list = typeof commands === 'string' ? [commands] : commands;
    if (list.length === 0) return;
    const outcome = this.#attempt(list);
    if (!outcome.ok) throw refused(list[this.#firstRefused(list)] as string | JsonCommand, outcome.error);
  }

  /** What `nft -j list …` gives, without its first object (the version): `list('table inet pontoon')`. @throws KernelError */
  list(what: string): JsonCommand[] {
    const { nftables } = JSON.parse(this.#list(what, true)) as { nftables: JsonCommand[] };
    return nftables.filter((object) => !('metainfo' in object));
  }

  /** What `nft list …` prints. @throws KernelError */
  listText(what: string): string {
    return this.#list(what, false);
  }

  #list(what: string, json: boolean): string {
    const command = `list ${what}`;
    const outcome = this.#namespace.enter(() => this.#runner.run(`${command}\n`, { json }));
    if (!outcome.ok) throw refused(command, outcome.error);
    return outcome.output;
  }

  #attempt(commands: CommandList, dry = false): Outcome {
    const json = typeof commands[0] !== 'string';
    const script = json ? JSON.stringify({ nftables: commands }) : `${commands.join('\n')}\n`;
    return this.#namespace.enter(() => this.#runner.run(script, { json, dry }));
  }

  /** The index of the command without which the ones before it would pass: libnftables does not say which it was. */
  #firstRefused(commands: CommandList): number {
    let passing = 0;
    let failing = commands.length;
    while (failing - passing > 1) {
      const middle = (passing + failing) >> 1;
      if (this.#attempt(commands.slice(0, middle) as CommandList, true).ok) passing = middle;
      else failing = middle;
    }
    return failing - 1;
  }
}

function isLibraryInstalled(): boolean {
  try {
    libnftables();
    return true;
  } catch (error) {
    if (PontoonError.is(error, 'feature-missing')) return false;
    throw error;
  }
}

/** Whether a socket that is opened now gets a number that select(2) takes. */
function hasLowDescriptor(): boolean {
  const next = openSync('/dev/null', 'r');
  closeSync(next);
  return next < FD_SETSIZE - SPARE_DESCRIPTORS;
}

/** libnftables in this process. The context opens its socket here and now, in the current namespace. */
function createLibraryRunner(): Runner {
  const library: LibNftables = libnftables();
  const context = library.nft_ctx_new(0);
  if (context === null) throw new KernelError('nft_ctx_new', 'ENOMEM');
  library.nft_ctx_buffer_output(context);
  library.nft_ctx_buffer_error(context);
  return {
    run(script, { json, dry }) {
      library.nft_ctx_output_set_flags(context, json ? NFT_CTX_OUTPUT_JSON : 0);
      library.nft_ctx_set_dry_run(context, dry ?? false);
      const status = library.nft_run_cmd_from_buffer(context, script);
      const output = library.nft_ctx_get_output_buffer(context) ?? '';
      const error = library.nft_ctx_get_error_buffer(context) ?? '';
      return status === 0 ? { ok: true, output } : { ok: false, error };
    },
    [Symbol.dispose]: () => library.nft_ctx_free(context),
  };
}

/** The `nft` program, with its input in a file: it cannot read the standard input that Node gives it (a socket). */
function createCommandRunner(): Runner {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-nft-'));
  const file = join(directory, 'commands.nft');
  return {
    run(script, { json, dry }) {
      writeFileSync(file, script);
      // Synchronous, so that the child is born of this thread and in its present namespace.
      const child = spawnSync('nft', [...(json ? ['-j'] : []), ...(dry ? ['-c'] : []), '-f', file], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
        maxBuffer: Number.POSITIVE_INFINITY,
      });
      if (child.error !== undefined) throw nftMissing(child.error);
      return child.status === 0 ? { ok: true, output: child.stdout } : { ok: false, error: child.stderr };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function nftMissing(cause: Error): PontoonError {
  return new PontoonError('feature-missing', 'neither libnftables.so.1 nor nft is here: install the package nftables', {
    cause,
    subject: 'nftables',
  });
}

function refused(command: string | JsonCommand, text: string): KernelError {
  const line = (typeof command === 'string' ? command : JSON.stringify(command)).replaceAll(/\s+/g, ' ').trim();
  const subject = line.length > SUBJECT_MAX_LENGTH ? `${line.slice(0, SUBJECT_MAX_LENGTH - 1)}…` : line;
  const detail = explanation(text);
  return new KernelError('nft', errnoOf(detail), { subject, detail });
}

/** The first complaint in libnftables' text, without the place, which counts in the script that it was given. */
function explanation(text: string): string {
  return /Error: (.+)/.exec(text)?.[1]?.trim() ?? text.replaceAll(/\s+/g, ' ').trim();
}

/** Where libnftables itself found the fault (a syntax error), EINVAL. */
function errnoOf(detail: string): Errno {
  for (const [text, errno] of Object.entries(ERRNO_TEXTS)) {
    if (detail.includes(text)) return errno;
  }
  return 'EINVAL';
}
