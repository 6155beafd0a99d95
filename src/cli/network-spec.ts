/**
 * @module What `network create` was asked for, as the engine's NetworkSpec. Docker's rules: each gateway, range and
 * auxiliary address belongs to the subnet that it lies in, and -o takes Docker's driver options.
 */

import { PontoonError } from '../errors.ts';
import { Address, Prefix } from '../ipam/index.ts';
import type { DriverName, NetworkSpec, SubnetSpec } from '../network/types.ts';
import { type Pair, withoutUndefined } from './values.ts';

/** The flags of `network create`, as commander gives them. */
export interface NetworkFlags {
  readonly driver?: string;
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly auxAddress?: readonly Pair[];
  readonly internal?: boolean;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly label?: readonly Pair[];
  readonly opt?: readonly Pair[];
  readonly mtu?: number;
  readonly bridgeName?: string;
  readonly icc?: boolean;
  readonly masquerade?: boolean;
  readonly parent?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Docker's driver options, and what each means here. */
const OPTIONS: Readonly<Record<string, (value: string, key: string) => Partial<NetworkSpec>>> = {
  'com.docker.network.bridge.name': (bridgeName) => ({ bridgeName }),
  'com.docker.network.bridge.enable_icc': (value, key) => ({ icc: parseBoolean(key, value) }),
  'com.docker.network.bridge.enable_ip_masquerade': (value, key) => ({ masquerade: parseBoolean(key, value) }),
  'com.docker.network.driver.mtu': (value, key) => ({ mtuBytes: parseNumber(key, value) }),
  'com.docker.network.container_iface_prefix': (interfacePrefix) => ({ interfacePrefix }),
  parent: (parent) => ({ parent }),
  macvlan_mode: (value, key) => ({ macvlanMode: parseMacvlanMode(key, value) }),
};

const MACVLAN_MODES = ['bridge', 'private', 'vepa', 'passthru'] as const;

/** A plain flag wins over the same thing said with -o. @throws PontoonError bad-value, bad-subnet, bad-address */
export function networkSpec(name: string, flags: NetworkFlags): NetworkSpec {
  const options = Object.assign({}, ...(flags.opt ?? []).map(driverOption)) as Partial<NetworkSpec>;
  const subnets = subnetSpecs(flags);
  return {
    name,
    ...options,
    ...withoutUndefined({
      driver: flags.driver as DriverName | undefined, // the engine knows which there are
      subnets: subnets.length === 0 ? undefined : subnets,
      internal: flags.internal,
      ipv6: flags.ipv6,
      mtuBytes: flags.mtu,
      bridgeName: flags.bridgeName,
      parent: flags.parent,
      labels: flags.label === undefined ? undefined : Object.fromEntries(flags.label),
      // --no-… flags are true until given
      ipv4: flags.ipv4 === false ? false : undefined,
      icc: flags.icc === false ? false : undefined,
      masquerade: flags.masquerade === false ? false : undefined,
    }),
  };
}

function driverOption([key, value]: Pair): Partial<NetworkSpec> {
  const read = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
  if (read === undefined) {
    throw new PontoonError('bad-value', `there is no driver option '${key}': use ${Object.keys(OPTIONS).join(', ')}`, {
      subject: key,
    });
  }
  return read(value, key);
}

function subnetSpecs({ subnet = [], gateway = [], ipRange = [], auxAddress = [] }: NetworkFlags): SubnetSpec[] {
  const specs = subnet.map((text) => ({ prefix: Prefix.parse(text), spec: { subnet: text } as Mutable<SubnetSpec> }));
  /** The subnet that something lies in. */
  const home = (what: string, inside: Address | Prefix): Mutable<SubnetSpec> => {
    const found = specs.find(({ prefix }) => prefix.contains(inside));
    if (found !== undefined) return found.spec;
    throw new PontoonError('bad-value', `no --subnet contains the ${what} ${inside}: give the one that does`, {
      subject: inside.toString(),
    });
  };
  const once = (what: string, had: string | undefined, text: string, spec: SubnetSpec): string => {
    if (had === undefined) return text;
    throw new PontoonError('bad-value', `subnet ${spec.subnet} has two of --${what}: ${had} and ${text}: give one`, {
      subject: text,
    });
  };
  for (const text of gateway) {
    const spec = home('gateway', Address.parse(text));
    spec.gateway = once('gateway', spec.gateway, text, spec);
  }
  for (const text of ipRange) {
    const spec = home('range', Prefix.parse(text));
    spec.ipRange = once('ip-range', spec.ipRange, text, spec);
  }
  for (const [name, text] of auxAddress) {
    const spec = home('auxiliary address', Address.parse(text));
    spec.auxAddresses = { ...spec.auxAddresses, [name]: text };
  }
  return specs.map(({ spec }) => spec);
}

/** As Go's strconv.ParseBool, which reads Docker's options. */
function parseBoolean(key: string, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use true or false`, { subject: key });
}

function parseNumber(key: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use a whole number`, { subject: key });
}

function parseMacvlanMode(key: string, text: string): (typeof MACVLAN_MODES)[number] {
  const mode = MACVLAN_MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use ${MACVLAN_MODES.join(', ')}`, {
    subject: key,
  });
}
