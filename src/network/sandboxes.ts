/**
 * @module Sandboxes: created, started, stopped, removed.
 */

import { PontoonError } from '../errors.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import type { NetlinkSocket } from '../kernel/netlink/socket.ts';
import { type Link, listLinks, removeLink, setLink } from '../kernel/rtnetlink/link.ts';
import { writeSysctl } from '../kernel/sysctl.ts';
import type { Context } from './context.ts';
import type { OpenNamespace } from './drivers/driver.ts';
import {
  connectEndpoints,
  derivedMac,
  disconnectEndpoints,
  endpointEvent,
  interfaceNames,
  membershipsOf,
  openNamespace,
  type Plan,
  planEndpoints,
  releasePlans,
  withSocket,
} from './endpoints.ts';
import { LOOPBACK_INDEX } from './interface.ts';
import { OWNED_GROUP, ownerOf } from './ownership.ts';
import { unchosen } from './ports.ts';
import { whoHas } from './publishing.ts';
import { isShared, resolveNamespace, resolveSandbox, updatedSandbox } from './sandbox-spec.ts';
import { step } from './step.ts';
import type { Change, EndpointRecord, NetworkRecord, NewEvent, SandboxRecord } from './store.ts';
import type { EndpointSpec, NamespaceSpec, SandboxSpec, SandboxUpdate } from './types.ts';

/** A network to attach a new sandbox to. */
export interface WantedEndpoint {
  readonly network: NetworkRecord;
  readonly spec: EndpointSpec;
}

/** Makes a sandbox and attaches it, as one operation. @throws PontoonError; nothing has changed then */
export function createSandbox(context: Context, spec: SandboxSpec, wanted: readonly WantedEndpoint[]): SandboxRecord {
  const { state, resolvers } = context;
  const sandbox = resolveSandbox(context, spec);
  using open = sandbox.running ? existingNamespace(sandbox) : undefined;
  const plans = planEndpoints(context, sandbox, wanted, [], open === undefined ? new Set() : interfaceNames(open));
  try {
    step(`sandbox ${sandbox.name}: record`);
    state.commit({
      sandboxes: [sandbox],
      endpoints: plans.map(({ endpoint }) => endpoint),
      events: [sandboxEvent('create', sandbox), ...(sandbox.running ? startEvents(sandbox, plans) : [])],
    });
  } catch (error) {
    releasePlans(context, plans);
    throw error;
  }
  if (!sandbox.running) return sandbox;
  try {
    startStack(context, sandbox, open, plans);
  } catch (error) {
    takeDown(context, sandbox, plans, {
      removeEndpoints: plans.map(({ endpoint }) => endpoint.id),
      removeSandboxes: [sandbox.id],
      events: [...disconnectEvents(sandbox, plans), sandboxEvent('destroy', sandbox)],
    });
    resolvers.removeFiles(sandbox.id);
    releasePlans(context, plans);
    throw error;
  }
  return sandbox;
}

/** Attaches a sandbox to one more network. @throws PontoonError; nothing has changed then */
export function attachSandbox(context: Context, sandbox: SandboxRecord, wanted: WantedEndpoint): EndpointRecord {
  using open = sandbox.running && !isShared(sandbox) ? openNamespace(context, sandbox) : undefined;
  const taken = open === undefined || sandbox.namespace === 'new' ? new Set<string>() : interfaceNames(open);
  const plans = planEndpoints(context, sandbox, [wanted], membershipsOf(context, sandbox.id), taken);
  const [plan] = plans as [Plan];
  try {
    step(`endpoint ${sandbox.name} on ${plan.network.name}: record`);
    const events = sandbox.running ? [endpointEvent('connect', plan, sandbox)] : [];
    context.state.commit({ endpoints: [plan.endpoint], events });
  } catch (error) {
    releasePlans(context, plans);
    throw error;
  }
  if (open === undefined) return plan.endpoint;
  try {
    connectEndpoints(context, sandbox, open, plans);
  } catch (error) {
    detachSandbox(context, sandbox, plan);
    throw error;
  }
  return plan.endpoint;
}

