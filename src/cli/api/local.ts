/**
 * @module The API in this process, over an engine that lives as long as the command: networks and sandboxes without a
 * daemon. Containers are not there: the daemon has to outlive them.
 */

import { type ApiDependencies, createApi } from '../../api/app.ts';
import { EventHub } from '../../api/events.ts';
import { openEngine } from '../../network/engine.ts';
import { type Reply, type Transport, Unreachable } from './transport.ts';

export interface LocalOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Told what failed in the background. */
  readonly onError: (error: unknown) => void;
}

/** @throws PontoonError as openEngine does */
export async function localTransport({ dataRoot, runRoot, onError }: LocalOptions): Promise<Transport> {
  await using opening = new AsyncDisposableStack();
  // It ends before anybody else has changed a rule.
  const engine = opening.use(await openEngine({ dataRoot, runRoot, onError, guardRules: false }));
  const events = new EventHub();
  const app = createApi({
    engine,
    events,
    info: { version: '', dataRoot, runRoot, labels: [], debug: false },
    log: SILENT,
  });
  opening.defer(() => app.close());
  const open = opening.move();
  return {
    async send({ method, path, headers, body }) {
      const reply = await app.inject({
        method: method as 'GET',
        url: path,
        headers,
        payloadAsStream: true,
        ...(body !== undefined && { payload: body }),
      });
      return { status: reply.statusCode, headers: reply.headers as Reply['headers'], body: reply.stream() };
    },
    hijack: () => Promise.reject(new Unreachable('containers need the daemon: start it with: pontoon daemon')),
    close: () => open.disposeAsync(),
  };
}

function nothing(): void {}

/** What the API would log, its answer says. */
const SILENT: ApiDependencies['log'] = {
  level: 'silent',
  fatal: nothing,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  silent: nothing,
  child: () => SILENT,
};
