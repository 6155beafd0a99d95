/**
 * @module The daemon itself: _ping, version, info, system df, auth (Engine API, tag System), and a plain sentence for
 * the parts of Docker that are not here.
 */

import type { FastifyReply } from 'fastify';
import type { Containers } from '../container/containers.ts';
import type { Images } from '../container/images/index.ts';
import { isInsecure } from '../container/images/insecure.ts';
import { login } from '../container/images/login.ts';
import { PontoonError } from '../errors.ts';
import { clientGone } from './answer.ts';
import type { Area } from './app.ts';
import { diskUsage } from './disk-usage.ts';
import { badRequest, HttpError, notImplemented } from './errors.ts';
import { readHostFacts } from './host-facts.ts';
import { booleanOf, parseBody, textsOf } from './parse.ts';
import { AUTH_BODY } from './schemas/auth.ts';
import { newestMinorFor } from './versions.ts';
import { type Counts, viewInfo, viewVersion } from './views/system.ts';

const DISK_USAGE_TYPES = ['container', 'image', 'volume', 'build-cache'];

/** The first parts of paths, and what to say of them. */
const ABSENT: Readonly<Record<string, string>> = {
  build: 'Pontoon does not build images: build them with another tool, and load or pull them',
  session: 'Pontoon does not build images: build them with another tool, and load or pull them',
  commit: 'Pontoon does not make images from containers: build them with another tool, and load or pull them',
  grpc: 'Pontoon does not build images: build them with another tool, and load or pull them',
  swarm: 'Pontoon has no swarm: it runs the containers of one host',
  nodes: 'Pontoon has no swarm: it runs the containers of one host',
  services: 'Pontoon has no swarm: it runs the containers of one host',
  tasks: 'Pontoon has no swarm: it runs the containers of one host',
  secrets: 'Pontoon has no swarm, and thus no secrets: mount a file instead',
  configs: 'Pontoon has no swarm, and thus no configs: mount a file instead',
  plugins: 'Pontoon has no plugins',
  distribution: 'Pontoon does not look images up in registries without pulling them',
};

export const addSystemRoutes: Area = (app, { info, containers, images, volumes }) => {
  const pong = (reply: FastifyReply): FastifyReply =>
    reply
      .headers({
        'Cache-Control': 'no-cache, no-store, must-revalidate',
        Pragma: 'no-cache',
        'Builder-Version': '1',
        Swarm: 'inactive',
      })
      .type('text/plain; charset=utf-8');
  app.get('/_ping', (_request, reply) => pong(reply).send('OK'));
  app.head('/_ping', (_request, reply) => pong(reply).send());

  const programs = async () => (await info.components?.()) ?? [];

  app.get('/version', async ({ headers }) =>
    viewVersion(info, readHostFacts(), await programs(), newestMinorFor(headers['user-agent'])),
  );

  app.get('/info', async ({ apiMinor }) =>
    viewInfo(info, readHostFacts(), { counts: count(containers, images), programs: await programs() }, apiMinor),
  );

  app.get<{ Querystring: Record<string, unknown> }>('/system/df', ({ query, apiMinor }) => {
    const types = textsOf(query.type);
    for (const type of types) {
      if (!DISK_USAGE_TYPES.includes(type)) throw badRequest(`unknown object type: ${type}`);
    }
    if (containers === undefined || images === undefined || volumes === undefined) return {};
    const verbose = booleanOf(query.verbose);
    return diskUsage({ containers, images, volumes }, { types, verbose, minor: apiMinor });
  });

  app.post('/auth', async (request, reply) => {
    const { username = '', password = '', serveraddress = '' } = parseBody(AUTH_BODY, request);
    const registry = serveraddress.replace(/^https?:\/\//, '').split('/')[0]!;
    if (!/^[a-z0-9[][a-z0-9.:\]-]*$/i.test(registry)) throw badRequest('name the registry: docker login HOST[:PORT]');
    try {
      await login({
        registry,
        credentials: { username, password },
        runRoot: info.runRoot,
        signal: clientGone(reply),
        insecure: isInsecure(registry, info.insecureRegistries),
      });
    } catch (error) {
      throw PontoonError.is(error, 'registry-denied') ? new HttpError(401, error.message) : error;
    }
    return { Status: 'Login Succeeded', IdentityToken: '' };
  });

  // What is not there has nothing to show or to throw away: `docker system prune` asks.
  app.get('/plugins', () => []);
  app.get<{ Params: { '*': string } }>('/plugins/*', ({ params }) => {
    throw new HttpError(404, `plugin "${params['*'].replace(/\/json$/, '')}" not found`);
  });
  app.get<{ Params: { name: string } }>('/plugins/:name/json', ({ params }) => {
    throw new HttpError(404, `plugin "${params.name}" not found`); // `docker inspect` looks here last
  });
  app.post('/build/prune', () => ({ CachesDeleted: [], SpaceReclaimed: 0 }));

  for (const [part, sentence] of Object.entries(ABSENT)) {
    const refuse = (): never => {
      throw notImplemented(sentence);
    };
    for (const url of [`/${part}`, `/${part}/*`]) {
      const methods = app.supportedMethods.filter((method) => !app.hasRoute({ method: method as 'GET', url }));
      app.route({ method: methods as 'GET'[], url, handler: refuse });
    }
  }
};

function count(containers: Containers | undefined, images: Images | undefined): Counts {
  const states = (containers?.list() ?? []).map(({ state }) => state.status);
  const running = states.filter((status) => status === 'running' || status === 'restarting').length;
  const paused = states.filter((status) => status === 'paused').length;
  return {
    containers: { running, paused, stopped: states.length - running - paused },
    images: images?.list().length ?? 0,
  };
}
