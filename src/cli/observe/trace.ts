/**
 * @module `pontoon trace`: sends one probe, and shows it on every interface that it passes.
 */

import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { Question } from '../../observe/endpoints/index.ts';
import {
  captureFile,
  describeEvent,
  describeTrace,
  disagreement,
  type Followed,
  follow,
  trace,
} from '../../observe/trace/index.ts';
import { integer } from '../values.ts';
import { addQuestion, answering, type QuestionFlags, readQuestion, snapshotFor } from './question.ts';

interface Flags extends QuestionFlags {
  readonly pcap?: string;
  readonly wait: number;
  readonly packets: number;
  readonly follow?: true;
  readonly seconds: number;
  readonly format: 'text' | 'json';
}

/** Names of interfaces have 15 bytes, and '@' and a container follow. */
const LABEL_WIDTH = 24;

export function defineTrace(command: Command): void {
  addQuestion(command)
    .option('--pcap <file>', 'write the frames to a file that Wireshark opens, with an interface for each hop')
    .option('--follow', 'send nothing: show real traffic between the two as it comes')
    .addOption(new Option('--seconds <n>', 'with --follow: how long').argParser(integer).default(30))
    .addOption(new Option('--wait <ms>', 'how long to wait for an answer').argParser(integer).default(1000))
    .addOption(new Option('--packets <count>', 'how many frames to keep at most').argParser(integer).default(10_000))
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action((from: string, to: string, flags: Flags) => answering(() => run(from, to, flags)));
}

async function run(from: string, to: string, flags: Flags): Promise<number> {
  const question = readQuestion(from, to, flags);
  if (flags.follow) return followTraffic(question, flags);
  const result = await trace(await snapshotFor(flags, question), question, {
    waitMs: flags.wait,
    framesMax: flags.packets,
  });
  if (flags.format === 'json') {
    const { captured: _, explanation, ...document } = result;
    const explained = { verdict: explanation.verdict, cause: explanation.cause, sentence: explanation.sentence };
    process.stdout.write(`${JSON.stringify({ ...document, explanation: explained }, undefined, 2)}\n`);
  } else {
    process.stdout.write(`${describeTrace(result)}\n`);
    if (result.verdict !== 'answered') process.stdout.write(`explain says: ${result.explanation.sentence}\n`);
  }
  if (flags.pcap !== undefined)
    write(
      flags.pcap,
      captureFile({
        captured: result.captured,
        comment: `pontoon trace: ${result.verdict}. ${result.explanation.sentence}`,
      }),
    );
  const difference = disagreement(result);
  if (difference !== undefined) process.stderr.write(`pontoon: ${difference}\n`);
  return result.verdict === 'answered' ? 0 : 1;
}

/** Until the time is over, or Ctrl-C. Fails when nothing came. */
async function followTraffic(question: Question, flags: Flags): Promise<number> {
  const end = AbortSignal.timeout(flags.seconds * 1000);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const snapshot = await snapshotFor(flags, question);
  let seen = 0;
  const captured: Followed[] = [];
  const signal = AbortSignal.any([end, interrupted.signal]);
  for await (const one of follow(snapshot, question, signal, { framesMax: flags.packets })) {
    if (flags.pcap !== undefined) captured.push(one);
    process.stdout.write(
      `${flags.format === 'json' ? JSON.stringify(one.event) : describeEvent(LABEL_WIDTH, one.event)}\n`,
    );
    seen += 1;
  }
  if (flags.pcap !== undefined) write(flags.pcap, captureFile({ captured, comment: 'pontoon trace --follow' }));
  if (seen === 0) process.stderr.write('pontoon: no such traffic came by\n');
  return seen === 0 ? 1 : 0;
}

function write(path: string, bytes: Buffer): void {
  try {
    writeFileSync(path, bytes);
  } catch (cause) {
    throw new PontoonError('bad-value', `the capture cannot be written: ${(cause as Error).message}`, {
      cause,
      subject: path,
    });
  }
}
