/**
 * @module The Engine API as a fastify application: versions, headers, bodies and failures here, one file for each area
 * of routes. It does not listen: the daemon hands it connections, tests and the command line `inject` requests.
 */

import { Readable } from 'node:stream';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Containers } from '../container/containers.ts';
import type { Images } from '../container/images/index.ts';
import type { ProgramVersion } from '../container/program-versions.ts';
import type { Volumes } from '../container/volumes.ts';
import type { Engine } from '../network/engine.ts';
import { addArchiveRoutes } from './archives.ts';
import { routeUpgrades } from './connections.ts';
import { addContainerRoutes } from './containers.ts';
import type { Defaults } from './defaults.ts';
import { badRequest, HttpError, sendError } from './errors.ts';
import { addEventRoutes, type EventHub } from './events.ts';
import { addExecRoutes } from './exec.ts';
import { upgradeOf } from './hijack.ts';
import { addImageRoutes } from './images.ts';
import { addNetworkRoutes } from './networks.ts';
import { addPontoonRoutes } from './pontoon.ts';
import { addStatsRoutes } from './stats.ts';
import { addStreamRoutes } from './streams.ts';
import { addSystemRoutes } from './system.ts';
import { NEWEST_MINOR, readVersion, routedUrl } from './versions.ts';
import { addVolumeRoutes } from './volumes.ts';

/** What the daemon says of itself; the command line in its own process has less to say. */
export interface DaemonInfo {
  readonly version: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly labels: readonly string[];
  readonly debug: boolean;
  /** Of this data directory. */
  readonly id?: string;
  /** What runs containers. */
  readonly runtime?: { readonly name: string; readonly path: string };
  /** The programs that it works with. */
  readonly components?: () => Promise<readonly ProgramVersion[]>;
  readonly insecureRegistries?: readonly string[];
  readonly registryMirrors?: readonly string[];
  /** Of containers that name none. */
  readonly logDriver?: string;
  /** 'builtin', 'unconfined', or 'custom' for one from a file. */
  readonly seccompProfile?: string;
}

export interface ApiDependencies {
  readonly engine: Engine;
  /** Absent in the command line's own process. */
  readonly containers?: Containers;
  readonly images?: Images;
  readonly volumes?: Volumes;
  readonly info: DaemonInfo;
  readonly defaults?: Defaults;
  readonly events: EventHub;
  readonly log: FastifyBaseLogger;
}

/** An area: adds its routes. */
export type Area = (app: FastifyInstance, dependencies: ApiDependencies) => void;

const AREAS: readonly Area[] = [
  addSystemRoutes,
  addContainerRoutes,
  addStreamRoutes,
  addExecRoutes,
  addStatsRoutes,
  addArchiveRoutes,
  addImageRoutes,
  addNetworkRoutes,
  addVolumeRoutes,
  addEventRoutes,
  addPontoonRoutes,
];

/** The largest JSON body. */
const BODY_LIMIT = 8 * 1024 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    /** The 41 of API version 1.41. */
    apiMinor: number;
  }
}

export function createApi(dependencies: ApiDependencies): FastifyInstance {
  const { info, log } = dependencies;
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    bodyLimit: BODY_LIMIT,
    rewriteUrl: routedUrl,
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: 4096 },
  });
  const headers = {
    'Api-Version': `1.${NEWEST_MINOR}`,
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Pontoon/${info.version} (linux)`,
  };
  app.decorateRequest('apiMinor', NEWEST_MINOR);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    const version = readVersion(request.originalUrl);
    if ('refusal' in version) throw badRequest(version.refusal);
    request.apiMinor = version.minor;
  });
  // The body of a request that upgrades came another way.
  app.addHook('preParsing', async (request, _reply, payload) => {
    const upgrade = upgradeOf(request.raw);
    if (upgrade === undefined) return payload;
    return Readable.from(upgrade.body.length === 0 ? [] : [upgrade.body]);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : JSON.parse(text as string));
    } catch (error) {
      done(badRequest(`invalid JSON: ${(error as Error).message}`), undefined);
    }
  });
  // Tar archives and the like: the handler reads the stream. Docker's client of 20.10 names a type where it sends no body.
  app.addContentTypeParser('*', ({ headers }, payload, done) =>
    done(null, headers['content-length'] === '0' ? undefined : payload),
  );
  // Clients compare the whole header; JSON is UTF-8 without being told (RFC 8259, 8.1).
  app.addHook('onSend', async (_request, reply) => {
    if (/^application\/json;/.test(String(reply.getHeader('content-type')))) {
      reply.raw.setHeader('content-type', 'application/json');
      reply.header('content-type', 'application/json');
    }
  });
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.setNotFoundHandler((_request, reply) => sendError(reply, new HttpError(404, 'page not found')));
  for (const addRoutes of AREAS) addRoutes(app, dependencies);
  routeUpgrades(app);
  return app;
}
