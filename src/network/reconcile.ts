/**
 * @module The reconciler: it compares the kernel with the desired state and makes the two equal.
 *
 * It reads first and changes only what differs. What nobody owns any more (links with our mark, pins of namespaces,
 * files) is removed. One thing that cannot be repaired is reported and does not stop the rest.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../errors.ts';
import { KernelError } from '../kernel/error.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { getLink, removeLink } from '../kernel/rtnetlink/link.ts';
import type { Context } from './context.ts';
import type { OpenNamespace } from './drivers/driver.ts';
import { DRIVERS } from './drivers/index.ts';
import { announceEndpoint, membershipsOf, openNamespace, withSocket } from './endpoints.ts';
import { LOOPBACK_INDEX, repairDefaultRoutes } from './interface.ts';
import { OWNED_GROUP, ownerOf, REAPED_GROUP } from './ownership.ts';
import { formatHostSide } from './ports.ts';
import { bindingElements, networkElements } from './ruleset.ts';
import { isShared } from './sandbox-spec.ts';
import { endSandbox, isPinned, ownedLinks, prepareNamespace } from './sandboxes.ts';
import { step } from './step.ts';
import type { EndpointRecord, SandboxRecord } from './store.ts';
import type { ReconcileReport } from './types.ts';

const MAC_ATTEMPTS = 50;
const MAC_INTERVAL_MS = 50;

interface Findings {
  readonly repaired: string[];
  readonly removed: string[];
  readonly failed: string[];
}

/** `fresh`: this process has just begun, so that it serves no names and holds no ports yet. @throws PontoonError store */
export async function reconcile(
  context: Context,
  options: { readonly fresh?: boolean } = {},
): Promise<ReconcileReport> {
  const findings: Findings = { repaired: [], removed: [], failed: [] };
  removeOrphans(context, findings);
  // What is made below may get the name of a link that is on its way out.
  await context.host.reaper.settled();
  repairNetworks(context, findings);
  const running = [...context.state.sandboxes].filter((sandbox) => sandbox.running);
  // Whoever shares a stack comes behind its owner, with whom it stops.
  for (const sandbox of running.toSorted((a, b) => Number(isShared(a)) - Number(isShared(b)))) {
    const repair = () => findings.repaired.push(...repairSandbox(context, sandbox, options.fresh === true, findings));
    attempt(findings, `sandbox ${sandbox.name}`, await whenMacsAreFree(repair));
  }
  if (options.fresh === true) holdPorts(context, findings);
  attempt(findings, 'rules', () => findings.repaired.push(...repairRules(context)));
  if (findings.repaired.length + findings.removed.length > 0) {
    step('reconcile: record');
    context.state.commit({ events: [{ type: 'engine', action: 'reconcile', id: '', attributes: counts(findings) }] });
  }
  return findings;
}

/** Does one thing, or notes why it could not be done. Errors that nobody meant to throw are bugs, and thrown. */
function attempt({ failed }: Findings, what: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!PontoonError.is(error) && !isSystemError(error)) throw error;
    failed.push(`${what}: ${error.message}`);
  }
}

/** Whether Node.js says by an error that a system call was refused. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/**
 * Runs a repair, again and again while a MAC is still taken: that of a macvlan is until the kernel has deleted the
 * namespace that it was in, which takes some milliseconds after the namespace has lost its pin.
 */
async function whenMacsAreFree<T>(repair: () => T): Promise<() => T> {
  for (let left = MAC_ATTEMPTS; ; left--) {
    try {
      const done = repair();
      return () => done;
    } catch (error) {
      if (!KernelError.isKernel(error, 'EADDRINUSE') || left === 0) {
        return () => {
          throw error;
        };
      }
    }
    await sleep(MAC_INTERVAL_MS);
  }
}

function repairNetworks(context: Context, findings: Findings): void {
  const { state, host } = context;
  const networks = [...state.networks];
  const repair = (what: string, act: () => string[]): void =>
    attempt(findings, what, () => findings.repaired.push(...act()));
  for (const network of networks)
    repair(`network ${network.name}`, () => DRIVERS[network.driver].ensureNetwork(host, network));
  const addressed = networks.filter(({ subnets }) => subnets.length > 0);
  if (addressed.length === 0) return;
  const ipv6 = addressed.some(({ subnets }) => subnets.some(({ family }) => family === 6));
  repair('forwarding', () => host.allowForwarding(ipv6));
  repair('bridge netfilter', () => host.keepNetfilterOffBridges());
}

function repairSandbox(context: Context, sandbox: SandboxRecord, fresh: boolean, { removed }: Findings): string[] {
  const { host, resolvers } = context;
  const memberships = membershipsOf(context, sandbox.id);
  if (fresh) for (const membership of memberships) resolvers.announce(membership, sandbox);
  if (isOrphaned(context, sandbox)) {
    endSandbox(context, sandbox);
    return [`sandbox ${sandbox.name}: the one whose stack it shares is stopped, so it is stopped too`];
  }
  if (isShared(sandbox)) return [];
  if (sandbox.namespace === 'host') {
    resolvers.refresh(sandbox, memberships);
    return [];
  }
  const done: string[] = [];
  const made = ensureNamespace(context, sandbox);
  if (made === 'gone') {
    endSandbox(context, sandbox);
    return [`sandbox ${sandbox.name}: its namespace is gone, so it is stopped`];
  }
  if (made === 'made') done.push(`namespace of ${sandbox.name}: made again`);
  using open = openNamespace(context, sandbox);
  if (made === 'made' || getLink(open.rt, LOOPBACK_INDEX)?.up !== true) {
    prepareNamespace(sandbox, open);
    if (made !== 'made') done.push(`lo of ${sandbox.name}: brought up`);
  }
  removed.push(...removeOrphansInside(context, sandbox, open));
  for (const membership of memberships) {
    const attachment = { ...membership, sandboxName: sandbox.name };
    const lines = DRIVERS[membership.network.driver].repair(host, open, attachment);
    done.push(...lines);
    // Its neighbours may have learned something else meanwhile.
    if (lines.length > 0) announceEndpoint(context, sandbox, membership, open);
  }
  done.push(...repairDefaultRoutes(open, memberships, sandbox.name));
  if (fresh || made === 'made') resolvers.start(sandbox, open.namespace, made === 'made');
  else done.push(...resolvers.repair(sandbox, open.namespace));
  resolvers.refresh(sandbox, memberships);
  return done;
}

