/**
 * @module A ruleset of nftables, as `nft -j list ruleset` prints it (libnftables-json(5)), as chains that can be run.
 *
 * A statement or expression that this file does not know makes its rule a doubt, never a guess.
 */

import type { Address } from '../../../ipam/index.ts';
import {
  anyFits,
  type Datum,
  fits,
  isObject,
  type Json,
  type JsonObject,
  type NamedSet,
  order,
  tryAddress,
} from './nft-data.ts';
import {
  type Action,
  type Chain,
  type FilterPacket,
  type Hook,
  not,
  type Rule,
  type RuleReference,
  type Step,
  type Table,
  type Truth,
} from './packet.ts';

const HOOKS: readonly string[] = ['ingress', 'prerouting', 'input', 'forward', 'output', 'postrouting'];
/** Where a hook's priority is written by name. */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** The tables of one namespace's ruleset, each with its chains. `json`: the value of the member `nftables`. */
export function readNftRuleset(json: readonly Json[]): Table[] {
  const objects = json.filter(isObject);
  const sets = new Map<string, NamedSet>();
  for (const object of objects) {
    for (const kind of ['set', 'map'] as const) {
      const set = object[kind];
      if (!isObject(set)) continue;
      const flags = listOf(set.flags ?? []);
      sets.set(keyOf(set, text(set.name)), {
        elements: listOf(set.elem ?? []),
        isMap: kind === 'map',
        dynamic: flags.includes('dynamic'),
      });
    }
  }
  const rulesOf = new Map<string, Rule[]>();
  for (const { rule } of objects) {
    if (!isObject(rule)) continue;
    const key = keyOf(rule, text(rule.chain));
    const rules = rulesOf.get(key) ?? [];
    rules.push(readRule(rule, (name) => sets.get(keyOf(rule, name))));
    rulesOf.set(key, rules);
  }
  const tables = new Map<string, Map<string, Chain>>();
  for (const { chain } of objects) {
    if (!isObject(chain)) continue;
    const tableKey = keyOf(chain, '');
    const table = tables.get(tableKey) ?? new Map<string, Chain>();
    tables.set(tableKey, table);
    table.set(text(chain.name), readChain(chain, rulesOf.get(keyOf(chain, text(chain.name))) ?? []));
  }
  return [...tables.values()];
}

function readChain(chain: JsonObject, rules: readonly Rule[]): Chain {
  const [family, table, name] = [text(chain.family), text(chain.table), text(chain.name)];
  const hook = text(chain.hook);
  const policy = chain.policy === 'drop' ? 'drop' : 'accept';
  const priority = typeof chain.prio === 'number' ? chain.prio : (PRIORITIES[text(chain.prio)] ?? 0);
  const type = chain.type === 'nat' || chain.type === 'route' ? chain.type : 'filter';
  return {
    name,
    table,
    family,
    rules,
    base: HOOKS.includes(hook)
      ? {
          hook: hook as Hook,
          type,
          priority,
          policy,
          device: typeof chain.dev === 'string' ? chain.dev : undefined,
          policyReference: { ...referenceOf(chain), chain: name, text: `policy ${policy}` },
        }
      : undefined,
  };
}

function referenceOf(object: JsonObject): RuleReference {
  return {
    tool: 'nft',
    family: text(object.family),
    table: text(object.table),
    chain: text(object.chain),
    handle: typeof object.handle === 'number' && object.expr !== undefined ? object.handle : undefined,
    position: undefined,
    text: '',
    comment: typeof object.comment === 'string' ? object.comment : undefined,
  };
}

type SetFinder = (name: string) => NamedSet | undefined;

function readRule(rule: JsonObject, findSet: SetFinder): Rule {
  const statements = listOf(rule.expr ?? []).filter(isObject);
  return {
    reference: { ...referenceOf(rule), text: statements.map(describe).filter(Boolean).join(' ') },
    steps: statements.map((statement) => readStatement(statement, findSet)),
  };
}

