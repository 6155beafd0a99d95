/**
 * @module Names that are not ours, asked of the servers upstream: in their order, the next one when one fails.
 *
 * A server fails by SERVFAIL, by REFUSED, by silence (4 s) and by being out of reach. NXDOMAIN is an answer, and final.
 * The client's message goes on as it is, but for the ID, and so does the answer: nothing is kept, nothing is rewritten.
 */

import { randomInt } from 'node:crypto';
import { hasQuestion, isTruncated, type Query, REFUSED, rcodeOf, SERVFAIL, writeFailure } from './message.ts';
import { askOverTcp, askOverUdp, type Exchange, type Upstream } from './upstream.ts';

export interface ForwarderOptions {
  /** In the order in which they are asked. None: every foreign name is answered SERVFAIL at once. */
  readonly upstreams: readonly Upstream[];
  /** How long one server may take. Default 4000. */
  readonly timeoutMs?: number | undefined;
  /** How many queries may be under way; more are REFUSED. Default 1024. */
  readonly limit?: number | undefined;
}

/** How a server upstream does. */
export interface UpstreamStats {
  readonly address: string;
  asked: number;
  /** How often it was out of reach, silent, or answered SERVFAIL or REFUSED. */
  failed: number;
  /** Why it failed last, in words. */
  lastFailure: string | undefined;
}

const TIMEOUT_MS = 4000;
const LIMIT = 1024;

export class Forwarder {
  readonly #timeoutMs: number;
  readonly #limit: number;
  readonly #closed = new AbortController();
  #upstreams: readonly { readonly upstream: Upstream; readonly stats: UpstreamStats }[] = [];
  #inFlight = 0;

  constructor(options: ForwarderOptions) {
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#limit = options.limit ?? LIMIT;
    this.setUpstreams(options.upstreams);
  }

  /** The queries under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get upstreams(): readonly Readonly<UpstreamStats>[] {
    return this.#upstreams.map(({ stats }) => ({ ...stats }));
  }

  /** Asks these servers from now on; those that stay keep their counts. Queries under way end with what they began with. */
  setUpstreams(upstreams: readonly Upstream[]): void {
    const counted = new Map(this.#upstreams.map(({ stats }) => [stats.address, stats]));
    this.#upstreams = upstreams.map((upstream) => ({
      upstream,
      stats: counted.get(upstream.address) ?? {
        address: upstream.address,
        asked: 0,
        failed: 0,
        lastFailure: undefined,
      },
    }));
  }

  /**
   * The answer to a client's message, or the RCODE to answer it with. Over UDP first; over TCP when the client came
   * by TCP, or when a server cuts its answer short and the whole of it fits `limit` bytes, what the client can take.
   */
  async forward(message: Buffer, query: Query, transport: 'udp' | 'tcp', limit: number): Promise<Buffer | number> {
    if (this.#inFlight >= this.#limit) return REFUSED;
    this.#inFlight++;
    try {
      for (const { upstream, stats } of this.#upstreams) {
        stats.asked++;
        const response = await this.#ask(upstream, message, query, transport, limit).catch((error: Error) => error);
        if (this.#closed.signal.aborted) break;
        const failure = failureOf(response);
        if (failure === undefined) return response as Buffer;
        stats.failed++;
        stats.lastFailure = failure;
      }
      return SERVFAIL;
    } finally {
      this.#inFlight--;
    }
  }

  /** Ends all queries under way: they answer SERVFAIL. */
  close(): void {
    this.#closed.abort();
  }

  async #ask(
    upstream: Upstream,
    message: Buffer,
    query: Query,
    transport: 'udp' | 'tcp',
    limit: number,
  ): Promise<Buffer> {
    const own = Buffer.from(message);
    own.writeUInt16BE(randomInt(0x10000), 0);
    const exchange: Exchange = {
      message: own,
      questionEnd: query.questionEnd,
      timeoutMs: this.#timeoutMs,
      signal: this.#closed.signal,
    };
    let response = await (transport === 'udp' ? askOverUdp : askOverTcp)(upstream, exchange);
    if (transport === 'udp' && isTruncated(response)) {
      // The client can still come by TCP itself, so a server without TCP is no failure here.
      const whole = await askOverTcp(upstream, exchange).catch(() => undefined);
      if (whole !== undefined && whole.length <= limit && rcodeOf(whole) === rcodeOf(response)) response = whole;
    }
    // Clients do not take an answer without their question for one to it.
    if (!hasQuestion(response)) return writeFailure(message, query, rcodeOf(response));
    // The client's own ID, and its question in its own spelling.
    message.copy(response, 0, 0, 2);
    message.copy(response, 12, 12, query.questionEnd);
    return response;
  }
}

function failureOf(response: Buffer | Error): string | undefined {
  if (response instanceof Error) return response.message;
  const rcode = rcodeOf(response);
  if (rcode === SERVFAIL) return 'SERVFAIL';
  if (rcode === REFUSED) return 'REFUSED';
  return undefined;
}
