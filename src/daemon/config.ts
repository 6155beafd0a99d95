/**
 * @module What the daemon does, from what it is told: defaults filled in, values checked.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Defaults } from '../api/defaults.ts';
import { given } from '../api/given.ts';
import { LOG_DRIVERS, USUAL_LOG_DRIVER } from '../container/log-options.ts';
import { parseSeccompProfile } from '../container/runtime/index.ts';
import { PontoonError } from '../errors.ts';
import { Address, Prefix } from '../ipam/index.ts';
import type { EngineOptions } from '../network/engine.ts';
import type { SubnetSpec } from '../network/types.ts';
import { parseSizeBytes } from '../text/sizes.ts';
import { type Host, parseHost } from './hosts.ts';
import type { Pool, Settings } from './settings.ts';

const DEFAULT_HOST = 'unix:///run/pontoon.sock';
/** Docker's own, of which --fixed-cidr is a part where no --bip is given. */
const DEFAULT_SUBNET = '172.17.0.0/16';
const IPC_MODES = ['private', 'shareable'] as const;
const CGROUP_MODES = ['private', 'host'] as const;
const PROXIES = ['http-proxy', 'https-proxy', 'no-proxy'] as const;
const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

export type LogLevel = (typeof LEVELS)[number];

export interface DaemonConfig {
  readonly hosts: readonly Host[];
  /** Undefined: 'pontoon', where there is such a group. */
  readonly group: string | undefined;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly pidFile: string;
  readonly logLevel: LogLevel;
  readonly metricsAddress: { readonly host: string; readonly port: number } | undefined;
  readonly labels: readonly string[];
  readonly shutdownTimeoutMs: number;
  readonly runtime: string | undefined;
  readonly engine: Pick<EngineOptions, 'pools' | 'defaultNetwork' | 'dns' | 'packetFilter' | 'forwarding'>;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  /** Where images are pulled from whose name has no registry; undefined: nowhere. */
  readonly defaultRegistry: string | undefined;
  readonly defaults: Defaults;
  /** Variables for the programs that ask registries, such as HTTPS_PROXY. */
  readonly proxies: Readonly<Record<string, string>>;
}