function readStatement(statement: JsonObject, findSet: SetFinder): Step {
  const [[name, body] = ['', null]] = Object.entries(statement) as [string, Json][];
  switch (name) {
    case 'match':
      return isObject(body) ? readMatch(body, findSet) : unknownStep;
    case 'accept':
    case 'return':
    case 'continue':
      return always({ kind: name });
    case 'drop':
      return always({ kind: 'drop', answered: false });
    case 'reject':
      return always({ kind: 'drop', answered: true });
    case 'notrack':
      return always({ kind: 'notrack' });
    case 'jump':
    case 'goto':
      return always({ kind: name, chain: isObject(body) ? text(body.target) : '' });
    case 'counter':
    case 'log':
    case 'comment':
    case 'last':
      return () => true;
    case 'quota':
    case 'limit':
    case 'ct count':
    case 'set':
    case 'map':
      // A limit lets the first packets pass, and explain asks about one; adding to a set lets the packet pass.
      return name === 'set' || name === 'map' ? () => true : unknownStep;
    case 'mangle':
      return readMangle(body);
    case 'vmap':
      return readVerdictMap(body, findSet);
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return readRewrite(name, isObject(body) ? body : {}, findSet);
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'flow':
    case 'dup':
    case 'meter':
      return () => true;
    case 'xt':
      return unknownStep;
    default:
      return always({ kind: 'unknown', what: name });
  }
}

const unknownStep: Step = () => undefined;

function always(action: Action): Step {
  return () => action;
}

function readMatch(match: JsonObject, findSet: SetFinder): Step {
  const read = readExpression(match.left ?? null, findSet);
  const { right = null, op } = match;
  return (packet) => {
    const value = read(packet);
    if (value === undefined) return undefined;
    if (value === ABSENT) return false;
    return compare(text(op ?? 'in'), value, right, findSet);
  };
}

function compare(op: string, value: Datum, right: Json, findSet: SetFinder): Truth {
  if (typeof right === 'string' && right.startsWith('@')) {
    const truth = inSet(value, findSet(right.slice(1)));
    return op === '!=' ? not(truth) : truth;
  }
  if (isObject(right) && Array.isArray(right.set)) {
    const truth = anyFits(value, right.set);
    return op === '!=' ? not(truth) : truth;
  }
  switch (op) {
    case 'in': {
      // Flags: one of those wanted is set.
      const values = Array.isArray(value) ? value : [value];
      const truths = values.map((one) => fits(one as Datum, right));
      return truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
    }
    case '==':
    case '!=': {
      const truth =
        Array.isArray(value) && !isObject(right)
          ? (value as Datum[]).some((one) => fits(one, right) === true)
          : fits(value, right);
      return op === '==' ? truth : not(truth);
    }
    case '<':
    case '>':
    case '<=':
    case '>=': {
      const result = order(value, right);
      if (result === undefined) return undefined;
      return op === '<' ? result < 0 : op === '>' ? result > 0 : op === '<=' ? result <= 0 : result >= 0;
    }
    default:
      return undefined;
  }
}

function inSet(value: Datum, set: NamedSet | undefined): Truth {
  if (set === undefined) return undefined;
  const truth = anyFits(value, set.isMap ? set.elements.map(keyOfElement) : set.elements);
  return truth === false && set.dynamic ? undefined : truth;
}

function keyOfElement(element: Json): Json {
  return (Array.isArray(element) ? element[0] : element) ?? null;
}

/** The packet has no such field: TCP ports of a ping, an IPv6 address of an IPv4 packet. */
const ABSENT = Symbol('absent');
type Read = (packet: FilterPacket) => Datum | typeof ABSENT | undefined;

