/**
 * @module /pontoon: what Docker's API has no words for. Ports of running containers, sandboxes on namespaces and
 * processes, repair, and all that the engine tells. Bodies and answers are the engine's own types; the engine checks
 * their shapes.
 */

import type { FastifyInstance } from 'fastify';
import type { InitialEndpoint } from '../network/engine.ts';
import type { EndpointSpec, NamespaceSpec, PortBindingSpec, SandboxSpec, UnpublishSelector } from '../network/types.ts';
import { answerLines } from './answer.ts';
import type { ApiDependencies } from './app.ts';
import { badRequest, HttpError } from './errors.ts';
import { connect, disconnect, findMember } from './members.ts';
import { parseBody, timeOf } from './parse.ts';
import { ANY_BODY } from './schemas/pontoon.ts';

interface ById {
  readonly Params: { readonly id: string };
}

export function addPontoonRoutes(app: FastifyInstance, dependencies: ApiDependencies): void {
  const { engine, containers } = dependencies;
  addSandboxRoutes(app, dependencies);

  for (const kind of ['containers', 'sandboxes']) {
    app.post<ById>(`/pontoon/${kind}/:id/publish`, async (request) => {
      const { network, ...spec } = parseBody(ANY_BODY, request);
      const { kind: is, id } = findMember(dependencies, request.params.id);
      const options = network === undefined ? {} : { network: String(network) };
      const binding = spec as unknown as PortBindingSpec;
      return is === 'container' ? containers!.publish(id, binding, options) : engine.publish(id, binding, options);
    });

    app.post<ById>(`/pontoon/${kind}/:id/unpublish`, async (request) => {
      const selector = parseBody(ANY_BODY, request) as UnpublishSelector;
      const { kind: is, id } = findMember(dependencies, request.params.id);
      return is === 'container' ? containers!.unpublish(id, selector) : engine.unpublish(id, selector);
    });
  }

  app.post('/pontoon/reconcile', () => engine.reconcile());

  /** What opening the engine repaired. */
  app.get('/pontoon/opening', () => engine.opening);

  app.get<{ Querystring: Record<string, unknown> }>('/pontoon/events', (request, reply) => {
    const sinceNs = timeOf('since', request.query.since);
    const since = sinceNs === undefined ? {} : { since: Number(sinceNs / 1_000_000n) };
    return answerLines(reply, (signal) => engine.events({ ...since, signal }), JSON.stringify);
  });
}

function addSandboxRoutes(app: FastifyInstance, dependencies: ApiDependencies): void {
  const { engine } = dependencies;

  /** What is a container's is not changed behind the container's back. */
  const freeSandbox = (ref: string): string => {
    const { kind, id } = findMember(dependencies, ref);
    if (kind === 'sandbox') return id;
    throw new HttpError(409, `${ref} is a container: start, stop and remove it as one`);
  };

  app.get('/pontoon/sandboxes', () => engine.listSandboxes());

  app.get<ById>('/pontoon/sandboxes/:id', ({ params }) => engine.inspectSandbox(params.id));

  app.post('/pontoon/sandboxes', async (request, reply) => {
    const spec = parseBody(ANY_BODY, request) as unknown as SandboxSpec & { endpoints?: InitialEndpoint[] };
    return reply.code(201).send(await engine.createSandbox(spec));
  });

  app.delete<ById>('/pontoon/sandboxes/:id', async ({ params }, reply) => {
    await engine.removeSandbox(freeSandbox(params.id));
    return reply.code(204).send();
  });

  app.post<ById>('/pontoon/sandboxes/:id/stop', async ({ params }, reply) => {
    await engine.stopSandbox(freeSandbox(params.id));
    return reply.code(204).send();
  });

  app.post<ById>('/pontoon/sandboxes/:id/start', async (request) => {
    const { namespace } = parseBody(ANY_BODY, request);
    return engine.startSandbox(freeSandbox(request.params.id), namespace as NamespaceSpec | undefined);
  });

  app.post<ById>('/pontoon/sandboxes/:id/attach', async (request) => {
    const { network: ref, ...spec } = parseBody(ANY_BODY, request);
    const network = engine.inspectNetwork(networkRef(ref));
    const member = findMember(dependencies, request.params.id);
    await connect(dependencies, member, network, spec as EndpointSpec);
    return engine.inspectSandbox(member.id).endpoints.find(({ networkId }) => networkId === network.id);
  });

  app.post<ById>('/pontoon/sandboxes/:id/detach', async (request, reply) => {
    const { network: ref } = parseBody(ANY_BODY, request);
    const network = engine.inspectNetwork(networkRef(ref));
    await disconnect(dependencies, findMember(dependencies, request.params.id), network, false);
    return reply.code(204).send();
  });
}

function networkRef(ref: unknown): string {
  if (typeof ref === 'string' && ref !== '') return ref;
  throw badRequest('field network is missing: name the network');
}
