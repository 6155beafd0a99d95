/**
 * @module What carries a request to the API: a socket of the daemon (http.ts), or a call in this process (local.ts).
 */

import type { Duplex, Readable } from 'node:stream';

export interface Request {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

export interface Transport {
  /** @throws Unreachable when nobody answers */
  send(request: Request): Promise<Reply>;
  /** Sends a request after which the connection carries raw streams. A reply without them comes as a Reply. */
  hijack(request: Request): Promise<{ readonly stream: Duplex } | Reply>;
  close(): Promise<void>;
}

/** Nobody listens where the daemon should: the request was not heard. */
export class Unreachable extends Error {}

/** The daemon went away before it had answered: nobody knows how far it came. */
export class ConnectionLost extends Error {}
