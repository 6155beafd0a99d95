/**
 * @module `pontoon explain`: why does A reach B, or why not.
 */

import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { describeExplanation, type Explanation, explain, type Language, teach } from '../../observe/explain/index.ts';
import { addQuestion, answering, CANNOT_TELL, type QuestionFlags, readQuestion, snapshotFor } from './question.ts';
import { readSnapshot } from './saved.ts';

interface Flags extends QuestionFlags {
  readonly snapshot?: string;
  readonly format: 'text' | 'json';
  readonly teach?: true;
  readonly verify?: true;
  readonly lang: Language;
}

const STATUS = { reachable: 0, unreachable: 1, unknown: CANNOT_TELL } as const;

export function defineExplain(command: Command): void {
  addQuestion(command)
    .option('--snapshot <file>', "explain a saved snapshot, such as somebody else's, instead of this host")
    .option('--verify', 'send a probe as well, and report any difference as a bug of ours')
    .option('--teach', 'as a story for learners')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addOption(new Option('--lang <language>', 'the language').choices(['en', 'zh']).default('en'))
    .action((from: string, to: string, flags: Flags) => answering(() => run(from, to, flags)));
}

async function run(from: string, to: string, flags: Flags): Promise<number> {
  const question = readQuestion(from, to, flags);
  if (flags.verify && flags.snapshot !== undefined) {
    throw new PontoonError('bad-value', 'a saved snapshot cannot be verified: leave out --snapshot or --verify');
  }
  const snapshot =
    flags.snapshot === undefined ? await snapshotFor(flags, question) : await readSnapshot(flags.snapshot);
  if (!flags.verify) {
    const explanation = explain(snapshot, question);
    process.stdout.write(`${render(explanation, flags)}\n`);
    return STATUS[explanation.verdict];
  }
  const { disagreement, trace } = await import('../../observe/trace/index.ts');
  const result = await trace(snapshot, question);
  process.stdout.write(`${render(result.explanation, flags)}\n`);
  const difference = disagreement(result);
  if (difference === undefined) {
    process.stderr.write(`verified: the probe was ${result.verdict}\n`);
    return STATUS[result.explanation.verdict];
  }
  process.stderr.write(`pontoon: ${difference}\n`);
  return CANNOT_TELL;
}

function render(explanation: Explanation, { format, teach: asStory, lang }: Flags): string {
  if (format === 'json') {
    const { facts: _, ...document } = explanation;
    return JSON.stringify(document, undefined, 2);
  }
  return asStory ? teach(explanation, lang) : describeExplanation(explanation, lang);
}
