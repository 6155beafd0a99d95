/** @module What a container says and hears: logs, attach, resize of its terminal, and waiting for its end. */

import type { Containers, WaitCondition } from '../container/containers.ts';
import type { Container, LogEntry, LogOptions } from '../container/types.ts';
import { openAnswer } from './answer.ts';
import type { Area } from './app.ts';
import type { ById } from './containers.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from './detach-keys.ts';
import { badRequest, notImplemented } from './errors.ts';
import { containerEvent } from './events.ts';
import { given } from './given.ts';
import { frame, hijack, joinStreams, streamType } from './hijack.ts';
import { booleanOf, integerOf, textOf, timeOf } from './parse.ts';

const CONDITIONS: readonly string[] = ['not-running', 'next-exit', 'removed'] satisfies WaitCondition[];
const NS_PER_SECOND = 1_000_000_000n;

export const addStreamRoutes: Area = (app, { containers, events }) => {
  if (containers === undefined) return;

  app.get<ById>('/containers/:id/logs', async (request, reply) => {
    const container = containers.find(request.params.id);
    const { query } = request;
    const options = logOptions(query);
    const terminal = container.spec.tty === true;
    containers.requireLog(container.id); // refused before the answer begins
    using answer = openAnswer(reply, streamType(request, terminal));
    const { signal } = answer;
    const rendering = { terminal, timestamps: booleanOf(query.timestamps) };
    try {
      const entries = containers.logs(container.id, { ...options, follow: booleanOf(query.follow), signal });
      await answer.writeAll(rendered(entries, rendering));
    } catch (error) {
      if (!signal.aborted) await answer.write(told(error, terminal));
    }
  });

  app.post<ById>('/containers/:id/attach', async (request, reply) => {
    const { query } = request;
    const container = containers.find(request.params.id);
    const terminal = container.spec.tty === true;
    const detachKeys = parseDetachKeys(textOf(query.detachKeys) || DEFAULT_DETACH_KEYS);
    const past = booleanOf(query.logs) ? await pastOf(containers, container, query) : [];
    const stream = booleanOf(query.stream);
    const attachment = stream ? await containers.attach(container.id, attachOptions(query)) : undefined;
    const client = hijack(request, reply, streamType(request, terminal));
    for (const data of past) client.write(data);
    if (attachment === undefined) client.end();
    else if (await joinStreams(client, attachment, { terminal, detachKeys })) {
      events.publish(containerEvent(container, 'detach'));
    }
  });

  app.get<ById>('/containers/:id/attach/ws', async () => {
    throw notImplemented('Pontoon does not attach over WebSocket: use POST /containers/{id}/attach');
  });

  app.post<ById>('/containers/:id/resize', async ({ params, query }, reply) => {
    await containers.resize(params.id, ...terminalSize(query));
    return reply.send();
  });

  app.post<ById>('/containers/:id/wait', async ({ params, query }, reply) => {
    const { id } = containers.find(params.id);
    const condition = textOf(query.condition) || 'not-running';
    if (!CONDITIONS.includes(condition)) throw badRequest(`invalid condition: "${condition}"`);
    using answer = openAnswer(reply, 'application/json');
    const { signal } = answer;
    try {
      // Why a run could not begin, the answer to its start says: a client that waits, too, would say it twice.
      const { exitCode } = await containers.wait(id, { condition: condition as WaitCondition, signal });
      await answer.write(`${JSON.stringify({ StatusCode: exitCode })}
`);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
};

/** Rows and columns. @throws HttpError 400 */
export function terminalSize(query: Record<string, unknown>): [rows: number, columns: number] {
  const [rows, columns] = [integerOf('h', query.h), integerOf('w', query.w)];
  if (rows !== undefined && columns !== undefined) return [rows, columns];
  throw badRequest('a terminal has rows and columns: give h and w');
}

function attachOptions(query: Record<string, unknown>) {
  return { stdin: booleanOf(query.stdin), stdout: booleanOf(query.stdout), stderr: booleanOf(query.stderr) };
}

function logOptions(query: Record<string, unknown>): LogOptions {
  const [stdout, stderr] = [booleanOf(query.stdout), booleanOf(query.stderr)];
  if (!stdout && !stderr) throw badRequest('Bad parameters: you must choose at least one stream');
  return {
    stdout,
    stderr,
    ...given({
      sinceNs: timeOf('since', query.since),
      untilNs: timeOf('until', query.until),
      tail: tailOf(query.tail),
    }),
  };
}

/** Docker takes everything that is no number for 'all'. */
function tailOf(value: unknown): number | undefined {
  const text = textOf(value) ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

async function pastOf(containers: Containers, container: Container, query: Record<string, unknown>): Promise<Buffer[]> {
  const entries = containers.logs(container.id, logOptions(query));
  const past: Buffer[] = [];
  for await (const data of rendered(entries, { terminal: container.spec.tty === true, timestamps: false })) {
    past.push(data);
  }
  return past;
}

async function* rendered(
  entries: AsyncIterable<LogEntry>,
  { terminal, timestamps }: { readonly terminal: boolean; readonly timestamps: boolean },
): AsyncGenerator<Buffer> {
  for await (const { timeNs, stream, data } of entries) {
    const line = timestamps ? Buffer.concat([Buffer.from(`${nanoTimestamp(timeNs)} `), data]) : data;
    yield terminal ? line : frame(stream, line);
  }
}

/** The status has been told already, so the failure is part of the log. */
function told(error: unknown, terminal: boolean): Buffer {
  const text = Buffer.from(`Error grabbing logs: ${error instanceof Error ? error.message : String(error)}\n`);
  return terminal ? text : frame('stderr', text);
}

/** RFC 3339 with nine decimals, so that lines stay aligned. */
function nanoTimestamp(timeNs: bigint): string {
  const seconds = new Date(Number(timeNs / NS_PER_SECOND) * 1000).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  return `${seconds}.${String(timeNs % NS_PER_SECOND).padStart(9, '0')}Z`;
}