/** Takes a sandbox off a network. */
export function detachSandbox(context: Context, sandbox: SandboxRecord, membership: Plan): void {
  const { state, resolvers } = context;
  const { endpoint, network } = membership;
  step(`endpoint ${sandbox.name} on ${network.name}: record`);
  const events = sandbox.running ? [endpointEvent('disconnect', membership, sandbox)] : [];
  state.commit({ removeEndpoints: [endpoint.id], events });
  if (sandbox.running) {
    using open = openIfThere(context, sandbox);
    disconnectEndpoints(context, sandbox, open, [membership]);
  }
  releasePlans(context, [membership]);
  if (!sandbox.running) return;
  step(`endpoint ${sandbox.name} on ${network.name}: files`);
  resolvers.refresh(sandbox, membershipsOf(context, sandbox.id));
}

/** Ends a sandbox's stack; those that were asked for stay reserved, the others are given back. */
export function stopSandbox(context: Context, sandbox: SandboxRecord): void {
  if (!sandbox.running) return;
  refuseWhileShared(context, sandbox);
  endSandbox(context, sandbox);
}

/** The same where the stack is gone already, also under those who share it. */
export function endSandbox(context: Context, sandbox: SandboxRecord): void {
  const running = membershipsOf(context, sandbox.id);
  takeDown(context, sandbox, running, {
    sandboxes: [{ ...sandbox, running: false }],
    endpoints: running.map(({ endpoint }) => stopped(endpoint)),
    events: stopEvents(sandbox, running),
  });
  for (const { endpoint, network } of running) {
    if (!endpoint.static.ipv4) context.leases.release(network.id, endpoint.ipv4, endpoint.id);
    if (!endpoint.static.ipv6) context.leases.release(network.id, endpoint.ipv6, endpoint.id);
  }
}

/** Gives a stopped sandbox a stack again. @throws PontoonError; it is stopped then */
export function startSandbox(context: Context, sandbox: SandboxRecord, namespace?: NamespaceSpec): SandboxRecord {
  const { state } = context;
  if (sandbox.running) return sandbox;
  const started: SandboxRecord = {
    ...sandbox,
    running: true,
    namespace: resolveNamespace(context, namespace ?? sandbox.namespace, true),
  };
  using open = existingNamespace(started);
  const before = membershipsOf(context, sandbox.id);
  const plans: Plan[] = [];
  try {
    for (const { network, endpoint } of before)
      plans.push({ network, endpoint: takeAgain(context, started, endpoint) });
    step(`sandbox ${sandbox.name}: record`);
    state.commit({
      sandboxes: [started],
      endpoints: plans.map(({ endpoint }) => endpoint),
      events: startEvents(started, plans),
    });
    try {
      startStack(context, started, open, plans);
    } catch (error) {
      takeDown(context, started, plans, {
        sandboxes: [sandbox],
        endpoints: before.map(({ endpoint }) => endpoint),
        events: stopEvents(started, plans),
      });
      throw error;
    }
  } catch (error) {
    for (const [index, { endpoint }] of plans.entries()) giveBack(context, before[index]!.endpoint, endpoint);
    throw error;
  }
  return started;
}

/** Changes what a sandbox is called, by whomever. A running one is found by its new names at once. @throws PontoonError */
export function updateSandbox(context: Context, sandbox: SandboxRecord, update: SandboxUpdate): SandboxRecord {
  const { state, leases, resolvers } = context;
  const updated = updatedSandbox(context, sandbox, update);
  step(`sandbox ${sandbox.name}: record`);
  state.commit({ sandboxes: [updated], events: [sandboxEvent('update', updated, { oldName: sandbox.name })] });
  const memberships = membershipsOf(context, sandbox.id);
  for (const { endpoint } of memberships) leases.rename(endpoint, updated.name);
  if (!sandbox.running || isShared(sandbox)) return updated;
  for (const membership of memberships) resolvers.announce(membership, updated);
  step(`sandbox ${updated.name}: files`);
  resolvers.refresh(updated, memberships);
  return updated;
}

/** Removes a sandbox with its endpoints. */
export function removeSandbox(context: Context, sandbox: SandboxRecord): void {
  refuseWhileShared(context, sandbox);
  const gone = membershipsOf(context, sandbox.id);
  takeDown(context, sandbox, gone, {
    removeEndpoints: gone.map(({ endpoint }) => endpoint.id),
    removeSandboxes: [sandbox.id],
    events: [...(sandbox.running ? disconnectEvents(sandbox, gone) : []), sandboxEvent('destroy', sandbox)],
  });
  step(`sandbox ${sandbox.name}: files`);
  context.resolvers.removeFiles(sandbox.id);
  releasePlans(context, gone);
}

