/**
 * @module Events: one hub for what happens to networks, containers, images and volumes, in Docker's words, and
 * GET /events, which tells it as JSON lines.
 *
 * The hub keeps the last thousand. A reader who asks for the past gets what is left of it; one who is slower than the
 * thousand misses the oldest.
 */

import type { FastifyInstance } from 'fastify';
import { abortAfter } from '../container/delays.ts';
import type { Container, ContainerEvent } from '../container/types.ts';
import type { Engine } from '../network/engine.ts';
import type { EngineEvent } from '../network/types.ts';
import { answerLines } from './answer.ts';
import type { ApiDependencies } from './app.ts';
import { badRequest } from './errors.ts';
import { exactNumber } from './exact-number.ts';
import { type Filters, parseFilters } from './filters.ts';
import { given } from './given.ts';
import { timeOf } from './parse.ts';

const KEPT = 1024;
const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/** Something that happened. */
export type ApiEvent = Omit<ContainerEvent, 'type'> & {
  readonly type: ContainerEvent['type'] | 'network' | 'daemon';
};

export interface FollowOptions {
  /** Begin with what happened then or later. Default: only what happens from now on. */
  readonly sinceNs?: bigint;
  /** End with what happened then, once that time has come. */
  readonly untilNs?: bigint;
  readonly signal?: AbortSignal;
}

export class EventHub {
  /** The oldest first; `#dropped` went before them. */
  readonly #events: ApiEvent[] = [];
  readonly #closed = new AbortController();
  #dropped = 0;
  #next = Promise.withResolvers<void>();

  publish(event: ApiEvent): void {
    this.#events.push(event);
    if (this.#events.length > KEPT) {
      this.#events.shift();
      this.#dropped++;
    }
    this.#wake();
  }

