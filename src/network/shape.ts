/**
 * @module The shape of what callers give. Types hold in TypeScript only; specifications also come from JavaScript and
 * from JSON, where a wrong one must be an error with a name, not a failure somewhere inside.
 *
 * Only shapes are checked here: whether '10.0.0.300' is an address is for those who need an address.
 */

import { PontoonError } from '../errors.ts';
import type {
  EndpointSpec,
  NetworkSpec,
  PortBindingSpec,
  SandboxSpec,
  SandboxUpdate,
  SubnetSpec,
  UnpublishSelector,
} from './types.ts';

/** Throws where a value has not the shape; `path` says where it stands. */
type Check = (value: unknown, path: string) => void;

function is(what: string, test: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!test(value)) throw wrong(path, value, `give ${what}`);
  };
}

/** What becomes a word in a line of a file: nothing that would end the word or the line. */
const word = is('one word, without spaces', (value) => typeof value === 'string' && /^[^\s#;]+$/.test(value));
const wordOrNone = is('one word, without spaces', (value) => typeof value === 'string' && /^[^\s#;]*$/.test(value));
const text = is('a text', (value) => typeof value === 'string');
const anything: Check = () => {};
const flag = is('true or false', (value) => typeof value === 'boolean');
const number = is('a number', (value) => typeof value === 'number');

function oneOf(...words: readonly string[]): Check {
  return is(words.join(', '), (value) => words.includes(value as string));
}

function list(item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, value, 'give a list');
    for (const [index, one] of value.entries()) item(one, `${path}[${index}]`);
  };
}

function record(item: Check): Check {
  return (value, path) => {
    for (const [key, one] of Object.entries(objectOf(value, path))) item(one, `${path}.${key}`);
  };
}

/** An object with these fields and no others; a field that may be left out may also be undefined. */
function object<T>(
  fields: { readonly [K in keyof Required<T>]: Check },
  required: readonly (keyof T & string)[],
): Check {
  return (value, path) => {
    const given = objectOf(value, path);
    for (const key of Object.keys(given)) {
      if (!Object.hasOwn(fields, key))
        throw wrong(`${path}.${key}`, given[key], `use ${Object.keys(fields).join(', ')}`);
    }
    for (const [key, check] of Object.entries<Check>(fields)) {
      const one = Object.hasOwn(given, key) ? given[key] : undefined;
      if (one !== undefined || required.includes(key as keyof T & string)) check(one, `${path}.${key}`);
    }
  };
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(path, value, 'give an object');
}

function wrong(path: string, value: unknown, advice: string): PontoonError {
  const shown = value === undefined ? 'missing' : (JSON.stringify(value) ?? `a ${typeof value}`);
  return new PontoonError('bad-value', `${path} cannot be ${shown}: ${advice}`, { subject: path });
}

const portOrRange = is(
  'a port, or the first and the last of a range',
  (value) =>
    typeof value === 'number' ||
    (Array.isArray(value) && value.length === 2 && value.every((end) => typeof end === 'number')),
);

const subnet = object<SubnetSpec>({ subnet: text, gateway: text, ipRange: text, auxAddresses: record(text) }, [
  'subnet',
]);

const portBinding = object<PortBindingSpec>(
  { protocol: text, port: portOrRange, hostPort: portOrRange, hostAddress: text },
  ['port'],
);

const endpoint = {
  aliases: list(text),
  ipv4: text,
  ipv6: text,
  mac: text,
  interfaceName: text,
  gatewayPriority: number,
  linkLocal: list(text),
  sysctls: record(text),
  ports: list(portBinding),
  annotations: record(anything),
};

const namespace: Check = (value, path) => {
  if (value === 'new' || value === 'host') return;
  const [key, ...others] = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const check = { path: text, sandbox: text, pid: number }[key ?? ''];
  if (check === undefined || others.length > 0) {
    throw wrong(path, value, "give 'new', 'host', or an object with one of path, pid, sandbox");
  }
  check((value as Record<string, unknown>)[key!], `${path}.${key}`);
};

const gatewayMode = oneOf('nat', 'nat-unprotected', 'routed', 'isolated');

const network = object<NetworkSpec>(
  {
    name: text,
    driver: text,
    subnets: list(subnet),
    ipv4: flag,
    ipv6: flag,
    hostAddress: text,
    internal: flag,
    icc: flag,
    masquerade: flag,
    gatewayMode4: gatewayMode,
    gatewayMode6: gatewayMode,
    sourceAddress4: text,
    sourceAddress6: text,
    trustedInterfaces: list(text),
    inhibitIpv4: flag,
    mtuBytes: number,
    bridgeName: text,
    interfacePrefix: word,
    parent: text,
    macvlanMode: oneOf('bridge', 'private', 'vepa', 'passthru'),
    labels: record(text),
    annotations: record(anything),
  },
  ['name'],
);

const extraHosts = list(
  is(
    'a name and an address',
    (value) =>
      Array.isArray(value) &&
      value.length === 2 &&
      value.every((one) => typeof one === 'string' && /^[^\s#;]+$/.test(one)),
  ),
);

const sandbox = object<SandboxSpec & { readonly endpoints?: readonly EndpointSpec[] }>(
  {
    name: text,
    id: text,
    hostname: word,
    domainname: wordOrNone,
    namespace,
    running: flag,
    resolver: flag,
    dns: list(text),
    dnsSearch: list(word),
    dnsOptions: list(word),
    extraHosts,
    labels: record(text),
    endpoints: list(object<EndpointSpec & { readonly network: string }>({ ...endpoint, network: text }, ['network'])),
  },
  ['name'],
);

/** What each kind of value that a caller gives must look like. */
const SHAPES = {
  network,
  sandbox,
  endpoint: object<EndpointSpec>(endpoint, []),
  update: object<SandboxUpdate>({ name: text, hostname: word, extraHosts }, []),
  unpublish: object<UnpublishSelector>({ protocol: text, hostPort: number, hostAddress: text, port: number }, []),
  port: portBinding,
  namespace,
  reference: text,
} as const;

/** @throws PontoonError bad-value that names the field and what it takes */
export function checkShape(kind: keyof typeof SHAPES, value: unknown, path: string = kind): void {
  SHAPES[kind](value, path);
}
