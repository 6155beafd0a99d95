/**
 * @module Rules of iptables and ip6tables, as their save commands write them, as chains that can be run.
 *
 * A match or target that this file does not know makes its rule a doubt, never a guess.
 */

import { type Address, Prefix } from '../../../ipam/index.ts';
import { tryAddress } from './nft-data.ts';
import {
  type Action,
  type AddressKind,
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

/** include/uapi/linux/netfilter_ipv4.h, nf_ip_hook_priorities; the nat table has one for sources and one for destinations. */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, nat: -100, filter: 0, security: 50 };
const SOURCE_NAT_PRIORITY = 100;
const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

/** The tables that a save command wrote. */
export function readIptables(text: string, family: 4 | 6): Table[] {
  const tables: Map<string, Chain>[] = [];
  let table = new Map<string, Chain>();
  let name = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      name = line.slice(1).trim();
      table = new Map();
      tables.push(table);
    } else if (line.startsWith(':')) {
      const [chain = '', policy = '-'] = line.slice(1).split(' ');
      table.set(chain, {
        name: chain,
        table: name,
        family: family === 4 ? 'ip' : 'ip6',
        rules: [],
        base: baseOf(name, chain, policy, family),
      });
    } else if (/^(?:\[\d+:\d+\] )?-A /.test(line)) {
      const words = split(line.replace(/^\[\d+:\d+\] /, ''));
      const chain = table.get(words[1] ?? '');
      if (chain === undefined) continue;
      const rules = chain.rules as Rule[];
      rules.push(readRule(words, referenceOf(name, chain.name, family, rules.length + 1)));
    }
  }
  return tables;
}

function baseOf(table: string, chain: string, policy: string, family: 4 | 6): Chain['base'] {
  const hook = HOOKS[chain];
  if (hook === undefined || policy === '-') return undefined;
  const sourceNat = table === 'nat' && (hook === 'input' || hook === 'postrouting');
  return {
    hook,
    type: table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter',
    priority: sourceNat ? SOURCE_NAT_PRIORITY : (PRIORITIES[table] ?? 0),
    policy: policy === 'DROP' ? 'drop' : 'accept',
    device: undefined,
    policyReference: { ...referenceOf(table, chain, family, undefined), text: `-P ${chain} ${policy}` },
  };
}

function referenceOf(table: string, chain: string, family: 4 | 6, position: number | undefined): RuleReference {
  return {
    tool: family === 4 ? 'iptables' : 'ip6tables',
    family: family === 4 ? 'ip' : 'ip6',
    table,
    chain,
    handle: undefined,
    position,
    text: '',
    comment: undefined,
  };
}

/** Words as a shell would split them: quotes are for comments and log prefixes. */
function split(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, word]) => quoted?.replaceAll(/\\(.)/g, '$1') ?? word ?? '',
  );
}

function readRule(words: readonly string[], reference: RuleReference): Rule {
  const steps: Step[] = [];
  let comment: string | undefined;
  let invert = false;
  for (let at = 2; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const argument = words[at + 1] ?? '';
    if (word === '!') {
      invert = true;
      continue;
    }
    if (word === '-m') {
      at += 1;
      if (OPAQUE_MATCHES.has(argument)) steps.push(() => undefined);
      continue;
    }
    if (word === '--comment') {
      comment = argument;
      at += 1;
      continue;
    }
    if (word === '-j' || word === '-g') {
      const action = readTarget(argument, words.slice(at + 2));
      steps.push(
        word === '-g' && 'chain' in action
          ? () => ({ kind: 'goto', chain: action.chain })
          : typeof action === 'function'
            ? action
            : () => action,
      );
      break;
    }
    const match = readMatch(word, argument);
    if (match === undefined) continue;
    if (match.takes) at += 1;
    if (word === '--tcp-flags') at += 1;
    const wanted = !invert;
    invert = false;
    steps.push((packet) => (wanted ? match.test(packet) : not(match.test(packet))));
  }
  return {
    reference: {
      ...reference,
      comment,
      text: words.map((word) => (/\s/.test(word) ? JSON.stringify(word) : word)).join(' '),
    },
    steps,
  };
}

/** Matches whose options say nothing that a snapshot could answer. */
const OPAQUE_MATCHES = new Set([
  'set',
  'limit',
  'hashlimit',
  'recent',
  'owner',
  'statistic',
  'string',
  'time',
  'u32',
  'bpf',
  'connlimit',
  'connbytes',
  'quota',
  'socket',
  'rpfilter',
  'policy',
  'helper',
  'geoip',
  'ttl',
  'hl',
  'dscp',
  'tos',
  'length',
  'mac',
  'realm',
  'cgroup',
]);

