/**
 * @module Published ports of an endpoint: put up and taken down, live.
 */

import { PontoonError } from '../errors.ts';
import type { Context } from './context.ts';
import type { Membership } from './gateway.ts';
import { routeBinding } from './gateway-mode.ts';
import { formatHostSide, type HostSide, parsePorts } from './ports.ts';
import { bindingElements } from './ruleset.ts';
import { step } from './step.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './store.ts';
import type { PortBinding, PortBindingSpec } from './types.ts';

/** Publishes ports of a running sandbox's endpoint. @throws PontoonError port-taken, ports-full, …; nothing has changed then */
export function publish(
  context: Context,
  sandbox: SandboxRecord,
  { endpoint, network }: Membership,
  spec: PortBindingSpec,
): PortBinding[] {
  const { state, ports, ruleset } = context;
  const wanted = wantedBindings(context, network, spec);
  const added = sandbox.running ? ports.hold(wanted, whoHas(context)) : wanted;
  const published: EndpointRecord = { ...endpoint, ports: [...endpoint.ports, ...added] };
  try {
    step(`ports of ${sandbox.name}: record`);
    state.commit({ endpoints: [published], events: added.map((binding) => portEvent('publish', sandbox, binding)) });
    try {
      if (!sandbox.running) return added;
      step(`ports of ${sandbox.name}: rules`);
      ruleset.add(bindingElements({ endpoint, network }, added));
      step(`ports of ${sandbox.name}: flows`);
      ruleset.forgetEarlier(added);
    } catch (error) {
      state.commit({ endpoints: [endpoint] });
      throw error;
    }
  } catch (error) {
    ports.release(added);
    throw error;
  }
  return added;
}

/** Takes bindings of an endpoint away; established TCP connections go on, UDP flows end. */
export function unpublish(
  context: Context,
  sandbox: SandboxRecord,
  { endpoint, network }: Membership,
  gone: readonly PortBinding[],
): void {
  const { state, ports, ruleset } = context;
  step(`ports of ${sandbox.name}: record`);
  const left = { ...endpoint, ports: endpoint.ports.filter((binding) => !gone.includes(binding)) };
  state.commit({ endpoints: [left], events: gone.map((binding) => portEvent('unpublish', sandbox, binding)) });
  if (!sandbox.running) return;
  step(`ports of ${sandbox.name}: rules`);
  ruleset.remove(bindingElements({ endpoint, network }, gone));
  step(`ports of ${sandbox.name}: flows`);
  ruleset.forgetThrough(endpoint, gone);
  ports.release(gone);
}

/** What a spec asks for on a network, checked. @throws PontoonError bad-value, bad-address */
export function wantedBindings({ ruleset }: Context, network: NetworkRecord, spec: PortBindingSpec): PortBinding[] {
  if (!ruleset.publishes) {
    const message = 'ports cannot be published: this engine was told to make no packet filter; open it with one';
    throw new PontoonError('mode-conflict', message);
  }
  const bindings = parsePorts(spec, network.hostAddress);
  checkPublishable(network, bindings[0]?.hostAddress);
  return bindings.flatMap((binding) => routeBinding(network, binding));
}

/** @throws PontoonError bad-value where publishing would silently do nothing */
function checkPublishable(network: NetworkRecord, hostAddress: string | undefined): void {
  const refuse = (why: string, remedy: string): never => {
    const message = `ports cannot be published on network ${network.name}${hostAddress === undefined ? '' : ` at ${hostAddress}`}: ${why}; ${remedy}`;
    throw new PontoonError('bad-value', message, { subject: network.name });
  };
  if (network.internal) refuse('it is internal, so nothing outside can reach it', 'publish on another network');
  if (network.driver !== 'bridge') {
    refuse(`endpoints of driver ${network.driver} are reached directly`, 'use their own addresses and ports');
  }
  const family = hostAddress?.includes(':') === true ? 6 : 4;
  if (hostAddress !== undefined && !network.subnets.some((subnet) => subnet.family === family)) {
    refuse(`it has no IPv${family}`, `publish on an IPv${family === 6 ? 4 : 6} address, or on all`);
  }
}

/** Names the sandbox whose binding overlaps a host port. */
export function whoHas({ state }: Context) {
  return (wanted: HostSide): string | undefined => {
    for (const endpoint of state.endpoints.values()) {
      for (const binding of endpoint.ports) {
        if (binding.protocol !== wanted.protocol) continue;
        if (binding.hostPort[0] > wanted.hostPort[1] || binding.hostPort[1] < wanted.hostPort[0]) continue;
        const sandbox = state.sandboxes.get(endpoint.sandboxId);
        if (sandbox?.running === true) return `sandbox ${sandbox.name}`;
      }
    }
    return undefined;
  };
}

function portEvent(action: 'publish' | 'unpublish', sandbox: SandboxRecord, binding: PortBinding) {
  const [first, last] = binding.port;
  return {
    type: 'port' as const,
    action,
    id: sandbox.id,
    attributes: {
      name: sandbox.name,
      host: formatHostSide(binding),
      port: first === last ? String(first) : `${first}-${last}`,
    },
  };
}
