/**
 * @module Networks: made, shown, removed.
 */

import { PontoonError } from '../errors.ts';
import { DEFAULT_NETWORK_SUBNET, Prefix } from '../ipam/index.ts';
import { canonicalAddress } from '../kernel/inet.ts';
import { type Context, networkEvent } from './context.ts';
import { DRIVERS } from './drivers/index.ts';
import { resolveOutside } from './gateway-mode.ts';
import { checkInterfaceName, checkName, newId, shortId } from './identity.ts';
import { networkElements } from './ruleset.ts';
import { step } from './step.ts';
import type { NetworkRecord } from './store.ts';
import { claimSubnets } from './subnets.ts';
import type { NetworkSpec } from './types.ts';

export const DEFAULT_NETWORK = 'bridge';
export const DEFAULT_BRIDGE = 'pontoon0';

/** The smallest MTU with which IPv6 works (RFC 8200, 5) and IPv4 does (RFC 791), and the largest that Ethernet links here take. */
const MTU_BYTES = { ipv4: 68, ipv6: 1280, largest: 65_535 };

/** Makes a network. @throws PontoonError; nothing has changed then */
export function createNetwork(context: Context, spec: NetworkSpec): NetworkRecord {
  const { state, space, leases, host, ruleset } = context;
  const network = resolveNetwork(context, spec);
  const driver = DRIVERS[network.driver];
  try {
    leases.addNetwork(network);
    step(`network ${network.name}: record`);
    state.commit({ networks: [network], events: [networkEvent('create', network)] });
    try {
      step(`network ${network.name}: links`);
      driver.ensureNetwork(host, network);
      step(`network ${network.name}: forwarding`);
      if (network.subnets.length > 0) {
        host.allowForwarding(network.subnets.some(({ family }) => family === 6));
        host.keepNetfilterOffBridges();
      }
      step(`network ${network.name}: rules`);
      ruleset.add(networkElements(network));
    } catch (error) {
      driver.removeNetwork(host, network);
      state.commit({ removeNetworks: [network.id], events: [networkEvent('destroy', network)] });
      throw error;
    }
  } catch (error) {
    leases.removeNetwork(network.id);
    releaseSubnets(space, network);
    throw error;
  }
  return network;
}

/** @throws PontoonError network-predefined, network-in-use */
export function removeNetwork(context: Context, network: NetworkRecord): void {
  const { state, space, leases, host, ruleset } = context;
  if (network.predefined) {
    throw new PontoonError(
      'network-predefined',
      `operation is not permitted on predefined ${network.name} network: it is always there`,
      {
        subject: network.name,
      },
    );
  }
  const endpoints = state.endpointsOn(network.id);
  if (endpoints.length > 0) {
    const who = endpoints.map(
      ({ id, sandboxId }) => `name:"${state.sandboxes.get(sandboxId)?.name}" id:"${shortId(id)}"`,
    );
    throw new PontoonError(
      'network-in-use',
      `network ${network.name} has active endpoints (${who.join(', ')}): detach them first`,
      {
        subject: network.name,
      },
    );
  }
  step(`network ${network.name}: record`);
  state.commit({ removeNetworks: [network.id], events: [networkEvent('destroy', network)] });
  leases.removeNetwork(network.id);
  releaseSubnets(space, network);
  step(`network ${network.name}: rules`);
  ruleset.remove(networkElements(network));
  step(`network ${network.name}: links`);
  DRIVERS[network.driver].removeNetwork(host, network);
}

/** The networks that nothing is attached to, without the predefined ones. */
export function unusedNetworks({ state }: Context): NetworkRecord[] {
  return [...state.networks].filter(({ id, predefined }) => !predefined && state.endpointCount(id) === 0);
}

/** Takes the subnets that a network of the store has. */
export function restoreSubnets({ space, leases }: Context, network: NetworkRecord): void {
  for (const { subnet } of network.subnets)
    space.restore({ prefix: Prefix.parse(subnet), holder: holderText(network.name) });
  leases.addNetwork(network);
}

/**
 * What a network is when a spec makes it anew under its ID. It has its new subnets then, and no longer the old ones.
 * @throws PontoonError; it is as it was then
 */
export function resolveAgain(context: Context, network: NetworkRecord, spec: NetworkSpec): NetworkRecord {
  releaseSubnets(context.space, network);
  try {
    return resolveNetwork(context, spec, network);
  } catch (error) {
    restoreSubnets(context, network);
    throw error;
  }
}