interface Match {
  /** Whether a word follows that belongs to it. */
  readonly takes: boolean;
  readonly test: (packet: FilterPacket) => Truth;
}

function takes(test: Match['test']): Match {
  return { takes: true, test };
}

/** Undefined: an option of an opaque match, which is a doubt already. */
function readMatch(option: string, argument: string): Match | undefined {
  switch (option) {
    case '-s':
    case '-d': {
      const test = prefixTest(argument);
      return takes(({ source, destination }) => test(option === '-s' ? source : destination));
    }
    case '-i':
      return takes(({ input }) => fitsInterface(input, argument));
    case '-o':
      return takes(({ output }) => fitsInterface(output, argument));
    case '--physdev-in':
      return takes(({ inputPort }) => fitsInterface(inputPort, argument));
    case '--physdev-out':
      return takes(({ outputPort }) => fitsInterface(outputPort, argument));
    case '--physdev-is-bridged':
      return { takes: false, test: ({ inputPort, outputPort }) => inputPort !== undefined && outputPort !== undefined };
    case '-p':
      return takes(
        ({ protocol, family }) =>
          argument === 'all' ||
          argument === protocol ||
          (protocol === 'icmp' && family === 6 && /^(?:ipv6-icmp|icmpv6)$/.test(argument)),
      );
    case '--dport':
    case '--dports':
    case '--destination-ports':
      return takes(({ destinationPort }) => fitsPorts(destinationPort, argument));
    case '--sport':
    case '--sports':
    case '--source-ports':
      return takes(({ sourcePort }) => fitsPorts(sourcePort, argument));
    case '--ports':
      return takes(
        ({ sourcePort, destinationPort }) => fitsPorts(sourcePort, argument) || fitsPorts(destinationPort, argument),
      );
    case '--ctstate':
    case '--state': {
      const states = argument.toLowerCase().split(',');
      return takes(
        ({ state, connection }) =>
          states.includes(state) ||
          (states.includes('dnat') && connection.dnat) ||
          (states.includes('snat') && connection.snat),
      );
    }
    case '--ctstatus': {
      const wanted = argument.toLowerCase().split(',');
      return takes(
        ({ state, connection }) =>
          (wanted.includes('dnat') && connection.dnat) ||
          (wanted.includes('snat') && connection.snat) ||
          (state === 'established' && wanted.some((one) => /^(?:seen_reply|assured|confirmed)$/.test(one))),
      );
    }
    case '--ctdir':
      return takes(({ isAnswer }) => isAnswer === (argument.toUpperCase() === 'REPLY'));
    case '--ctorigdst': {
      const test = prefixTest(argument);
      return takes(({ connection }) => test(connection.original.destination));
    }
    case '--ctorigdstport':
      return takes(({ connection }) => fitsPorts(connection.original.destinationPort, argument));
    case '--mark':
      return takes(({ mark }) => fitsMark(mark, argument));
    case '--dst-type':
    case '--src-type': {
      const kinds = argument.toLowerCase().split(',') as AddressKind[];
      return takes((packet) =>
        kinds.includes(packet.kindOf(option === '--dst-type' ? packet.destination : packet.source, false)),
      );
    }
    case '--limit-iface-in':
    case '--limit-iface-out':
      return { takes: false, test: () => undefined };
    case '--syn':
      return { takes: false, test: ({ protocol, isAnswer }) => protocol === 'tcp' && !isAnswer };
    case '--tcp-flags':
      // The packet that asks is a SYN; only this form is common.
      return takes(({ protocol, isAnswer }) =>
        protocol !== 'tcp' ? false : /SYN/.test(argument) ? (isAnswer ? undefined : true) : undefined,
      );
    case '--icmp-type':
    case '--icmpv6-type':
      return takes(({ isAnswer }) => fitsIcmp(isAnswer, argument));
    case '--pkt-type':
      return takes(() => argument === 'unicast');
    default:
      return option.startsWith('--') ? { takes: !argument.startsWith('-'), test: () => undefined } : undefined;
  }
}

function prefixTest(argument: string): (address: Address) => Truth {
  const prefixes = argument.split(',').map((text) => {
    const [address = '', length] = text.split('/');
    const base = tryAddress(address);
    if (base === undefined) return undefined;
    const bits = base.family === 4 ? 32 : 128;
    const wanted = length === undefined ? bits : /^\d+$/.test(length) ? Number(length) : undefined;
    return wanted === undefined || wanted > bits ? undefined : new Prefix(base, wanted);
  });
  return (address) => {
    if (prefixes.some((prefix) => prefix?.contains(address))) return true;
    return prefixes.includes(undefined) ? undefined : false;
  };
}

