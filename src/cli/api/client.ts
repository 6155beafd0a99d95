/**
 * @module The Engine API as the commands call it: paths, queries and JSON in, JSON and streams out. A refusal becomes
 * ApiError with the daemon's own sentence.
 */

import type { Duplex, Readable } from 'node:stream';
import { parseExact } from '../output/json.ts';
import type { Reply, Request, Transport } from './transport.ts';

export type QueryValue = string | number | boolean | undefined | readonly string[];
export type Query = Readonly<Record<string, QueryValue>>;

export interface CallOptions {
  readonly query?: Query;
  readonly json?: unknown;
  /** Instead of `json`: a tar archive. */
  readonly archive?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The API said no. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  static is(error: unknown, status: number): error is ApiError {
    return error instanceof ApiError && error.status === status;
  }
}

export class ApiClient implements AsyncDisposable {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.json<T>('GET', path, { query });
  }

  post<T = unknown>(path: string, options: CallOptions = {}): Promise<T> {
    return this.json<T>('POST', path, options);
  }

  delete<T = unknown>(path: string, query: Query = {}): Promise<T> {
    return this.json<T>('DELETE', path, { query });
  }

  /** As `get`, with large whole numbers as bigint. */
  async getExact<T>(path: string, query: Query = {}): Promise<T> {
    const { body } = await this.open('GET', path, { query });
    return parseExact(await readText(body)) as T;
  }

  /** The answer read as JSON; undefined when it has no body. @throws ApiError, Unreachable */
  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const { body } = await this.open(method, path, options);
    const text = await readText(body);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** An answer that is read as it comes. @throws ApiError, Unreachable */
  async open(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    return accept(await this.#transport.send(requestOf(method, path, options)));
  }

  /** The messages of an answer that is one JSON value a line, as they come. Large whole numbers are bigint. */
  async *messages<T>(method: string, path: string, options: CallOptions = {}): AsyncGenerator<T> {
    const { body } = await this.open(method, path, options);
    let rest = '';
    for await (const chunk of body.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.trim() !== '') yield parseExact(line) as T;
    }
    if (rest.trim() !== '') yield parseExact(rest) as T;
  }

  /** Raw streams of a container's process. @throws ApiError, Unreachable */
  async hijack(path: string, options: CallOptions = {}): Promise<Duplex> {
    const answer = await this.#transport.hijack(requestOf('POST', path, options));
    if ('stream' in answer) return answer.stream;
    const { status } = await accept(answer);
    throw new ApiError(status, `the daemon did not turn ${path} into a stream`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#transport.close();
  }
}

function requestOf(method: string, path: string, { query = {}, json, archive, headers, signal }: CallOptions): Request {
  const body = json === undefined ? archive : JSON.stringify(json);
  const type = json === undefined ? 'application/x-tar' : 'application/json';
  return {
    method,
    path: escapePath(path) + queryString(query),
    headers: { ...(body !== undefined && { 'content-type': type }), ...headers },
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
  };
}

/** Names stand in paths as they were written; what has no other meaning there stays (RFC 3986, 3.3). */
function escapePath(path: string): string {
  return encodeURIComponent(path).replace(/%(2F|3A|40)/g, decodeURIComponent);
}

function queryString(query: Query): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (typeof value === 'object') for (const each of value) given.append(key, each);
    else if (value !== undefined && value !== false && value !== '')
      given.append(key, value === true ? '1' : String(value));
  }
  const text = given.toString();
  return text === '' ? '' : `?${text}`;
}

async function accept(reply: Reply): Promise<Reply> {
  if (reply.status < 400) return reply;
  const text = await readText(reply.body);
  throw new ApiError(reply.status, messageIn(text) ?? `the daemon answered with status ${reply.status}`);
}

/** {"message": …}; older or foreign servers may answer with plain text. */
function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return text.trim() || undefined;
  }
}

async function readText(body: Readable): Promise<string> {
  let text = '';
  for await (const chunk of body.setEncoding('utf8')) text += chunk;
  return text;
}