  /** Publishes what an engine tells of its networks, until the engine or the hub is closed. */
  async publishEngine(engine: Engine): Promise<void> {
    for await (const event of engine.events({ since: 0, signal: this.#closed.signal })) {
      const known = ofEngine(event);
      if (known !== undefined) this.publish(known);
    }
  }

  /** Ends with the signal, `untilNs` or the hub. */
  async *follow({ sinceNs, untilNs, signal }: FollowOptions = {}): AsyncGenerator<ApiEvent> {
    const ends = [this.#closed.signal, ...(signal === undefined ? [] : [signal])];
    if (untilNs !== undefined) ends.push(timeout(untilNs));
    const end = AbortSignal.any(ends);
    end.addEventListener('abort', () => this.#wake(), { once: true });
    let position = sinceNs === undefined ? this.#dropped + this.#events.length : 0;
    while (true) {
      const next = this.#next.promise;
      for (; position < this.#dropped + this.#events.length; position++) {
        position = Math.max(position, this.#dropped);
        const event = this.#events[position - this.#dropped]!;
        if (untilNs !== undefined && event.timeNs > untilNs) return;
        if (sinceNs === undefined || event.timeNs >= sinceNs) yield event;
      }
      if (end.aborted) return;
      await next;
    }
  }

  /** Ends all who follow. */
  close(): void {
    this.#closed.abort();
  }

  #wake(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}

/** Aborts at a time, at once where it is past. */
function timeout(untilNs: bigint): AbortSignal {
  const waitMs = Number(untilNs / NS_PER_MS) - Date.now();
  return waitMs <= 0 ? AbortSignal.abort() : abortAfter(waitMs);
}

/** What a client does with a container, and its layer does not see. */
export function containerEvent(
  { id, name, spec }: Container,
  action: string,
  more: Readonly<Record<string, string>> = {},
): ApiEvent {
  const attributes = { ...spec.labels, image: spec.image, name, ...more };
  return { timeNs: BigInt(Date.now()) * NS_PER_MS, type: 'container', action, id, attributes };
}

/** What Docker tells too; sandboxes and ports are for /pontoon/events. */
function ofEngine({ type, action, id, attributes, timeMs }: EngineEvent): ApiEvent | undefined {
  if (type !== 'network') return undefined;
  const driver = attributes.type === 'none' ? 'null' : attributes.type!;
  return { type, action, id, attributes: { ...attributes, type: driver }, timeNs: BigInt(timeMs) * NS_PER_MS };
}

/** The first version whose clients say how they want the stream, and that has no old fields in it. */
const NEGOTIATED_STREAM_MINOR = 52;
const JSON_TYPE = 'application/json';
/** RFC 7464: a record separator before each message. */
const SEQUENCE_TYPE = 'application/json-seq';
const RECORD_SEPARATOR = '\x1e';
/** Besides it, one message a line. */
const STREAM_TYPES = [SEQUENCE_TYPE, 'application/x-ndjson', 'application/jsonl', JSON_TYPE];

/** The first of the stream's types that a client accepts. */
function streamType(accept = ''): string {
  const types = accept
    .split(',')
    .filter((type) => !/;\s*q=0(?:\.0*)?\s*$/.test(type))
    .map((type) => type.split(';')[0]!.trim().toLowerCase());
  return types.find((type) => STREAM_TYPES.includes(type)) ?? JSON_TYPE;
}

const SCOPE = 'local';
/** These name things of their type, by ID or by the attribute 'name'. */
const BY_TYPE = ['container', 'image', 'volume', 'network', 'daemon'] as const;

export function matchesEvent(filters: Filters, event: ApiEvent): boolean {
  const { type, action, id, attributes } = event;
  // 'exec_create: sh' and 'health_status: healthy' are asked for by their first word, too.
  const names = [action, action.split(':')[0]!];
  const isNamed = (key: (typeof BY_TYPE)[number]): boolean =>
    filters.some(key, (wanted) => {
      if (key === 'network' && type === 'container') return attributes.network === wanted;
      if (key === 'image' && type === 'container') return isReference(attributes.image, wanted);
      if (type !== key) return false;
      return id.startsWith(wanted) || isReference(attributes.name, wanted);
    });
  return (
    filters.exact('type', type) &&
    filters.exact('scope', SCOPE) &&
    filters.some('event', (wanted) => names.includes(wanted)) &&
    filters.labels(attributes) &&
    BY_TYPE.every(isNamed)
  );
}

/** A name, with its tag or without. */
function isReference(name: string | undefined, wanted: string): boolean {
  return name === wanted || name?.replace(/:[^/:]*$/, '') === wanted;
}

/** Docker's message: the old fields status, id and from are for containers and images only, and gone in API 1.52. */
export function viewEvent({ type, action, id, attributes, timeNs }: ApiEvent, minor: number): Record<string, unknown> {
  const from = type === 'container' ? attributes.image : undefined;
  const old = { ...(type === 'container' || type === 'image' ? { status: action, id } : {}), ...given({ from }) };
  return {
    ...(minor < NEGOTIATED_STREAM_MINOR && old),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: SCOPE,
    time: Number(timeNs / NS_PER_SECOND),
    // A number that JavaScript rounds and JSON does not: see `lineOf`.
    timeNano: timeNs,
  };
}

export function addEventRoutes(app: FastifyInstance, { events }: ApiDependencies): void {
  app.get<{ Querystring: Record<string, string> }>('/events', async (request, reply) => {
    const { query, apiMinor, headers } = request;
    const filters = parseFilters(query.filters).allow(
      'type',
      'scope',
      'event',
      'label',
      'config',
      'node',
      'plugin',
      'secret',
      'service',
      ...BY_TYPE,
    );
    // The beginning of time is a time here.
    const sinceNs = query.since === '0' ? 0n : timeOf('since', query.since);
    const untilNs = timeOf('until', query.until);
    if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
      throw badRequest(`\`since\` time (${query.since}) cannot be after \`until\` time (${query.until})`);
    }
    const range = { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }) };
    const contentType = apiMinor < NEGOTIATED_STREAM_MINOR ? JSON_TYPE : streamType(headers.accept);
    const begin = contentType === SEQUENCE_TYPE ? RECORD_SEPARATOR : '';
    const line = (event: ApiEvent): string => begin + lineOf(event, apiMinor);
    return answerLines(reply, (signal) => matching(events.follow({ ...range, signal }), filters), line, contentType);
  });
}

async function* matching(events: AsyncIterable<ApiEvent>, filters: Filters): AsyncGenerator<ApiEvent> {
  for await (const event of events) if (matchesEvent(filters, event)) yield event;
}

function lineOf(event: ApiEvent, minor: number): string {
  return JSON.stringify(viewEvent(event, minor), (_key, value: unknown) =>
    typeof value === 'bigint' ? exactNumber(value) : value,
  );
}