function fitsInterface(name: string | undefined, wanted: string): boolean {
  if (name === undefined) return false;
  return wanted.endsWith('+') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

function fitsPorts(port: number | undefined, wanted: string): boolean {
  if (port === undefined) return false;
  return wanted.split(',').some((one) => {
    const [first = '0', last = first] = one.split(':');
    return port >= Number(first || 0) && port <= Number(last || 65535);
  });
}

function fitsMark(mark: number, wanted: string): boolean {
  const [value = '0', mask = '0xffffffff'] = wanted.split('/');
  return (mark & Number(mask)) >>> 0 === Number(value);
}

function fitsIcmp(isAnswer: boolean, wanted: string): Truth {
  if (/^(?:8|128|echo-request)$/.test(wanted)) return !isAnswer;
  if (/^(?:0|129|echo-reply)$/.test(wanted)) return isAnswer;
  return /^(?:any|255)$/.test(wanted);
}

function readTarget(target: string, options: readonly string[]): Action | ((packet: FilterPacket) => Action) {
  const option = (name: string): string | undefined => {
    const at = options.indexOf(name);
    return at < 0 ? undefined : options[at + 1];
  };
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
      return { kind: 'drop', answered: false };
    case 'REJECT':
      return { kind: 'drop', answered: true };
    case 'RETURN':
      return { kind: 'return' };
    case 'NOTRACK':
      return { kind: 'notrack' };
    case 'CT':
      return options.includes('--notrack') ? { kind: 'notrack' } : { kind: 'continue' };
    case 'MASQUERADE':
      return {
        kind: 'rewrite',
        rewrite: { kind: 'masquerade', address: undefined, ports: portsOf(option('--to-ports')) },
      };
    case 'REDIRECT':
      return {
        kind: 'rewrite',
        rewrite: { kind: 'redirect', address: undefined, ports: portsOf(option('--to-ports')) },
      };
    case 'DNAT':
    case 'SNAT': {
      const to = option(target === 'DNAT' ? '--to-destination' : '--to-source') ?? '';
      const { address, ports } = readDestination(to);
      if (address === undefined && ports === undefined) return { kind: 'unknown', what: `${target} to ${to}` };
      return { kind: 'rewrite', rewrite: { kind: target === 'DNAT' ? 'dnat' : 'snat', address, ports } };
    }
    case 'MARK':
    case 'CONNMARK':
      return readMark(target === 'MARK' ? 'packet' : 'connection', option, options);
    case 'LOG':
    case 'NFLOG':
    case 'TRACE':
    case 'TCPMSS':
    case 'CHECKSUM':
    case 'CLASSIFY':
    case 'DSCP':
    case 'TOS':
    case 'SET':
    case '':
      return { kind: 'continue' };
    case 'NFQUEUE':
    case 'TPROXY':
    case 'NETMAP':
    case 'TEE':
      return target === 'TEE' ? { kind: 'continue' } : { kind: 'unknown', what: target };
    default:
      return { kind: 'jump', chain: target };
  }
}

function readMark(
  of: 'packet' | 'connection',
  option: (name: string) => string | undefined,
  options: readonly string[],
): Action | ((packet: FilterPacket) => Action) {
  if (options.includes('--save-mark'))
    return ({ mark }) => ({ kind: 'mark', of: 'connection', value: mark, mask: 0xffffffff });
  if (options.includes('--restore-mark'))
    return ({ connection }) => ({ kind: 'mark', of: 'packet', value: connection.mark, mask: 0xffffffff });
  const and = option('--and-mark');
  const or = option('--or-mark');
  if (or !== undefined) return { kind: 'mark', of, value: Number(or), mask: Number(or) };
  if (and !== undefined) return { kind: 'mark', of, value: 0, mask: ~Number(and) >>> 0 };
  const [value = '0', mask = '0xffffffff'] = (option('--set-xmark') ?? option('--set-mark') ?? '0').split('/');
  return { kind: 'mark', of, value: Number(value), mask: Number(mask) };
}

/** 'ADDRESS', 'ADDRESS:PORT', 'ADDRESS:FIRST-LAST', '[ADDRESS]:PORT', ':PORT'. Of a range of addresses, the first. */
function readDestination(text: string): { address: Address | undefined; ports: readonly [number, number] | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*(?::[^:]*){2,}|[^:]*))(?::([\d-]+))?$/.exec(text) ?? [];
  const [first = ''] = (bracketed ?? plain ?? '').split('-');
  return { address: tryAddress(first), ports: portsOf(port) };
}

function portsOf(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const [first = '', last = first] = text.split('-');
  return /^\d+$/.test(first) && /^\d+$/.test(last) ? [Number(first), Number(last)] : undefined;
}