function readExpression(left: Json, findSet: SetFinder): Read {
  if (!isObject(left)) return () => undefined;
  if (isObject(left.meta)) return readMeta(text(left.meta.key));
  if (isObject(left.payload)) return readPayload(left.payload);
  if (isObject(left.ct)) return readConnection(left.ct);
  if (isObject(left.fib)) return readFib(left.fib);
  if (Array.isArray(left.concat)) {
    const parts = (left.concat as readonly Json[]).map((part) => readExpression(part, findSet));
    return (packet) => {
      const values: Datum[] = [];
      for (const part of parts) {
        const value = part(packet);
        if (value === undefined || value === ABSENT) return value;
        values.push(value);
      }
      return values;
    };
  }
  if (Array.isArray(left['&'])) {
    const [inner = null, mask] = left['&'] as readonly Json[];
    const read = readExpression(inner, findSet);
    return (packet) => {
      const value = read(packet);
      if (value === ABSENT) return value;
      return typeof value === 'number' && typeof mask === 'number' ? (value & mask) >>> 0 : undefined;
    };
  }
  if (isObject(left.map)) {
    const lookUp = readMap(left.map, findSet);
    return (packet) => {
      const found = lookUp(packet);
      if (found === undefined || found === ABSENT) return found;
      return typeof found === 'string' ? (tryAddress(found) ?? found) : typeof found === 'number' ? found : undefined;
    };
  }
  return () => undefined;
}

function readMeta(key: string): Read {
  switch (key) {
    case 'iif':
    case 'iifname':
      return ({ input }) => input ?? '';
    case 'oif':
    case 'oifname':
      return ({ output }) => output ?? '';
    case 'nfproto':
    case 'protocol':
      return ({ family }) => (key === 'nfproto' ? `ipv${family}` : family === 4 ? 'ip' : 'ip6');
    case 'l4proto':
      return protocolName;
    case 'mark':
      return ({ mark }) => mark;
    case 'length':
      return ({ lengthBytes }) => lengthBytes;
    case 'pkttype':
      return () => 'unicast';
    case 'ibrname':
    case 'obrname':
      return () => undefined;
    default:
      return () => undefined;
  }
}

function protocolName({ protocol, family }: FilterPacket): string {
  return protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol;
}

function readPayload({ protocol, field }: JsonObject): Read {
  const name = text(field);
  switch (protocol) {
    case 'ip':
    case 'ip6': {
      const family = protocol === 'ip' ? 4 : 6;
      return (packet) => {
        if (packet.family !== family) return ABSENT;
        if (name === 'saddr') return packet.source;
        if (name === 'daddr') return packet.destination;
        if (name === 'protocol' || name === 'nexthdr') return protocolName(packet);
        if (name === 'version') return family;
        return name === 'length' ? packet.lengthBytes : undefined;
      };
    }
    case 'tcp':
    case 'udp':
    case 'sctp':
    case 'th':
      return (packet) => {
        if (protocol === 'th' ? packet.protocol === 'icmp' : packet.protocol !== protocol) return ABSENT;
        if (name === 'dport') return packet.destinationPort;
        if (name === 'sport') return packet.sourcePort;
        if (name === 'flags') return packet.isAnswer ? ['syn', 'ack'] : ['syn'];
        return undefined;
      };
    case 'icmp':
    case 'icmpv6':
      return (packet) => {
        if (packet.protocol !== 'icmp' || packet.family !== (protocol === 'icmp' ? 4 : 6)) return ABSENT;
        if (name === 'type') return packet.isAnswer ? 'echo-reply' : 'echo-request';
        return name === 'code' ? 0 : undefined;
      };
    default:
      return () => undefined;
  }
}

function readConnection({ key, dir }: JsonObject): Read {
  switch (key) {
    case 'state':
      return ({ state }) => state;
    case 'status':
      return ({ connection: { dnat, snat }, state }) => [
        ...(dnat ? ['dnat'] : []),
        ...(snat ? ['snat'] : []),
        ...(state === 'established' ? ['seen-reply', 'assured', 'confirmed'] : []),
      ];
    case 'mark':
      return ({ connection }) => connection.mark;
    case 'direction':
      return ({ isAnswer }) => (isAnswer ? 'reply' : 'original');
    case 'l3proto':
      return ({ family }) => (family === 4 ? 'ip' : 'ip6');
    case 'protocol':
      return protocolName;
    default:
      break;
  }
  const name = text(key);
  if (dir !== 'original') return () => undefined;
  return ({ connection: { original } }) => {
    if (/saddr$/.test(name)) return original.source;
    if (/daddr$/.test(name)) return original.destination;
    if (name === 'proto-dst') return original.destinationPort ?? ABSENT;
    return name === 'proto-src' ? (original.sourcePort ?? ABSENT) : undefined;
  };
}