/** Makes a namespace ready for interfaces: loopback up; router advertisements ignored in ours. */
export function prepareNamespace(sandbox: SandboxRecord, { namespace, rt }: OpenNamespace): void {
  rt.request(setLink(LOOPBACK_INDEX, { up: true }));
  if (sandbox.namespace !== 'new') return;
  // Any neighbour on the bridge could otherwise become our IPv6 router (CVE-2020-10749, CVE-2020-13401).
  namespace.enter(() => writeSysctl('net.ipv6.conf.default.accept_ra', '0'));
}

/** Whether the engine keeps the namespace by a pin of its own. */
export function isPinned({ namespace }: SandboxRecord): boolean {
  return namespace === 'new' || (typeof namespace === 'object' && 'pid' in namespace);
}

function startStack(
  context: Context,
  sandbox: SandboxRecord,
  existing: OpenNamespace | undefined,
  plans: readonly Plan[],
): void {
  const { resolvers, paths } = context;
  if (isShared(sandbox)) return;
  resolvers.forgetFiles(sandbox.id);
  if (sandbox.namespace === 'host') {
    for (const plan of plans) resolvers.announce(plan, sandbox);
    step(`sandbox ${sandbox.name}: files`);
    resolvers.refresh(sandbox, plans);
    return;
  }
  step(`sandbox ${sandbox.name}: namespace`);
  if (existing !== undefined && isPinned(sandbox)) existing.namespace.pin(paths.namespace(sandbox.id));
  using fresh = existing === undefined ? withSocket(NetworkNamespace.create(paths.namespace(sandbox.id))) : undefined;
  const open = existing ?? fresh!;
  step(`sandbox ${sandbox.name}: loopback`);
  prepareNamespace(sandbox, open);
  step(`sandbox ${sandbox.name}: resolver`);
  resolvers.start(sandbox, open.namespace, fresh !== undefined);
  connectEndpoints(context, sandbox, open, plans);
}

/** Changes the records of a sandbox, and takes its stack, if it runs, out of the kernel. */
function takeDown(context: Context, sandbox: SandboxRecord, gone: readonly Plan[], change: Change): void {
  const { state, resolvers, paths } = context;
  // A namespace of our own takes its interfaces and routes with it; but a macvlan's MAC would stay taken on its parent
  // until the kernel gets round to that.
  const leavesItToTheKernel = sandbox.namespace === 'new' && gone.every(({ network }) => network.driver !== 'macvlan');
  using open = leavesItToTheKernel || !sandbox.running ? undefined : openIfThere(context, sandbox);
  if (open !== undefined && sandbox.namespace !== 'new') leaveNamespace(context, sandbox, open, gone);
  step(`sandbox ${sandbox.name}: record`);
  state.commit(change);
  if (!sandbox.running) return;
  resolvers.stop(sandbox.id);
  disconnectEndpoints(context, sandbox, open, gone);
  step(`sandbox ${sandbox.name}: namespace`);
  if (isPinned(sandbox)) NetworkNamespace.unpin(paths.namespace(sandbox.id));
}

/**
 * Takes what has no end on the host out of a namespace that stays. It comes before the record goes, which alone leads
 * there: if the process dies in between, nothing has happened yet, and the reconciler puts it back.
 */
function leaveNamespace(
  { resolvers }: Context,
  sandbox: SandboxRecord,
  { namespace, rt }: OpenNamespace,
  gone: readonly Plan[],
): void {
  resolvers.removeRedirect(sandbox, namespace);
  for (const link of ownedLinks(rt)) {
    if (!gone.some(({ endpoint }) => endpoint.id === ownerOf(link.alias))) continue;
    step(`${link.name} of ${sandbox.name}: deletion`);
    removeLink(rt, link.index);
  }
}

/** The links inside a namespace that bear our mark. */
export function ownedLinks(rt: NetlinkSocket): Link[] {
  return listLinks(rt).filter(({ group }) => group === OWNED_GROUP);
}

function openIfThere(context: Context, sandbox: SandboxRecord): (OpenNamespace & Disposable) | undefined {
  if (isShared(sandbox) || sandbox.namespace === 'host') return undefined;
  try {
    return openNamespace(context, sandbox);
  } catch (error) {
    if (PontoonError.is(error, 'namespace-not-found')) return undefined;
    throw error;
  }
}

