/**
 * @module The default network, made as a configuration says that may be another one each time the engine is opened.
 *
 * It is changed in the desired state alone, before the reconciler makes the kernel follow: the bridge of another name,
 * the other addresses, the other rules.
 */

import { isDeepStrictEqual } from 'node:util';
import { PontoonError } from '../errors.ts';
import type { Context } from './context.ts';
import { DEFAULT_NETWORK, resolveAgain } from './networks.ts';
import { step } from './step.ts';
import type { NetworkRecord } from './store.ts';
import type { NetworkSpec, SubnetSpec } from './types.ts';

/** What can be said of the default network. */
export type DefaultNetworkSpec = Omit<NetworkSpec, 'name' | 'driver'>;

/**
 * Changes what is said otherwise; what is left out stays as it was. To be called before anything is in the kernel, and
 * before addresses are leased.
 * @throws PontoonError for a specification that cannot be
 */
export function redefineDefault(context: Context, spec: DefaultNetworkSpec, onError: (error: Error) => void): void {
  const { state, leases } = context;
  const network = state.networks.named(DEFAULT_NETWORK);
  if (network === undefined || isAs(network, spec)) return;
  const users = state.endpointsOn(network.id).flatMap(({ sandboxId, static: asked }) => {
    const sandbox = state.sandboxes.get(sandboxId);
    return sandbox !== undefined && (sandbox.running || asked.ipv4 || asked.ipv6) ? [sandbox.name] : [];
  });
  if (users.length > 0) {
    const message = `network ${network.name} stays as it was: ${users.join(', ')} use it; remove them, then begin again`;
    onError(new PontoonError('network-in-use', message, { subject: network.name }));
    return;
  }
  const next = resolveAgain(context, network, { ...specOf(network, spec), ...spec });
  leases.addNetwork(next);
  step(`network ${network.name}: record`);
  state.commit({ networks: [next] });
}

/** Whether a network is as a specification says, as far as that says anything. */
function isAs(network: NetworkRecord, spec: DefaultNetworkSpec): boolean {
  const present = specOf(network, {});
  return Object.entries(spec).every(([key, wanted]) => {
    if (wanted === undefined) return true;
    if (key === 'ipv4' || key === 'ipv6') return hasFamily(network, key) === wanted;
    if (key !== 'subnets') return isDeepStrictEqual(present[key as keyof NetworkSpec], wanted);
    return (wanted as SubnetSpec[]).every((subnet) =>
      present.subnets?.some((one) => isDeepStrictEqual({ ...one, ...subnet }, one)),
    );
  });
}

function hasFamily({ subnets }: NetworkRecord, key: 'ipv4' | 'ipv6'): boolean {
  return subnets.some(({ family }) => family === (key === 'ipv4' ? 4 : 6));
}

/** A specification that makes the network as it is, where `change` leaves room for that. */
function specOf(network: NetworkRecord, change: DefaultNetworkSpec): NetworkSpec {
  const { name, internal, icc, masquerade, mtuBytes, interfacePrefix, labels, annotations, hostAddress } = network;
  const { gatewayMode4, gatewayMode6, sourceAddress4, sourceAddress6, trustedInterfaces, inhibitIpv4 } = network;
  const families = { 4: change.ipv4 !== false, 6: change.ipv6 !== false };
  return {
    name,
    internal,
    icc,
    masquerade,
    gatewayMode4,
    gatewayMode6,
    inhibitIpv4,
    mtuBytes,
    interfacePrefix,
    labels,
    subnets: network.subnets
      .filter(({ family }) => families[family])
      .map(({ subnet, gateway, ipRange, auxAddresses }) => ({
        subnet,
        auxAddresses,
        ...(gateway === undefined ? {} : { gateway }),
        ...(ipRange === undefined ? {} : { ipRange }),
      })),
    ...(network.bridgeName === undefined ? {} : { bridgeName: network.bridgeName }),
    ...(sourceAddress4 === undefined ? {} : { sourceAddress4 }),
    ...(sourceAddress6 === undefined ? {} : { sourceAddress6 }),
    ...(trustedInterfaces === undefined ? {} : { trustedInterfaces }),
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