function readFib({ result, flags }: JsonObject): Read {
  const wanted = listOf(flags ?? []);
  return (packet) => {
    const address = wanted.includes('daddr')
      ? packet.destination
      : wanted.includes('saddr')
        ? packet.source
        : undefined;
    if (address === undefined) return undefined;
    if (result === 'type') return packet.kindOf(address, wanted.includes('iif') || wanted.includes('oif'));
    const route = packet.routeInterface(address);
    if (result === 'check') return route === undefined ? 'missing' : 'exists';
    return result === 'oifname' || result === 'oif' ? (route ?? '') : undefined;
  };
}

function readMangle(body: Json): Step {
  if (!isObject(body) || !isObject(body.key)) return unknownStep;
  const target =
    isObject(body.key.meta) && body.key.meta.key === 'mark'
      ? 'packet'
      : isObject(body.key.ct) && body.key.ct.key === 'mark'
        ? 'connection'
        : undefined;
  if (target === undefined) return () => true;
  const { value } = body;
  return (packet) => {
    if (typeof value === 'number') return { kind: 'mark', of: target, value, mask: 0xffffffff };
    if (isObject(value) && isObject(value.ct) && value.ct.key === 'mark')
      return { kind: 'mark', of: target, value: packet.connection.mark, mask: 0xffffffff };
    if (isObject(value) && isObject(value.meta) && value.meta.key === 'mark')
      return { kind: 'mark', of: target, value: packet.mark, mask: 0xffffffff };
    if (isObject(value) && Array.isArray(value['|'])) {
      const [, bits] = value['|'] as readonly Json[];
      if (typeof bits === 'number') return { kind: 'mark', of: target, value: bits, mask: bits };
    }
    return undefined;
  };
}

/** What a map has for the packet's key: the value as JSON. */
function readMap(map: JsonObject, findSet: SetFinder): (packet: FilterPacket) => Json | typeof ABSENT | undefined {
  const read = readExpression(map.key ?? null, findSet);
  return (packet) => {
    const value = read(packet);
    if (value === undefined || value === ABSENT) return value;
    const elements = elementsOf(map.data ?? null, findSet);
    if (elements === undefined) return undefined;
    let known = true;
    for (const element of elements) {
      if (!Array.isArray(element)) continue;
      const truth = fits(value, element[0] ?? null);
      if (truth === true) return element[1] ?? null;
      if (truth === undefined) known = false;
    }
    return known ? ABSENT : undefined;
  };
}

function elementsOf(data: Json, findSet: SetFinder): readonly Json[] | undefined {
  if (typeof data === 'string' && data.startsWith('@')) return findSet(data.slice(1))?.elements;
  return isObject(data) && Array.isArray(data.set) ? data.set : undefined;
}

function readVerdictMap(body: Json, findSet: SetFinder): Step {
  if (!isObject(body)) return unknownStep;
  const lookUp = readMap(body, findSet);
  return (packet) => {
    const found = lookUp(packet);
    if (found === ABSENT) return false;
    if (!isObject(found)) return undefined;
    const verdict = readStatement(found, findSet)(packet);
    return verdict;
  };
}

function readRewrite(kind: 'dnat' | 'snat' | 'masquerade' | 'redirect', body: JsonObject, findSet: SetFinder): Step {
  const { addr, port, family } = body;
  return (packet) => {
    if ((family === 'ip' && packet.family !== 4) || (family === 'ip6' && packet.family !== 6)) return false;
    let address: Address | undefined;
    let ports: readonly [number, number] | undefined;
    if (addr !== undefined && addr !== null) {
      const value = resolve(addr, packet, findSet);
      if (value === ABSENT) return false;
      if (value === undefined) return undefined;
      const [first, second] = isObject(value) && Array.isArray(value.concat) ? value.concat : [value, null];
      address = typeof first === 'string' ? tryAddress(first) : undefined;
      if (address === undefined) return undefined;
      ports = portsOf(second ?? null);
    }
    if (port !== undefined && port !== null) {
      const value = resolve(port, packet, findSet);
      if (value === ABSENT) return false;
      ports = portsOf(value ?? null);
      if (ports === undefined) return undefined;
    }
    return { kind: 'rewrite', rewrite: { kind, address, ports } };
  };
}

