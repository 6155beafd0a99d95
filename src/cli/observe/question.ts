/**
 * @module What `explain` and `trace` have in common on the command line: who asks whom, and by what.
 */

import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import { parseQuestion, type Question } from '../../observe/endpoints/index.ts';
import type { Snapshot } from '../../observe/snapshot/types.ts';
import { ExitStatus } from '../failure.ts';
import { integer } from '../values.ts';

export interface QuestionFlags {
  readonly proto?: string;
  readonly port?: number;
  readonly fromPort?: number;
  readonly size?: number;
  readonly ipv4?: true;
  readonly ipv6?: true;
}

/** A question that makes no sense, and one that nobody can answer. */
export const CANNOT_TELL = 2;

export function addQuestion(command: Command): Command {
  return command
    .argument('<from>', 'who asks: a container, docker:NAME, podman:NAME, netns:NAME|PATH, pid:N, host, host/IFACE')
    .argument('<to>', 'who is asked: the same, outside, an address, or a name as the asker would resolve it')
    .option('--proto <protocol>', 'icmp, tcp, udp or sctp (default: tcp with --port, else icmp)')
    .option('--port <port>', 'the port that is asked', integer)
    .option('--from-port <port>', 'the port that asks', integer)
    .option('--size <bytes>', 'what the packet carries, like ping -s', integer)
    .option('-4, --ipv4', 'by IPv4')
    .option('-6, --ipv6', 'by IPv6');
}

/** @throws PontoonError bad-value */
export function readQuestion(
  from: string,
  to: string,
  { proto, port, fromPort, size, ipv4, ipv6 }: QuestionFlags,
): Question {
  const family = ipv4 ? 4 : ipv6 ? 6 : undefined;
  return parseQuestion(from, to, {
    ...(proto === undefined ? {} : { protocol: proto }),
    ...(port === undefined ? {} : { port }),
    ...(fromPort === undefined ? {} : { fromPort }),
    ...(size === undefined ? {} : { sizeBytes: size }),
    ...(family === undefined ? {} : { family }),
  });
}

/**
 * The host as the question needs it. Tracked flows matter where the source port is given: only then is the flow one that
 * may be tracked. The rules inside of containers that nobody asks about cost time, and decide nothing.
 */
export async function snapshotFor({ fromPort }: QuestionFlags, { from, to }: Question): Promise<Snapshot> {
  const { takeSnapshot } = await import('../../observe/snapshot/take.ts');
  const byName = [from, to].every(({ kind }) => kind !== 'path' && kind !== 'process');
  const asked = new Set([from.text, to.text].map((text) => text.replace(/^\w+:/, '')));
  return takeSnapshot({
    conntrack: fromPort !== undefined,
    rulesOf: ({ owner, names }) => !byName || !ENGINES.has(owner) || names.some(({ name }) => asked.has(name)),
  });
}

const ENGINES: ReadonlySet<string> = new Set(['pontoon', 'docker', 'podman']);

/** Runs the command; a question that makes no sense ends with a status of its own. */
export async function answering(work: () => Promise<number>): Promise<void> {
  let status: number;
  try {
    status = await work();
  } catch (error) {
    if (!(error instanceof PontoonError)) throw error;
    process.stderr.write(`pontoon: ${error.message}\n`);
    status = CANNOT_TELL;
  }
  if (status !== 0) throw new ExitStatus(status);
}
