/**
 * @module The daemon itself: _ping, version, info, system df, auth (Engine API, tag System), and a plain sentence for
 * the parts of Docker that are not here.
 */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ApiDependencies } from './app.ts';
import { notImplemented } from './errors.ts';
import { readHostFacts } from './host-facts.ts';
import { viewInfo, viewVersion } from './views/system.ts';

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

export function addSystemRoutes(app: FastifyInstance, { info }: ApiDependencies): void {
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

  app.get('/version', () => viewVersion(info, readHostFacts()));

  app.get('/info', () =>
    viewInfo(info, readHostFacts(), { containers: { running: 0, paused: 0, stopped: 0 }, images: 0 }),
  );

  app.get('/system/df', () => ({ LayersSize: 0, Images: [], Containers: [], Volumes: [], BuildCache: [] }));

  for (const [part, sentence] of Object.entries(ABSENT)) {
    const refuse = (): never => {
      throw notImplemented(sentence);
    };
    app.all(`/${part}`, refuse);
    app.all(`/${part}/*`, refuse);
  }
}
