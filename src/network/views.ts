/**
 * @module What callers are shown: records with what belongs to them.
 */

import { join } from 'node:path';
import type { Context } from './context.ts';
import { membershipsOf } from './endpoints.ts';
import { byGatewayOrder, defaultRoutes, gatewayOf, type Membership } from './gateway.ts';
import { dnsNames } from './resolvers.ts';
import { isShared } from './sandbox-spec.ts';
import type { NetworkRecord, SandboxRecord } from './store.ts';
import { withPrefixLength } from './subnets.ts';
import type { Endpoint, Network, Sandbox } from './types.ts';

export function viewNetwork(
  context: Context,
  network: NetworkRecord,
): Network & { readonly endpoints: readonly Endpoint[] } {
  const { state } = context;
  const endpoints = state
    .endpointsOn(network.id)
    .map((endpoint) => viewEndpoint(context, { endpoint, network }, state.sandboxes.get(endpoint.sandboxId)!));
  return { ...network, endpoints };
}

export function viewSandbox(context: Context, sandbox: SandboxRecord): Sandbox {
  const { paths } = context;
  const directory = paths.filesOf(sandbox);
  const { dns: _dns, dnsSearch: _search, dnsOptions: _options, extraHosts: _hosts, ...rest } = sandbox;
  return {
    ...rest,
    namespacePath: sandbox.running ? paths.namespaceOf(stackOwner(context, sandbox)) : undefined,
    files: {
      hosts: join(directory, 'hosts'),
      resolvConf: join(directory, 'resolv.conf'),
      hostname: join(directory, 'hostname'),
    },
    endpoints: byGatewayOrder(membershipsOf(context, sandbox.id)).map((membership) =>
      viewEndpoint(context, membership, sandbox),
    ),
  };
}

/** Whose stack a sandbox is in. */
function stackOwner({ state }: Context, sandbox: SandboxRecord): SandboxRecord {
  return (isShared(sandbox) ? state.sandboxes.get(sandbox.namespace.sandbox) : undefined) ?? sandbox;
}

export function viewEndpoint(context: Context, { endpoint, network }: Membership, sandbox: SandboxRecord): Endpoint {
  const { static: _static, ipv4, ipv6, ...rest } = endpoint;
  return {
    ...rest,
    networkName: network.name,
    sandboxName: sandbox.name,
    ipv4: ipv4 === undefined ? undefined : withPrefixLength(network, ipv4),
    ipv6: ipv6 === undefined ? undefined : withPrefixLength(network, ipv6),
    gateway4: gatewayOf(endpoint, network, 4),
    gateway6: gatewayOf(endpoint, network, 6),
    dnsNames: dnsNames(sandbox, endpoint),
    linkLocal: endpoint.linkLocal ?? [],
    sysctls: endpoint.sysctls ?? {},
    isGateway: defaultRoutes(membershipsOf(context, sandbox.id)).some(({ endpointId }) => endpointId === endpoint.id),
  };
}