/** Checks a spec and fills in what it leaves open; its subnets are claimed. @throws PontoonError */
function resolveNetwork(context: Context, spec: NetworkSpec, replaced?: NetworkRecord): NetworkRecord {
  const { state, host, space } = context;
  const name = checkName('network', spec.name);
  const predefined = name === 'bridge' || name === 'host' || name === 'none';
  if (replaced === undefined && state.networks.named(name) !== undefined) {
    throw new PontoonError('name-taken', `network with name ${name} already exists: choose another name`, {
      subject: name,
    });
  }
  const driver = spec.driver ?? 'bridge';
  if (!Object.hasOwn(DRIVERS, driver)) {
    throw new PontoonError(
      'bad-value',
      `there is no network driver '${driver}': use ${Object.keys(DRIVERS).join(', ')}`,
      { subject: driver },
    );
  }
  if ((driver === 'host' || driver === 'none') && !predefined) {
    throw new PontoonError(
      'network-predefined',
      `only one instance of "${driver}" network is allowed: use the network ${driver}`,
      { subject: name },
    );
  }
  DRIVERS[driver].check(host, spec);
  const id = replaced?.id ?? newId();
  const keepsBridge = spec.bridgeName !== undefined && spec.bridgeName === replaced?.bridgeName;
  const bridgeName = driver !== 'bridge' || keepsBridge ? spec.bridgeName : bridgeNameOf(context, spec, id);
  const addressed = DRIVERS[driver].hasInterfaces;
  const routes = addressed ? host.foreignRoutes() : [];
  space.setHostRoutes(host.routedPrefixes(routes, spec.parent));
  const prefer = name === DEFAULT_NETWORK ? DEFAULT_NETWORK_SUBNET : undefined;
  const subnets = addressed ? claimSubnets(spec, space, holderText(name), prefer) : [];
  const network: NetworkRecord = {
    id,
    name,
    createdMs: replaced?.createdMs ?? Date.now(),
    driver,
    subnets,
    hostAddress: spec.hostAddress === undefined ? undefined : canonicalAddress(spec.hostAddress),
    icc: spec.icc ?? true,
    ...resolveOutside(spec),
    mtuBytes:
      spec.mtuBytes ??
      (spec.parent === undefined ? undefined : host.link(spec.parent)?.mtuBytes) ??
      host.uplinkMtuBytes(routes),
    bridgeName,
    interfacePrefix: spec.interfacePrefix ?? 'eth',
    parent: spec.parent,
    macvlanMode: spec.macvlanMode,
    labels: spec.labels ?? {},
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    predefined,
  };
  try {
    checkInterfaceName(`${network.interfacePrefix}0`);
    checkMtu(network);
  } catch (error) {
    releaseSubnets(space, network);
    throw error;
  }
  return network;
}

function bridgeNameOf({ host, state }: Context, spec: NetworkSpec, id: string): string {
  const name = checkInterfaceName(spec.bridgeName ?? `br-${shortId(id)}`);
  const owner = [...state.networks].find(({ bridgeName }) => bridgeName === name);
  if (owner !== undefined) {
    throw new PontoonError(
      'interface-taken',
      `network ${owner.name} has the bridge ${name}: choose another bridge name`,
      { subject: name },
    );
  }
  if (host.link(name) !== undefined) {
    throw new PontoonError('interface-taken', `the host has an interface ${name} already: choose another bridge name`, {
      subject: name,
    });
  }
  return name;
}

function checkMtu({ mtuBytes, subnets }: NetworkRecord): void {
  const least = subnets.some(({ family }) => family === 6) ? MTU_BYTES.ipv6 : MTU_BYTES.ipv4;
  if (Number.isInteger(mtuBytes) && mtuBytes >= least && mtuBytes <= MTU_BYTES.largest) return;
  throw new PontoonError('bad-value', `MTU ${mtuBytes} is not possible here: use ${least} to ${MTU_BYTES.largest}`, {
    subject: String(mtuBytes),
  });
}

export function releaseSubnets(space: Context['space'], network: Pick<NetworkRecord, 'name' | 'subnets'>): void {
  for (const { subnet } of network.subnets)
    space.release({ prefix: Prefix.parse(subnet), holder: holderText(network.name) });
}

/** Completes "10.89.0.0/24 overlaps 10.89.0.0/16, which …". */
function holderText(name: string): string {
  return `network ${name} has`;
}