/** Whether the sandbox whose stack a sandbox shares does not run. */
function isOrphaned({ state }: Context, { namespace }: SandboxRecord): boolean {
  const shared = typeof namespace === 'object' && 'sandbox' in namespace;
  return shared && state.sandboxes.get(namespace.sandbox)?.running !== true;
}

/** Interfaces that have no end on the host are found inside. */
function removeOrphansInside({ state }: Context, { name }: SandboxRecord, { rt }: OpenNamespace): string[] {
  const orphans = ownedLinks(rt).filter(({ alias }) => !state.endpoints.has(ownerOf(alias) ?? ''));
  for (const link of orphans) {
    step(`${link.name} of ${name}: orphan`);
    removeLink(rt, link.index);
  }
  return orphans.map((link) => `link ${link.name} of ${name}`);
}

/** Makes sure that a sandbox's namespace is there; a namespace of somebody else cannot be made again. */
function ensureNamespace(context: Context, sandbox: SandboxRecord): 'there' | 'made' | 'gone' {
  const path = context.paths.namespaceOf(sandbox);
  try {
    NetworkNamespace.open(path)[Symbol.dispose]();
    return 'there';
  } catch (error) {
    if (!PontoonError.is(error, 'namespace-not-found')) throw error;
  }
  if (isPinned(sandbox)) NetworkNamespace.unpin(path);
  if (sandbox.namespace !== 'new') return 'gone';
  step(`sandbox ${sandbox.name}: namespace`);
  using _made = withSocket(NetworkNamespace.create(path));
  return 'made';
}

function holdPorts({ state, ports }: Context, findings: Findings): void {
  for (const endpoint of state.endpoints.values()) {
    const sandbox = state.sandboxes.get(endpoint.sandboxId);
    if (sandbox?.running !== true) continue;
    attempt(findings, `ports of ${sandbox.name}`, () => {
      for (const binding of ports.restore(endpoint.ports)) {
        findings.failed.push(
          `port ${formatHostSide(binding)} of ${sandbox.name}: another program has it now: stop that one, then reconcile`,
        );
      }
    });
  }
}

export function repairRules(context: Context): string[] {
  return context.ruleset.repair(desiredElements(context));
}

function desiredElements(context: Context) {
  const { state } = context;
  const running = [...state.sandboxes].filter((sandbox) => sandbox.running);
  return [
    ...[...state.networks].flatMap(networkElements),
    ...running.flatMap(({ id }) => membershipsOf(context, id).flatMap((membership) => bindingElements(membership))),
  ];
}

/** Removes what bears our mark but belongs to nothing that should be. */
function removeOrphans(context: Context, findings: Findings): void {
  const { state, paths, resolvers } = context;
  const sandboxes = [...state.sandboxes];
  const pinned = sandboxes.filter((sandbox) => sandbox.running && isPinned(sandbox));
  attempt(findings, 'links that nobody owns', () => removeOrphanLinks(context, findings));
  removeOrphanEntries(findings, 'namespace', paths.namespaces, pinned, (name) =>
    NetworkNamespace.unpin(join(paths.namespaces, name)),
  );
  removeOrphanEntries(findings, 'files of sandbox', paths.sandboxes, sandboxes, (name) => resolvers.removeFiles(name));
}

function removeOrphanLinks(context: Context, findings: Findings): void {
  const { state, host } = context;
  const orphans = host.links().filter((link) => {
    if (link.group !== OWNED_GROUP && link.group !== REAPED_GROUP) return false;
    const owner = ownerOf(link.alias) ?? '';
    const endpoint = state.endpoints.get(owner);
    const wanted = endpoint === undefined ? state.networks.get(owner)?.bridgeName : hostInterfaceOf(context, endpoint);
    return link.group === REAPED_GROUP || wanted !== link.name;
  });
  host.reaper.delete(orphans.map(({ name }) => name));
  findings.removed.push(...orphans.map(({ name }) => `link ${name}`));
}

/** Removes the entries of a directory that none of these sandboxes has. */
function removeOrphanEntries(
  findings: Findings,
  what: string,
  directory: string,
  sandboxes: readonly SandboxRecord[],
  remove: (name: string) => void,
): void {
  const owned = new Set(sandboxes.map(({ id }) => id.slice(0, 12)));
  attempt(findings, directory, () => {
    for (const name of entries(directory)) {
      if (owned.has(name)) continue;
      attempt(findings, `${what} ${name}`, () => {
        step(`${what} ${name}: orphan`);
        remove(name);
        findings.removed.push(`${what} ${name}`);
      });
    }
  });
}

/** The host's end of a running endpoint. */
function hostInterfaceOf({ state }: Context, endpoint: EndpointRecord): string | undefined {
  return state.sandboxes.get(endpoint.sandboxId)?.running === true ? endpoint.hostInterface : undefined;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function counts({ repaired, removed, failed }: Findings): Record<string, string> {
  return { repaired: String(repaired.length), removed: String(removed.length), failed: String(failed.length) };
}
