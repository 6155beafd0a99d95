/**
 * @module Metrics for Prometheus: requests by route, what the engine has, and the process itself, on an address of
 * their own. They are made when they are asked for, and cost nothing otherwise.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine } from '../network/engine.ts';

export interface MetricsOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly engine: Engine;
  readonly app: FastifyInstance;
  readonly version: string;
}

/** Serves GET /metrics until it is disposed. @throws system errors of listen */
export async function serveMetrics({ address, engine, app, version }: MetricsOptions): Promise<AsyncDisposable> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: 'pontoon_info', help: 'The version.', labelNames: ['version'], registers: [registry] }).set(
    { version },
    1,
  );
  countRequests(app, registry);
  countThings(engine, registry);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  const listening = once(server, 'listening');
  server.listen(address);
  await listening;
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Call it before the application is ready. */
function countRequests(app: FastifyInstance, registry: Registry): void {
  const labelNames = ['method', 'route', 'status'];
  const requests = new Counter({
    name: 'pontoon_api_requests_total',
    help: 'Requests that were answered.',
    labelNames,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'pontoon_api_request_duration_seconds',
    help: 'How long requests took, streams until their end.',
    labelNames: ['method', 'route'],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none' };
    requests.inc({ ...labels, status: reply.statusCode });
    seconds.observe(labels, reply.elapsedTime / 1000);
  });
}

function countThings(engine: Engine, registry: Registry): void {
  const count = (name: string, help: string, of: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(of());
      },
    });
  };
  const sandboxes = () => engine.listSandboxes();
  count('pontoon_networks', 'Networks.', () => engine.listNetworks().length);
  count('pontoon_sandboxes', 'Sandboxes that run.', () => sandboxes().filter(({ running }) => running).length);
  count('pontoon_endpoints', 'Endpoints.', () => sandboxes().reduce((sum, { endpoints }) => sum + endpoints.length, 0));
}
