/**
 * @module Endpoints: a sandbox's memberships in networks, planned, connected and disconnected.
 *
 * A plan takes what can be taken (addresses, host ports) and changes nothing else, so that a conflict costs nothing.
 * Only a running sandbox has anything in the kernel; the endpoints of a stopped one are records.
 */

import { PontoonError } from '../errors.ts';
import { Address, macFromAddress, parseMac } from '../ipam/index.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { listLinks } from '../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../kernel/uapi/netlink.ts';
import { type Context, networkEvent } from './context.ts';
import { interfaceTaken, type OpenNamespace } from './drivers/driver.ts';
import { DRIVERS } from './drivers/index.ts';
import type { Membership } from './gateway.ts';
import { checkInterfaceName, checkName, newId } from './identity.ts';
import { checkInterfaceSysctls, checkLinkLocal, LOOPBACK_INDEX, moveDefaultRoutes } from './interface.ts';
import { wantedBindings, whoHas } from './publishing.ts';
import { bindingElements } from './ruleset.ts';
import { step } from './step.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './store.ts';
import type { EndpointSpec } from './types.ts';

/** An endpoint that is to be, on its network. */
export type Plan = Membership;

/** The memberships of a sandbox. */
export function membershipsOf({ state }: Context, sandboxId: string): Membership[] {
  return state
    .endpointsOf(sandboxId)
    .map((endpoint) => ({ endpoint, network: state.networks.get(endpoint.networkId)! }));
}

/**
 * Plans endpoints for a sandbox: checks, takes addresses and (when it runs) host ports.
 * @param others the memberships that the sandbox has already
 * @throws PontoonError; nothing stays taken
 */
export function planEndpoints(
  context: Context,
  sandbox: SandboxRecord,
  wanted: readonly { readonly network: NetworkRecord; readonly spec: EndpointSpec }[],
  others: readonly Membership[],
  takenInterfaces: ReadonlySet<string>,
): Plan[] {
  const plans: Plan[] = [];
  try {
    for (const { network, spec } of wanted) {
      checkMode(sandbox, network, [...others, ...plans]);
      const names = new Set([
        ...takenInterfaces,
        ...[...others, ...plans].map(({ endpoint }) => endpoint.interfaceName ?? ''),
      ]);
      plans.push({ network, endpoint: planEndpoint(context, sandbox, network, spec, names) });
    }
    return plans;
  } catch (error) {
    releasePlans(context, plans);
    throw error;
  }
}

/** Gives back what plans took. */
export function releasePlans({ leases, ports }: Context, plans: readonly Plan[]): void {
  for (const { endpoint } of plans) {
    leases.release(endpoint.networkId, endpoint.ipv4, endpoint.id);
    leases.release(endpoint.networkId, endpoint.ipv6, endpoint.id);
    ports.release(endpoint.ports);
  }
}

/** Opens the namespace of a running sandbox, with an rtnetlink socket inside. Close it with `closeNamespace`. */
export function openNamespace({ paths }: Context, sandbox: SandboxRecord): OpenNamespace & Disposable {
  return withSocket(NetworkNamespace.open(paths.namespaceOf(sandbox)));
}

/** Adds the rtnetlink socket to an open namespace; disposing closes both. */
export function withSocket(namespace: NetworkNamespace): OpenNamespace & Disposable {
  const rt = namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
  return {
    namespace,
    rt,
    indexes: new Map(),
    [Symbol.dispose]() {
      rt[Symbol.dispose]();
      namespace[Symbol.dispose]();
    },
  };
}

/** The interface names that a namespace has, without its loopback. */
export function interfaceNames({ rt }: OpenNamespace): Set<string> {
  return new Set(listLinks(rt).flatMap(({ index, name }) => (index === LOOPBACK_INDEX ? [] : [name])));
}

/**
 * Makes planned endpoints in the kernel and lets them be found. The records must be committed.
 * @throws PontoonError; the caller then disconnects them
 */