/** @throws PontoonError bad-value, bad-address, bad-subnet */
export function daemonConfig(settings: Settings, env: NodeJS.ProcessEnv = process.env): DaemonConfig {
  const text = (key: string): string | undefined => (settings.get(key) as string | undefined) || undefined;
  const list = (key: string): readonly string[] => (settings.get(key) as readonly string[] | undefined) ?? [];
  const flag = (key: string): boolean | undefined => settings.get(key) as boolean | undefined;
  const choice = <T extends string>(key: string, known: readonly T[]): T | undefined => {
    const word = text(key);
    return word === undefined ? undefined : oneOf(key, word, known);
  };
  const number = (key: string): number | undefined => settings.get(key) as number | undefined;
  const path = (key: string, otherwise: string): string => resolve(text(key) ?? otherwise);
  const pools = settings.get('default-address-pools') as readonly Pool[] | undefined;
  for (const { base } of pools ?? []) Prefix.parse(base);
  const hosts = list('hosts');
  return {
    hosts: (hosts.length === 0 ? [DEFAULT_HOST] : hosts).map((host) => parseHost(host, tlsOf(settings))),
    group: text('group'),
    dataRoot: path('data-root', env.PONTOON_DATA_ROOT ?? '/var/lib/pontoon'),
    runRoot: path('exec-root', env.PONTOON_RUN_ROOT ?? '/run/pontoon'),
    pidFile: path('pidfile', '/run/pontoon.pid'),
    logLevel: flag('debug') === true ? 'debug' : (choice('log-level', LEVELS) ?? 'info'),
    metricsAddress: text('metrics-addr') === undefined ? undefined : endpoint('metrics-addr', text('metrics-addr')!),
    labels: list('labels'),
    shutdownTimeoutMs: (number('shutdown-timeout') ?? 3) * 1000,
    runtime: text('default-runtime'),
    engine: {
      ...(pools !== undefined && { pools }),
      defaultNetwork: defaultNetwork(settings),
      dns: {
        ...(list('dns').length > 0 && { dns: list('dns').map((address) => Address.parse(address).toString()) }),
        ...(list('dns-search').length > 0 && { dnsSearch: list('dns-search') }),
        ...(list('dns-opts').length > 0 && { dnsOptions: list('dns-opts') }),
      },
      packetFilter: flag('iptables') ?? true,
      forwarding: flag('ip-forward') ?? true,
    },
    insecureRegistries: list('insecure-registries').map(insecureRegistry),
    registryMirrors: list('registry-mirrors'),
    defaultRegistry: text('default-registry') ?? registryOf(list('registry-mirrors')[0]),
    defaults: {
      networkOptions: (settings.get('default-network-opts') as Defaults['networkOptions'] | undefined) ?? {},
      containers: {
        cgroupParent: text('cgroup-parent'),
        shmSizeBytes:
          text('default-shm-size') === undefined ? undefined : bytes('default-shm-size', text('default-shm-size')!),
        ulimits: Object.entries((settings.get('default-ulimits') as Record<string, unknown> | undefined) ?? {}).map(
          ulimit,
        ),
        init: flag('init') ?? false,
        logOptions: (settings.get('log-opts') as Readonly<Record<string, string>> | undefined) ?? {},
        noNewPrivileges: flag('no-new-privileges') ?? false,
        logDriver: choice('log-driver', LOG_DRIVERS) ?? USUAL_LOG_DRIVER,
        seccomp: seccomp(text('seccomp-profile')),
        namespaces: given({
          ipc: choice('default-ipc-mode', IPC_MODES),
          cgroup: choice('default-cgroupns-mode', CGROUP_MODES),
        }),
        hostGateways: [...list('host-gateway-ips'), text('host-gateway-ip') ?? []]
          .flat()
          .map((address) => Address.parse(address).toString()),
      },
    },
    proxies: proxies(settings),
  };
}

/** How the network 'bridge' is made. */
function defaultNetwork(settings: Settings): NonNullable<EngineOptions['defaultNetwork']> {
  const text = (key: string): string | undefined => (settings.get(key) as string | undefined) || undefined;
  const bridgeName = text('bridge');
  if (bridgeName === 'none') return false;
  const subnets = [
    subnet(text('bip'), text('fixed-cidr'), DEFAULT_SUBNET),
    subnet(text('bip6'), text('fixed-cidr-v6'), undefined),
  ].filter((one) => one !== undefined);
  const icc = settings.get('icc') as boolean | undefined;
  const masquerade = settings.get('ip-masq') as boolean | undefined;
  const mtuBytes = settings.get('mtu') as number | undefined;
  const ipv6 = settings.get('ipv6') as boolean | undefined;
  const hostAddress = text('ip') === undefined ? undefined : Address.parse(text('ip')!).toString();
  return {
    ...(bridgeName !== undefined && { bridgeName }),
    ...(subnets.length > 0 && { subnets }),
    ...(icc !== undefined && { icc }),
    ...(masquerade !== undefined && { masquerade }),
    ...(mtuBytes && { mtuBytes }),
    // dockerd's default, which means every address of both families.
    ...(hostAddress !== undefined && hostAddress !== '0.0.0.0' && { hostAddress }),
    ...(ipv6 === true && { ipv6 }),
  };
}

/** Without a gateway address, the range is part of Docker's own subnet, or else the subnet itself. */
function subnet(bip: string | undefined, range: string | undefined, usual: string | undefined): SubnetSpec | undefined {
  if (bip !== undefined) {
    const gateway = Address.parse(bip.split('/')[0]!).toString();
    return { subnet: networkOf(bip), gateway, ...(range !== undefined && { ipRange: Prefix.parse(range).toString() }) };
  }
  if (range === undefined) return undefined;
  const inside = usual !== undefined && Prefix.parse(usual).contains(Prefix.parse(range));
  return inside ? { subnet: usual, ipRange: range } : { subnet: range };
}

