/**
 * @module A request to create a network, as the engine's NetworkSpec: Docker's driver options, its IPAM configuration,
 * and what only Docker has, refused with a sentence.
 *
 * Options that mean nothing to any driver are kept and shown again, as Docker does.
 */

import { PontoonError } from '../errors.ts';
import type { DriverName, NetworkSpec, SubnetSpec } from '../network/types.ts';
import { parseBoolean } from '../text/booleans.ts';
import type { Defaults } from './defaults.ts';
import { HttpError, notImplemented } from './errors.ts';
import type { NetworkCreateBody } from './schemas/network.ts';

/** What is kept with a network for Docker's answers. */
export interface NetworkAnnotations {
  readonly options?: Readonly<Record<string, string>>;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly attachable?: boolean;
}

type OptionReader = (value: string, key: string) => Partial<NetworkSpec>;

const DOCKER = 'com.docker.network.';
const GATEWAY_MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
const MACVLAN_MODES = ['bridge', 'private', 'vepa', 'passthru'] as const;

/** Docker's driver options, and what each means here. */
export const NETWORK_OPTIONS: Readonly<Record<string, OptionReader>> = {
  [`${DOCKER}bridge.name`]: (bridgeName) => ({ bridgeName }),
  [`${DOCKER}bridge.enable_icc`]: (value, key) => ({ icc: booleanOption(key, value) }),
  [`${DOCKER}bridge.enable_ip_masquerade`]: (value, key) => ({ masquerade: booleanOption(key, value) }),
  [`${DOCKER}driver.mtu`]: (value, key) => mtu(numberOption(key, value)),
  [`${DOCKER}container_iface_prefix`]: (interfacePrefix) => ({ interfacePrefix }),
  [`${DOCKER}enable_ipv4`]: (value, key) => ({ ipv4: booleanOption(key, value) }),
  [`${DOCKER}enable_ipv6`]: (value, key) => ({ ipv6: booleanOption(key, value) }),
  [`${DOCKER}bridge.gateway_mode_ipv4`]: (value, key) => ({ gatewayMode4: oneOf(GATEWAY_MODES, key, value) }),
  [`${DOCKER}bridge.gateway_mode_ipv6`]: (value, key) => ({ gatewayMode6: oneOf(GATEWAY_MODES, key, value) }),
  // Docker's word for every address of both families.
  [`${DOCKER}bridge.host_binding_ipv4`]: (value) => (value === '0.0.0.0' ? {} : { hostAddress: value }),
  [`${DOCKER}bridge.inhibit_ipv4`]: (value, key) => ({ inhibitIpv4: booleanOption(key, value) }),
  [`${DOCKER}bridge.trusted_host_interfaces`]: (value) => ({ trustedInterfaces: value.split(':').filter(Boolean) }),
  [`${DOCKER}host_ipv4`]: (sourceAddress4) => ({ sourceAddress4 }),
  [`${DOCKER}host_ipv6`]: (sourceAddress6) => ({ sourceAddress6 }),
  parent: (parent) => ({ parent }),
  macvlan_mode: (value, key) => ({ macvlanMode: oneOf(MACVLAN_MODES, key, value) }),
};

const DRIVERS: Readonly<Record<string, DriverName>> = {
  '': 'bridge',
  default: 'bridge',
  bridge: 'bridge',
  macvlan: 'macvlan',
  host: 'host',
  null: 'none',
  none: 'none',
};

/** @throws HttpError 400, 404, 501; PontoonError bad-value */
export function networkSpec(body: NetworkCreateBody, defaults: Defaults['networkOptions'] = {}): NetworkSpec {
  const { Driver = '', IPAM = {}, Labels = {} } = body;
  refuseForeign(body);
  const driver = Object.hasOwn(DRIVERS, Driver) ? DRIVERS[Driver]! : undefined;
  if (driver === undefined)
    throw new HttpError(404, `plugin "${Driver}" not found: the drivers are bridge, macvlan, host and null`);
  const Options = { ...(Object.hasOwn(defaults, driver) ? defaults[driver] : undefined), ...body.Options };
  const subnets = subnetSpecs(IPAM.Config ?? []);
  const annotations: NetworkAnnotations = {
    options: Options,
    ...(IPAM.Options && { ipamOptions: IPAM.Options }),
    ...(body.Attachable && { attachable: true }),
  };
  return {
    name: body.Name,
    driver,
    ...readOptions(Options),
    ...(subnets.length > 0 && { subnets }),
    ...(body.EnableIPv4 !== undefined && { ipv4: body.EnableIPv4 }),
    ...(body.EnableIPv6 === true && { ipv6: true }),
    ...(body.Internal && { internal: true }),
    labels: Labels,
    annotations: { ...annotations },
  };
}

function refuseForeign({ Scope, Ingress, ConfigOnly, ConfigFrom, IPAM }: NetworkCreateBody): void {
  if (Ingress || Scope === 'swarm' || Scope === 'global')
    throw notImplemented('Pontoon has no swarm: networks are local');
  if (ConfigOnly || ConfigFrom?.Network)
    throw notImplemented('Pontoon has no configuration-only networks: give the options themselves');
  if (!['', 'default'].includes(IPAM?.Driver ?? '')) {
    throw new HttpError(404, `plugin "${IPAM?.Driver}" not found: the one IPAM driver is default`);
  }
}

function subnetSpecs(configs: NonNullable<NonNullable<NetworkCreateBody['IPAM']>['Config']>): SubnetSpec[] {
  return configs
    .filter((config) => Object.values(config).some((value) => value !== '' && value !== undefined))
    .map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => {
      if (!Subnet) throw new HttpError(400, 'IPAM.Config: a gateway, range or auxiliary address needs its Subnet');
      return {
        subnet: Subnet,
        ...(IPRange && { ipRange: IPRange }),
        ...(Gateway && { gateway: Gateway }),
        ...(AuxiliaryAddresses && { auxAddresses: AuxiliaryAddresses }),
      };
    });
}

/** @throws PontoonError bad-value */
export function readOptions(options: Readonly<Record<string, string>>): Partial<NetworkSpec> {
  const read = Object.entries(options).map(([key, value]) =>
    Object.hasOwn(NETWORK_OPTIONS, key) ? NETWORK_OPTIONS[key]!(value, key) : {},
  );
  return Object.assign({}, ...read) as Partial<NetworkSpec>;
}

/** 0 is Docker's word for the default. */
function mtu(mtuBytes: number): Partial<NetworkSpec> {
  return mtuBytes === 0 ? {} : { mtuBytes };
}

function booleanOption(key: string, text: string): boolean {
  const value = parseBoolean(text);
  if (value !== undefined) return value;
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use true or false`, { subject: key });
}

function numberOption(key: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use a whole number`, { subject: key });
}

function oneOf<T extends string>(words: readonly T[], key: string, text: string): T {
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw new PontoonError('bad-value', `option ${key} cannot be '${text}': use ${words.join(', ')}`, { subject: key });
}
