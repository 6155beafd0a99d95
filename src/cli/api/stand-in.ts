/**
 * @module A transport that another takes over from when nobody answers: the daemon's socket, then the API in this
 * process. Only what was never heard is asked again.
 */

import { type Transport, Unreachable } from './transport.ts';

/** Requests go one after the other, and their bodies are no streams. */
export function withStandIn(first: Transport, openSecond: () => Promise<Transport>): Transport {
  let current = first;
  const attempt = async <T>(use: (transport: Transport) => Promise<T>): Promise<T> => {
    try {
      return await use(current);
    } catch (error) {
      if (!(error instanceof Unreachable) || current !== first) throw error;
      current = await openSecond();
      return use(current);
    }
  };
  return {
    send: (request) => attempt((transport) => transport.send(request)),
    hijack: (request) => attempt((transport) => transport.hijack(request)),
    async close() {
      await first.close();
      if (current !== first) await current.close();
    },
  };
}