export function connectEndpoints(
  context: Context,
  sandbox: SandboxRecord,
  open: OpenNamespace,
  plans: readonly Plan[],
): void {
  const { host, ruleset, resolvers } = context;
  for (const plan of plans) {
    step(`endpoint ${sandbox.name} on ${plan.network.name}: links`);
    DRIVERS[plan.network.driver].attach(host, open, { ...plan, sandboxName: sandbox.name });
  }
  const memberships = membershipsOf(context, sandbox.id);
  step(`endpoint ${sandbox.name}: default routes`);
  moveDefaultRoutes(open, without(memberships, plans), memberships);
  for (const plan of plans) {
    resolvers.announce(plan, sandbox);
    announceEndpoint(context, sandbox, plan, open);
  }
  step(`endpoint ${sandbox.name}: files`);
  resolvers.refresh(sandbox, memberships);
  const elements = plans.flatMap((plan) => bindingElements(plan));
  if (elements.length === 0) return;
  step(`endpoint ${sandbox.name}: rules`);
  ruleset.add(elements);
  step(`endpoint ${sandbox.name}: flows`);
  ruleset.forgetEarlier(plans.flatMap(({ endpoint }) => endpoint.ports));
}

/**
 * Takes endpoints away from the kernel; their records are gone already. `open` is undefined where the namespace goes
 * as well, or has gone: its routes then need no care.
 */
export function disconnectEndpoints(
  context: Context,
  sandbox: SandboxRecord,
  open: OpenNamespace | undefined,
  gone: readonly Plan[],
): void {
  const { host, ruleset, resolvers, ports } = context;
  for (const { endpoint } of gone) resolvers.directory.delete(endpoint.id);
  const bindings = gone.flatMap(({ endpoint }) => endpoint.ports);
  step(`endpoint ${sandbox.name}: rules`);
  ruleset.remove(gone.flatMap((plan) => bindingElements(plan)));
  step(`endpoint ${sandbox.name}: flows`);
  for (const plan of gone) {
    ruleset.forgetThrough(plan.endpoint, plan.endpoint.ports);
    ruleset.forgetEndpoint(plan);
  }
  ports.release(bindings);
  if (open !== undefined) {
    step(`endpoint ${sandbox.name}: default routes`);
    // The endpoints of a sandbox that stops keep their records.
    const staying = without(membershipsOf(context, sandbox.id), gone);
    moveDefaultRoutes(open, [...gone, ...staying], staying);
  }
  for (const plan of gone) {
    step(`endpoint ${sandbox.name} on ${plan.network.name}: links`);
    DRIVERS[plan.network.driver].detach(host, open, { ...plan, sandboxName: sandbox.name });
  }
}

export function endpointEvent(action: 'connect' | 'disconnect', { network }: Membership, sandbox: SandboxRecord) {
  return networkEvent(action, network, { container: sandbox.id });
}

/** Tells the neighbours of an endpoint where it is. */
export function announceEndpoint(
  { announcer, host, paths }: Context,
  sandbox: SandboxRecord,
  { endpoint, network }: Plan,
  open: OpenNamespace,
): void {
  const driver = DRIVERS[network.driver];
  if (!driver.hasInterfaces) return;
  const announcement = {
    namespacePath: paths.namespaceOf(sandbox),
    interfaceName: endpoint.interfaceName!,
    mac: endpoint.mac!,
    ipv6: endpoint.ipv6,
    isForwarding: () => driver.isForwarding(host, endpoint),
  };
  announcer.announce(announcement, open);
}

function without(memberships: readonly Membership[], some: readonly Membership[]): Membership[] {
  return memberships.filter(({ endpoint }) => !some.some((other) => other.endpoint.id === endpoint.id));
}

