/**
 * @module What a sandbox is to be: specifications and updates, checked and with everything filled in.
 */

import { PontoonError } from '../errors.ts';
import { parseAddress } from '../kernel/inet.ts';
import type { Context } from './context.ts';
import { checkHostname, checkName, newId, shortId } from './identity.ts';
import type { SandboxRecord } from './store.ts';
import type { NamespaceSpec, SandboxSpec, SandboxUpdate } from './types.ts';

/** @throws PontoonError bad-name, name-too-long, name-taken, bad-value, bad-address, sandbox-not-found, mode-conflict */
export function resolveSandbox(context: Context, spec: SandboxSpec): SandboxRecord {
  const { state } = context;
  const name = freeName(context, spec.name);
  if (spec.id !== undefined && !/^[0-9a-f]{64}$/.test(spec.id)) {
    throw new PontoonError('bad-value', `'${spec.id}' is not an ID: give 64 hexadecimal digits`, { subject: spec.id });
  }
  if (spec.id !== undefined && state.sandboxes.get(spec.id) !== undefined) {
    throw new PontoonError(
      'name-taken',
      `a sandbox with ID ${shortId(spec.id)} already exists: remove it, or leave the ID out`,
      { subject: spec.id },
    );
  }
  const id = spec.id ?? newId();
  const running = spec.running ?? true;
  const namespace = resolveNamespace(context, spec.namespace ?? 'new', running);
  for (const server of spec.dns ?? []) parseAddress(server);
  return {
    id,
    name,
    createdMs: Date.now(),
    hostname: spec.hostname === undefined ? shortId(id) : checkHostname(spec.hostname),
    domainname: spec.domainname ?? '',
    namespace,
    running,
    resolver: spec.resolver ?? namespace === 'new',
    dns: spec.dns,
    dnsSearch: spec.dnsSearch,
    dnsOptions: spec.dnsOptions,
    extraHosts: checkHosts(spec.extraHosts ?? []),
    labels: spec.labels ?? {},
  };
}

/** The record as it is after an update. @throws PontoonError bad-name, name-too-long, name-taken, bad-address */
export function updatedSandbox(context: Context, sandbox: SandboxRecord, update: SandboxUpdate): SandboxRecord {
  const { name, hostname, extraHosts } = update;
  return {
    ...sandbox,
    ...(name === undefined || name === sandbox.name ? {} : { name: freeName(context, name) }),
    ...(hostname === undefined ? {} : { hostname: checkHostname(hostname) }),
    ...(extraHosts === undefined ? {} : { extraHosts: checkHosts(extraHosts) }),
  };
}

/**
 * Resolves a reference to another sandbox, and whose namespace that is in the end. Who shares it from now on needs it
 * to run. @throws PontoonError sandbox-not-found, mode-conflict
 */
export function resolveNamespace({ state }: Context, namespace: NamespaceSpec, fromNowOn: boolean): NamespaceSpec {
  if (typeof namespace !== 'object' || !('sandbox' in namespace)) return namespace;
  const named = state.sandboxes.find(namespace.sandbox);
  if (named.namespace === 'host') return 'host';
  const owner = isShared(named) ? state.sandboxes.find(named.namespace.sandbox) : named;
  if (owner.running || !fromNowOn) return { sandbox: owner.id };
  throw new PontoonError(
    'mode-conflict',
    `sandbox ${owner.name} is stopped: start it before another one shares its stack`,
    { subject: owner.name },
  );
}

/** Whether a sandbox shares the stack of another one. */
export function isShared(sandbox: SandboxRecord): sandbox is SandboxRecord & { namespace: { sandbox: string } } {
  return typeof sandbox.namespace === 'object' && 'sandbox' in sandbox.namespace;
}

function freeName({ state }: Context, name: string): string {
  if (state.sandboxes.named(checkName('sandbox', name)) === undefined) return name;
  throw new PontoonError('name-taken', `a sandbox named ${name} already exists: remove it, or choose another name`, {
    subject: name,
  });
}

function checkHosts(hosts: SandboxRecord['extraHosts']): SandboxRecord['extraHosts'] {
  for (const [, address] of hosts) parseAddress(address);
  return hosts;
}