function resolve(json: Json, packet: FilterPacket, findSet: SetFinder): Json | typeof ABSENT | undefined {
  if (isObject(json) && isObject(json.map)) return readMap(json.map, findSet)(packet);
  if (isObject(json) && isObject(json.numgen)) return undefined;
  return json;
}

function portsOf(json: Json): readonly [number, number] | undefined {
  if (typeof json === 'number') return [json, json];
  if (isObject(json) && Array.isArray(json.range)) {
    const [first, last] = json.range;
    if (typeof first === 'number' && typeof last === 'number') return [first, last];
  }
  return undefined;
}

function keyOf(object: JsonObject, name: string): string {
  return [text(object.family), text(object.table), name].join('\0');
}

function text(json: Json | undefined): string {
  return typeof json === 'string' ? json : typeof json === 'number' ? String(json) : '';
}

function listOf(json: Json): readonly Json[] {
  return Array.isArray(json) ? json : [json];
}

/** A statement in nearly nft's own words. */
function describe(statement: JsonObject): string {
  const [[name, body] = ['', null]] = Object.entries(statement) as [string, Json][];
  if (name === 'match' && isObject(body)) {
    const op = body.op === '==' || body.op === 'in' ? '' : ` ${text(body.op)}`;
    return `${describeValue(body.left ?? null)}${op} ${describeValue(body.right ?? null)}`;
  }
  if (name === 'vmap' && isObject(body))
    return `${describeValue(body.key ?? null)} vmap ${describeValue(body.data ?? null)}`;
  if ((name === 'jump' || name === 'goto') && isObject(body)) return `${name} ${text(body.target)}`;
  if ((name === 'dnat' || name === 'snat' || name === 'redirect' || name === 'masquerade') && isObject(body)) {
    const port = body.port === undefined ? '' : `:${describeValue(body.port)}`;
    return `${name}${body.addr === undefined ? (port === '' ? '' : ' to ') : ` to ${describeValue(body.addr)}`}${port}`;
  }
  if (name === 'mangle' && isObject(body))
    return `${describeValue(body.key ?? null)} set ${describeValue(body.value ?? null)}`;
  if (name === 'counter') return '';
  return name;
}

function describeValue(json: Json): string {
  if (Array.isArray(json)) return json.map(describeValue).join(',');
  if (!isObject(json)) return String(json);
  if (isObject(json.meta))
    return /^(?:iif|oif)/.test(text(json.meta.key)) ? text(json.meta.key) : `meta ${text(json.meta.key)}`;
  if (isObject(json.payload)) return `${text(json.payload.protocol)} ${text(json.payload.field)}`;
  if (isObject(json.ct)) return `ct ${text(json.ct.key)}`;
  if (isObject(json.fib))
    return `fib ${listOf(json.fib.flags ?? [])
      .map(String)
      .join(' . ')} ${text(json.fib.result)}`;
  if (isObject(json.prefix)) return `${text(json.prefix.addr)}/${text(json.prefix.len)}`;
  if (Array.isArray(json.range)) return json.range.map(describeValue).join('-');
  if (Array.isArray(json.concat)) return json.concat.map(describeValue).join(' . ');
  if (Array.isArray(json.set))
    return `{ ${json.set.slice(0, 4).map(describeValue).join(', ')}${json.set.length > 4 ? ', …' : ''} }`;
  if (isObject(json.map)) return `${describeValue(json.map.key ?? null)} map ${describeValue(json.map.data ?? null)}`;
  if (Array.isArray(json['&'])) return json['&'].map(describeValue).join(' & ');
  return Object.keys(json).join(' ');
}