/** The network that an address with a prefix length is in. */
function networkOf(text: string): string {
  const [address = '', length = ''] = text.split('/');
  return new Prefix(Address.parse(address), length === '' ? Number.NaN : Number(length)).toString();
}

/** A host, which dockerd lets have a scheme, or a prefix of addresses. */
function insecureRegistry(text: string): string {
  const registry = text.replace(/^https?:\/\//, '');
  return registry.includes('/') ? networkOf(registry) : registry;
}

/** 'https://mirror.example/' is the registry mirror.example. */
function registryOf(mirror: string | undefined): string | undefined {
  return mirror?.replace(/^https?:\/\//, '').replace(/\/+$/, '');
}

function tlsOf(settings: Settings) {
  return {
    verify: settings.get('tlsverify') === true,
    ca: settings.get('tlscacert') as string | undefined,
    cert: settings.get('tlscert') as string | undefined,
    key: settings.get('tlskey') as string | undefined,
  };
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new PontoonError('bad-value', `${name} cannot be '${text}': use ${known.join(', ')}`, { subject: text });
}

/** What stands for it in --security-opt; undefined: Docker's profile, as for 'builtin'. */
function seccomp(setting: string | undefined): string | undefined {
  if (setting === undefined || setting === 'builtin') return undefined;
  if (setting === 'unconfined') return setting;
  const refuse = (why: string): PontoonError =>
    new PontoonError('bad-value', `seccomp-profile cannot be '${setting}': ${why}`, { subject: setting });
  let text: string;
  try {
    text = readFileSync(setting, 'utf8');
  } catch (cause) {
    throw refuse(`the file cannot be read (${(cause as NodeJS.ErrnoException).code}): name one, builtin or unconfined`);
  }
  parseSeccompProfile(text);
  return text;
}

/** In the file they are together; a flag of its own wins. */
function proxies(settings: Settings): DaemonConfig['proxies'] {
  const together = (settings.get('proxies') ?? {}) as Readonly<Record<string, unknown>>;
  const named = PROXIES.flatMap((name) => {
    const value = settings.get(name) ?? together[name];
    return value === undefined || value === '' ? [] : [[name.toUpperCase().replace('-', '_'), String(value)] as const];
  });
  return Object.fromEntries(named);
}

function endpoint(name: string, text: string): { host: string; port: number } {
  const [, host, port] = /^(?:tcp:\/\/)?(?:\[?([^\]]*?)\]?):(\d+)$/.exec(text) ?? [];
  if (host !== undefined && Number(port) < 65_536)
    return { host: host === '' ? '127.0.0.1' : host, port: Number(port) };
  throw new PontoonError('bad-value', `${name} cannot be '${text}': write ADDRESS:PORT`, { subject: text });
}

function bytes(name: string, text: string): number {
  const size = parseSizeBytes(text);
  if (size !== undefined) return size;
  throw new PontoonError('bad-value', `${name} cannot be '${text}': write a size such as 64m`, { subject: text });
}

/** As a flag 'soft:hard' or one number for both; in the file {Name, Soft, Hard}. */
function ulimit([name, value]: [string, unknown]): { name: string; soft: number; hard: number } {
  const { Soft, Hard } = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const [soft, hard = soft] = typeof value === 'string' ? value.split(':') : [Soft, Hard];
  const read = { name, soft: Number(soft), hard: Number(hard) };
  if (Number.isSafeInteger(read.soft) && Number.isSafeInteger(read.hard)) return read;
  throw new PontoonError('bad-value', `default-ulimit ${name} cannot be ${JSON.stringify(value)}: write soft:hard`, {
    subject: name,
  });
}