/**
 * The namespace that a sandbox is to have, where it is there already.
 * @throws PontoonError namespace-not-found; mode-conflict for the host's own
 */
function existingNamespace({ name, namespace }: SandboxRecord): (OpenNamespace & Disposable) | undefined {
  if (typeof namespace !== 'object' || 'sandbox' in namespace) return undefined;
  const open = withSocket(
    'path' in namespace ? NetworkNamespace.open(namespace.path) : NetworkNamespace.ofProcess(namespace.pid),
  );
  using host = NetworkNamespace.current();
  if (open.namespace.inode !== host.inode) return open;
  open[Symbol.dispose]();
  throw new PontoonError(
    'mode-conflict',
    `that is the host's own network stack: give sandbox ${name} the namespace 'host'`,
    {
      subject: name,
    },
  );
}

function refuseWhileShared({ state }: Context, sandbox: SandboxRecord): void {
  for (const other of state.sandboxes) {
    if (!isShared(other) || other.namespace.sandbox !== sandbox.id || !other.running) continue;
    throw new PontoonError(
      'sandbox-in-use',
      `sandbox ${other.name} shares the stack of ${sandbox.name}: remove that one first`,
      { subject: sandbox.name },
    );
  }
}

/** What of an endpoint stays while its sandbox is stopped: what was asked for. */
function stopped(endpoint: EndpointRecord): EndpointRecord {
  const ipv4 = endpoint.static.ipv4 ? endpoint.ipv4 : undefined;
  const ipv6 = endpoint.static.ipv6 ? endpoint.ipv6 : undefined;
  const mac = endpoint.static.mac ? endpoint.mac : derivedMac(ipv4, ipv6);
  return { ...endpoint, ipv4, ipv6, mac, ports: endpoint.ports.map(unchosen) };
}

/** Takes again what an endpoint gave back when its sandbox stopped. @throws PontoonError; nothing stays taken */
function takeAgain(context: Context, sandbox: SandboxRecord, endpoint: EndpointRecord): EndpointRecord {
  const { leases, ports } = context;
  const holder = { id: endpoint.id, name: sandbox.name };
  let { ipv4, ipv6 } = endpoint;
  try {
    for (const reserved of [ipv4, ipv6]) {
      if (reserved !== undefined) leases.claim(endpoint.networkId, reserved, holder, (id) => runs(context, id));
    }
    ipv4 ??= leases.lease(endpoint.networkId, 4, holder);
    ipv6 ??= leases.lease(endpoint.networkId, 6, holder);
    const held = ports.hold(endpoint.ports, whoHas(context));
    const mac = endpoint.static.mac ? endpoint.mac : derivedMac(ipv4, ipv6);
    return { ...endpoint, ipv4, ipv6, mac, ports: held };
  } catch (error) {
    giveBack(context, endpoint, { ipv4, ipv6, ports: [] });
    throw error;
  }
}

function runs({ state }: Context, endpointId: string): boolean {
  return state.sandboxes.get(state.endpoints.get(endpointId)?.sandboxId ?? '')?.running === true;
}

/** Gives back what `takeAgain` took. */
function giveBack(
  { leases, ports }: Context,
  before: EndpointRecord,
  taken: Pick<EndpointRecord, 'ipv4' | 'ipv6' | 'ports'>,
): void {
  if (taken.ipv4 !== before.ipv4) leases.release(before.networkId, taken.ipv4, before.id);
  if (taken.ipv6 !== before.ipv6) leases.release(before.networkId, taken.ipv6, before.id);
  ports.release(taken.ports);
}

function startEvents(sandbox: SandboxRecord, plans: readonly Plan[]): NewEvent[] {
  return [sandboxEvent('start', sandbox), ...plans.map((plan) => endpointEvent('connect', plan, sandbox))];
}

function stopEvents(sandbox: SandboxRecord, plans: readonly Plan[]): NewEvent[] {
  return [...disconnectEvents(sandbox, plans), sandboxEvent('stop', sandbox)];
}

function disconnectEvents(sandbox: SandboxRecord, plans: readonly Plan[]): NewEvent[] {
  return plans.map((plan) => endpointEvent('disconnect', plan, sandbox));
}

function sandboxEvent(
  action: NewEvent['action'],
  { id, name }: SandboxRecord,
  more: Record<string, string> = {},
): NewEvent {
  return { type: 'sandbox', action, id, attributes: { name, ...more } };
}
