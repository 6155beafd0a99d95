/**
 * @module `pontoon trace`: sends one probe, and shows it on every interface that it passes.
 */

import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { captureFile, describeTrace, disagreement, trace } from '../../observe/trace/index.ts';
import { integer } from '../values.ts';
import { addQuestion, answering, type QuestionFlags, readQuestion, snapshotFor } from './question.ts';

interface Flags extends QuestionFlags {
  readonly pcap?: string;
  readonly wait: number;
  readonly packets: number;
  readonly format: 'text' | 'json';
}

export function defineTrace(command: Command): void {
  addQuestion(command)
    .option('--pcap <file>', 'write the frames to a file that Wireshark opens, with an interface for each hop')
    .addOption(new Option('--wait <ms>', 'how long to wait for an answer').argParser(integer).default(1000))
    .addOption(new Option('--packets <count>', 'how many frames to keep at most').argParser(integer).default(10_000))
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action((from: string, to: string, flags: Flags) => answering(() => run(from, to, flags)));
}

async function run(from: string, to: string, flags: Flags): Promise<number> {
  const question = readQuestion(from, to, flags);
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
  if (flags.pcap !== undefined) write(flags.pcap, captureFile(result));
  const difference = disagreement(result);
  if (difference !== undefined) process.stderr.write(`pontoon: ${difference}\n`);
  return result.verdict === 'answered' ? 0 : 1;
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
