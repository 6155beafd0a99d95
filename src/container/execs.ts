/**
 * @module Execs: further processes in a running container. They are set up first and started later, as Docker's API has
 * it, live as long as their container runs, and are forgotten with the daemon.
 */

import { PassThrough, pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { PontoonError } from '../errors.ts';
import { killProcess } from '../kernel/pidfd.ts';
import { newId } from '../network/identity.ts';
import { isOrdinaryEnd } from './attachments.ts';
import { processOf } from './bundle.ts';
import { type Context, emit, wrongState } from './context.ts';
import { abortAfter } from './delays.ts';
import type { Entry } from './entry.ts';
import { removeTree } from './remove-tree.ts';
import { rootPaths } from './rootfs.ts';
import { beginCgroupWait, type Execution, execProcess, readHost, resize, startExitCode } from './runtime/index.ts';
import type { Attachment, AttachOptions, Exec, ExecSpec } from './types.ts';

/** Ended ones are kept this long, since clients ask for the exit code afterwards. */
const KEPT_MS = 5 * 60 * 1000;
/** The exit code of an exec that could not start for a reason of its own, such as an unknown user. */
const EXEC_FAILED = 126;

export interface ExecEntry {
  readonly id: string;
  readonly entry: Entry;
  readonly spec: ExecSpec;
  state: 'created' | 'starting' | 'running' | 'ended';
  pid: number;
  /** While it runs. */
  execution: Execution | undefined;
  exitCode: number | undefined;
}

/** Sets a command up. @throws PontoonError container-state, bad-value */
export function createExec(context: Context, entry: Entry, spec: ExecSpec): Exec {
  requireRunning(entry);
  if (spec.command.length === 0) throw new PontoonError('bad-value', 'No exec command specified');
  beginCgroupWait();
  const exec: ExecEntry = {
    id: newId(),
    entry,
    spec,
    state: 'created',
    pid: 0,
    execution: undefined,
    exitCode: undefined,
  };
  context.execs.set(exec.id, exec);
  emitExec(context, exec, `exec_create: ${spec.command.join(' ')}`);
  return view(exec);
}

/** @throws PontoonError exec-not-found */
export function inspectExec(context: Context, id: string): Exec {
  return view(find(context, id));
}

/**
 * Starts it; resolves with its streams, or with nothing when it is detached.
 * @throws PontoonError exec-not-found, container-state, start-failed
 */
export async function startExec(
  context: Context,
  id: string,
  { detach = false }: { readonly detach?: boolean } = {},
): Promise<Attachment | undefined> {
  const exec = find(context, id);
  if (exec.state === 'ended') throw wrongState(exec.entry, `Error: Exec command ${id} has already run`);
  if (exec.state !== 'created') throw wrongState(exec.entry, `Error: Exec command ${id} is already running`);
  requireRunning(exec.entry);
  const { stdin = false, stdout = false, stderr = false } = exec.spec;
  const execution = await execute(context, exec, detach ? undefined : { stdin, stdout, stderr });
  const report = (error: Error): void => context.log.error(`exec ${id}: ${error.message}`);
  const ended = follow(context, exec, execution).catch(report);
  const { attachment } = execution;
  if (attachment === undefined) return undefined;
  // Whoever has said all at a terminal hears no more, and need not wait.
  const left = exec.spec.tty === true && attachment.stdin ? finished(attachment.stdin).catch(() => ended) : ended;
  return endingAfter(attachment, left, report);
}

/** The streams end when the exit code is known: whoever has read all of them may ask for it. */
function endingAfter(attachment: Attachment, ended: Promise<unknown>, onError: (error: Error) => void): Attachment {
  const gate = (stream: Readable): Readable => {
    const gated = new PassThrough({ flush: (done) => void ended.then(() => done()) });
    pipeline(stream, gated, (error) => {
      if (error && !isOrdinaryEnd(error)) onError(error);
    });
    return gated;
  };
  return {
    ...(attachment.stdin === undefined ? {} : { stdin: attachment.stdin }),
    stdout: gate(attachment.stdout),
    stderr: gate(attachment.stderr),
    [Symbol.asyncDispose]: () => attachment[Symbol.asyncDispose](),
  };
}

/**
 * Runs a command to its end, or until the signal or the time kills it: then without an exit code. The time counts from
 * when it runs. @throws PontoonError
 */
export async function runCommand(
  context: Context,
  entry: Entry,
  command: readonly string[],
  options: { readonly bytes: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<{ readonly exitCode: number | undefined; readonly output: string }> {
  const streams = { stdout: true, stderr: true };
  const exec = find(context, createExec(context, entry, { command, ...streams }).id);
  const execution = await execute(context, exec, streams);
  await using attachment = execution.attachment!;
  const signal = AbortSignal.any([options.signal, abortAfter(options.timeoutMs)]);
  const kill = (): void => killProcess(execution.pid);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const [exitCode, output] = await Promise.all([follow(context, exec, execution), gather(attachment, options.bytes)]);
    return { exitCode: signal.aborted ? undefined : exitCode, output };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** Those that were made in a container and have not ended. */
export function idsOfExecs({ execs }: Context, entry: Entry): string[] {
  return [...execs.values()].filter((exec) => exec.entry === entry && exec.state !== 'ended').map(({ id }) => id);
}

/** Those that nobody has started go with the run that they were made in. */
export function forgetUnstartedExecs({ execs }: Context, entry: Entry): void {
  for (const exec of execs.values()) if (exec.entry === entry && exec.state === 'created') execs.delete(exec.id);
}

/** Lets go of all: they run on, and are forgotten. */
export function leaveExecs({ execs }: Context): void {
  const left = [...execs.values()];
  execs.clear();
  for (const { execution } of left) execution?.[Symbol.dispose]();
}

/** @throws PontoonError exec-not-found, container-state */
export async function resizeExec(context: Context, id: string, rows: number, columns: number): Promise<void> {
  const exec = find(context, id);
  if (exec.state !== 'running') throw wrongState(exec.entry, `Exec command ${id} is not running`);
  await resize(context.paths.exec(id), rows, columns);
}

async function execute(context: Context, exec: ExecEntry, attach: AttachOptions | undefined): Promise<Execution> {
  const { id, entry, spec } = exec;
  exec.state = 'starting';
  try {
    const [runtime, host] = await Promise.all([context.runtime(), readHost()]);
    const root = rootPaths({ id: entry.id, ...context.paths.roots }).merged;
    const process = processOf(entry.record, root, spec.user || undefined);
    const execution = await runtime.execute({
      id: entry.id,
      execId: id,
      directory: context.paths.exec(id),
      process: execProcess({ spec: entry.record.spec, process }, spec, host),
      terminal: spec.tty === true,
      ...(attach === undefined ? {} : { attach }),
    });
    exec.state = 'running';
    exec.pid = execution.pid;
    exec.execution = execution;
    emitExec(context, exec, `exec_start: ${spec.command.join(' ')}`);
    if (!context.execs.has(id)) execution[Symbol.dispose](); // all was closed meanwhile
    return execution;
  } catch (error) {
    if (error instanceof Error) end(context, exec, startExitCode(error, EXEC_FAILED));
    throw error;
  }
}

/** Resolves with its exit code when it has ended; -1 where nobody knows, or we have let go of it. */
async function follow(context: Context, exec: ExecEntry, { exitCode }: Execution): Promise<number> {
  const code = (await exitCode) ?? -1;
  if (!context.execs.has(exec.id)) return code;
  end(context, exec, code);
  emitExec(context, exec, 'exec_die', { exitCode: String(code) });
  await removeTree(context.paths.exec(exec.id));
  return code;
}

function end({ execs }: Context, exec: ExecEntry, exitCode: number): void {
  exec.state = 'ended';
  exec.execution = undefined;
  exec.exitCode = exitCode;
  setTimeout(() => execs.delete(exec.id), KEPT_MS).unref();
}

function emitExec(context: Context, { id, entry }: ExecEntry, action: string, more: Record<string, string> = {}): void {
  emit(context, entry, action, { execID: id, ...more });
}

function find({ execs }: Context, id: string): ExecEntry {
  const exec = execs.get(id);
  if (exec !== undefined) return exec;
  throw new PontoonError('exec-not-found', `No such exec instance: ${id}`, { subject: id });
}

function requireRunning(entry: Entry): void {
  const { phase } = entry.record;
  if (phase === 'paused') throw wrongState(entry, `Container ${entry.id} is paused, unpause the container before exec`);
  if (phase === 'restarting')
    throw wrongState(entry, `Container ${entry.id} is restarting, wait until the container is running`);
  if (phase !== 'running' || entry.process === undefined)
    throw wrongState(entry, `Container ${entry.id} is not running`);
}

async function gather({ stdout, stderr }: Attachment, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let left = bytes;
  const take = (chunk: Buffer): void => {
    if (left <= 0) return;
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
  };
  await Promise.all(
    [stdout, stderr].map((stream) => new Promise((resolve) => stream.on('data', take).once('close', resolve))),
  );
  return Buffer.concat(chunks).toString();
}

function view({ id, entry, spec, state, pid, exitCode }: ExecEntry): Exec {
  return { id, containerId: entry.id, spec, running: state === 'running' || state === 'starting', exitCode, pid };
}