function planEndpoint(
  context: Context,
  sandbox: SandboxRecord,
  network: NetworkRecord,
  spec: EndpointSpec,
  takenInterfaces: ReadonlySet<string>,
): EndpointRecord {
  const { leases, ports } = context;
  const id = newId();
  const hasInterface = DRIVERS[network.driver].hasInterfaces;
  if (!hasInterface) checkPlain(network, spec);
  const mac = spec.mac === undefined ? undefined : parseMac(spec.mac);
  const aliases = (spec.aliases ?? []).map((alias) => checkName('alias', alias));
  const wanted = (spec.ports ?? []).flatMap((port) => wantedBindings(context, network, port));
  const linkLocal = (spec.linkLocal ?? []).map(checkLinkLocal);
  const sysctls = checkInterfaceSysctls(spec.sysctls ?? {});
  const gatewayPriority = checkPriority(spec.gatewayPriority ?? 0);
  const interfaceName = hasInterface
    ? chooseInterface(network, spec.interfaceName, takenInterfaces, sandbox)
    : undefined;
  const holder = { id, name: sandbox.name };
  const lease = (family: 4 | 6, wanted: string | undefined): string | undefined => {
    if (sandbox.running) return leases.lease(network.id, family, holder, wanted);
    return wanted === undefined ? undefined : leases.reserve(network.id, family, holder, wanted);
  };
  let ipv4: string | undefined;
  let ipv6: string | undefined;
  try {
    ipv4 = lease(4, spec.ipv4);
    ipv6 = lease(6, spec.ipv6);
    const bindings = sandbox.running ? ports.hold(wanted, whoHas(context)) : wanted;
    return {
      id,
      networkId: network.id,
      sandboxId: sandbox.id,
      aliases,
      interfaceName,
      hostInterface: network.driver === 'bridge' ? `veth${id.slice(0, 8)}` : undefined,
      mac: mac ?? derivedMac(ipv4, ipv6),
      ipv4,
      ipv6,
      static: { ipv4: spec.ipv4 !== undefined, ipv6: spec.ipv6 !== undefined, mac: mac !== undefined },
      gatewayPriority,
      linkLocal,
      sysctls,
      ports: bindings,
    };
  } catch (error) {
    leases.release(network.id, ipv4, id);
    leases.release(network.id, ipv6, id);
    throw error;
  }
}

/** The MAC of an endpoint that was not given one. */
export function derivedMac(ipv4: string | undefined, ipv6: string | undefined): string | undefined {
  const address = ipv4 ?? ipv6;
  return address === undefined ? undefined : macFromAddress(Address.parse(address));
}

/** Which combinations of namespaces and networks there can be. @throws PontoonError mode-conflict, already-attached */
function checkMode(sandbox: SandboxRecord, network: NetworkRecord, others: readonly Membership[]): void {
  const conflict = (message: string): PontoonError =>
    new PontoonError('mode-conflict', message, { subject: sandbox.name });
  if (others.some((other) => other.network.id === network.id)) {
    throw new PontoonError(
      'already-attached',
      `endpoint with name ${sandbox.name} already exists in network ${network.name}: detach it first`,
      {
        subject: sandbox.name,
      },
    );
  }
  if (typeof sandbox.namespace === 'object' && 'sandbox' in sandbox.namespace) {
    throw conflict(`sandbox ${sandbox.name} shares the stack of another one: attach that one`);
  }
  if ((network.driver === 'host') !== (sandbox.namespace === 'host')) {
    throw conflict(
      network.driver === 'host'
        ? `sandbox ${sandbox.name} has a stack of its own: only one in the host's namespace can be on network host`
        : `sandbox ${sandbox.name} is in the host's namespace: it can be on network host only`,
    );
  }
  if (others.length > 0 && (network.driver === 'none' || others.some((other) => other.network.driver === 'none'))) {
    throw conflict(
      `sandbox ${sandbox.name} cannot be on network none and on others: detach it from the one or the others`,
    );
  }
}

function checkPlain(network: NetworkRecord, spec: EndpointSpec): void {
  const asked = (['ipv4', 'ipv6', 'linkLocal', 'mac', 'interfaceName', 'sysctls', 'ports'] as const).filter(
    (key) => Object.keys(spec[key] ?? {}).length > 0,
  );
  if (asked.length === 0) return;
  throw new PontoonError('bad-value', `network ${network.name} gives no interface: leave out ${asked.join(', ')}`, {
    subject: network.name,
  });
}

function checkPriority(priority: number): number {
  if (Number.isInteger(priority)) return priority;
  throw new PontoonError('bad-value', `gateway priority ${priority} is not possible: give a whole number`, {
    subject: String(priority),
  });
}

function chooseInterface(
  network: NetworkRecord,
  wanted: string | undefined,
  taken: ReadonlySet<string>,
  sandbox: SandboxRecord,
): string {
  if (wanted !== undefined) {
    if (taken.has(checkInterfaceName(wanted)) || wanted === 'lo') {
      throw interfaceTaken(sandbox.name, wanted);
    }
    return wanted;
  }
  for (let number = 0; ; number++) {
    const name = `${network.interfacePrefix}${number}`;
    if (!taken.has(name)) return checkInterfaceName(name);
  }
}
