/**
 * @module `pontoon explain`: why does A reach B, or why not.
 */

import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { parseQuestion } from '../../observe/endpoints/index.ts';
import { describeExplanation, type Explanation, explain, type Language, teach } from '../../observe/explain/index.ts';
import type { Snapshot } from '../../observe/snapshot/types.ts';
import { ExitStatus } from '../failure.ts';
import { integer } from '../values.ts';

interface Flags {
  readonly proto?: string;
  readonly port?: number;
  readonly fromPort?: number;
  readonly size?: number;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly snapshot?: string;
  readonly format: 'text' | 'json';
  readonly teach?: true;
  readonly lang: Language;
}

/** Of the verdicts; 2 also for a question that makes no sense. */
const STATUS = { reachable: 0, unreachable: 1, unknown: 2 } as const;

export function defineExplain(command: Command): void {
  command
    .argument(
      '<from>',
      'who asks: a container, docker:NAME, podman:NAME, netns:NAME|PATH, pid:N, host, host/IFACE, outside',
    )
    .argument('<to>', 'who is asked: the same, an address, or a name as the asker would resolve it')
    .option('--proto <protocol>', 'icmp, tcp, udp or sctp (default: tcp with --port, else icmp)')
    .option('--port <port>', 'the port that is asked', integer)
    .option('--from-port <port>', 'the port that asks', integer)
    .option('--size <bytes>', 'what the packet carries, like ping -s', integer)
    .option('-4, --ipv4', 'by IPv4')
    .option('-6, --ipv6', 'by IPv6')
    .option('--snapshot <file>', "explain a saved snapshot, such as somebody else's, instead of this host")
    .option('--teach', 'as a story for learners')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addOption(new Option('--lang <language>', 'the language').choices(['en', 'zh']).default('en'))
    .action(async (from: string, to: string, flags: Flags) => {
      const explanation = await answer(from, to, flags);
      process.stdout.write(`${render(explanation, flags)}\n`);
      if (STATUS[explanation.verdict] !== 0) throw new ExitStatus(STATUS[explanation.verdict]);
    });
}

async function answer(
  from: string,
  to: string,
  { proto, port, fromPort, size, ipv4, ipv6, snapshot }: Flags,
): Promise<Explanation> {
  try {
    const family = ipv4 ? 4 : ipv6 ? 6 : undefined;
    const question = parseQuestion(from, to, {
      ...(proto === undefined ? {} : { protocol: proto }),
      ...(port === undefined ? {} : { port }),
      ...(fromPort === undefined ? {} : { fromPort }),
      ...(size === undefined ? {} : { sizeBytes: size }),
      ...(family === undefined ? {} : { family }),
    });
    return explain(snapshot === undefined ? await take(fromPort !== undefined) : await read(snapshot), question);
  } catch (error) {
    if (!(error instanceof PontoonError)) throw error;
    process.stderr.write(`pontoon: ${error.message}\n`);
    throw new ExitStatus(2);
  }
}

/** Tracked flows matter where the source port is given: only then is the flow one that may be tracked. */
async function take(conntrack: boolean): Promise<Snapshot> {
  const { takeSnapshot } = await import('../../observe/snapshot/take.ts');
  return takeSnapshot({ conntrack });
}

async function read(path: string): Promise<Snapshot> {
  const { parseSnapshot } = await import('../../observe/snapshot/parse.ts');
  try {
    return parseSnapshot(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof PontoonError) throw cause;
    throw new PontoonError('bad-value', `the snapshot ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
      subject: path,
    });
  }
}

function render(explanation: Explanation, { format, teach: asStory, lang }: Flags): string {
  if (format === 'json') {
    const { facts: _, ...document } = explanation;
    return JSON.stringify(document, undefined, 2);
  }
  return asStory ? teach(explanation, lang) : describeExplanation(explanation, lang);
}
