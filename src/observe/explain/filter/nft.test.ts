import { describe, expect, test } from 'vitest';
import { Address } from '../../../ipam/index.ts';
import { runChain } from './evaluate.ts';
import { readNftRuleset } from './nft.ts';
import type { Json } from './nft-data.ts';
import type { FilterPacket } from './packet.ts';

const packet = (changes: Partial<FilterPacket> = {}): FilterPacket => ({
  family: 4,
  source: Address.parse('10.0.0.2'),
  destination: Address.parse('10.0.0.3'),
  protocol: 'tcp',
  sourcePort: 40_000,
  destinationPort: 80,
  isAnswer: false,
  lengthBytes: 60,
  input: 'eth0',
  output: undefined,
  inputPort: undefined,
  outputPort: undefined,
  mark: 0,
  state: 'new',
  connection: {
    mark: 0,
    dnat: false,
    snat: false,
    original: {
      source: Address.parse('10.0.0.2'),
      destination: Address.parse('10.0.0.3'),
      sourcePort: 40_000,
      destinationPort: 80,
    },
  },
  kindOf: () => 'unicast',
  routeInterface: () => 'eth0',
  ...changes,
});

/** A table with a base chain 'main' of these rules, and whatever else. */
function run(rules: readonly (readonly Json[])[], given: FilterPacket, more: readonly Json[] = [], policy = 'accept') {
  const at = { family: 'inet', table: 't' };
  const [table] = readNftRuleset([
    { chain: { ...at, name: 'main', handle: 1, type: 'filter', hook: 'input', prio: 0, policy } },
    ...more,
    ...rules.map((expr, index) => ({ rule: { ...at, chain: 'main', handle: 10 + index, expr } })),
  ]);
  const chain = table?.get('main');
  if (table === undefined || chain === undefined) throw new Error('no chain');
  return runChain(table, chain, given);
}

const DROP = { drop: null };
const ACCEPT = { accept: null };
const is = (left: Json, right: Json, op = '==') => ({ match: { op, left, right } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });

describe('matches', () => {
  test.each<[string, Json, boolean]>([
    ['an address', is(payload('ip', 'saddr'), '10.0.0.2'), true],
    ['another address', is(payload('ip', 'saddr'), '10.0.0.9'), false],
    ['a prefix', is(payload('ip', 'saddr'), { prefix: { addr: '10.0.0.0', len: 8 } }), true],
    ['not a prefix', is(payload('ip', 'saddr'), { prefix: { addr: '10.0.0.0', len: 8 } }, '!='), false],
    ['a range of ports', is(payload('tcp', 'dport'), { range: [70, 90] }), true],
    ['an anonymous set', is(payload('tcp', 'dport'), { set: [22, { range: [80, 81] }] }), true],
    ['less than', is(payload('th', 'dport'), 80, '<'), false],
    ['the other protocol', is(payload('udp', 'dport'), 80), false],
    ['the other family', is(payload('ip6', 'saddr'), '::1'), false],
    ['an interface', is({ meta: { key: 'iifname' } }, 'eth0'), true],
    ['the beginning of its name', is({ meta: { key: 'iifname' } }, 'et*'), true],
    ['a protocol', is({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }), true],
    ['a state', is({ ct: { key: 'state' } }, ['established', 'related'], 'in'), false],
    ['a kind of address', is({ fib: { result: 'type', flags: ['daddr'] } }, 'local'), false],
    ['masked bits', is({ '&': [{ meta: { key: 'mark' } }, 0xff] }, 0), true],
  ])('%s', (_, match, fits) => {
    expect(run([[match, DROP]], packet()).verdict).toBe(fits ? 'drop' : 'accept');
  });

  test('what nobody can know from a snapshot is a doubt, and no verdict', () => {
    const result = run([[is({ socket: { key: 'mark' } }, 1), DROP], [ACCEPT]], packet(), [], 'drop');
    expect(result).toMatchObject({ verdict: 'accept', rule: { handle: 11 } });
    expect(result.doubts).toMatchObject([{ handle: 10 }]);
  });
});

describe('sets and maps', () => {
  const at = { family: 'inet', table: 't' };

  test('a named set with intervals', () => {
    const set = { set: { ...at, name: 'bad', type: 'ipv4_addr', elem: [{ prefix: { addr: '10.0.0.0', len: 30 } }] } };
    expect(run([[is(payload('ip', 'saddr'), '@bad'), DROP]], packet(), [set]).verdict).toBe('drop');
  });

  test('a verdict map that has no such key lets the next rule decide', () => {
    const vmap = { vmap: { key: payload('tcp', 'dport'), data: { set: [[22, DROP]] } } };
    expect(run([[vmap], [ACCEPT]], packet(), [], 'drop').verdict).toBe('accept');
    expect(run([[vmap]], packet({ destinationPort: 22 })).verdict).toBe('drop');
  });

  test('a map of concatenations gives the destination of a DNAT', () => {
    const map = {
      map: {
        ...at,
        name: 'm',
        type: ['inet_proto', 'inet_service'],
        map: 'ipv4_addr',
        elem: [[{ concat: ['tcp', { range: [80, 90] }] }, { concat: ['172.17.0.2', 8080] }]],
      },
    };
    const dnat = {
      dnat: {
        family: 'ip',
        addr: { map: { key: { concat: [{ meta: { key: 'l4proto' } }, payload('th', 'dport')] }, data: '@m' } },
      },
    };
    const { rewrite } = run([[dnat]], packet(), [map]);
    expect(rewrite?.rewrite).toMatchObject({ kind: 'dnat', ports: [8080, 8080] });
    expect(rewrite?.rewrite.address?.toString()).toBe('172.17.0.2');
    expect(run([[dnat]], packet({ destinationPort: 91 }), [map]).rewrite).toBeUndefined();
  });
});

describe('the walk', () => {
  const at = { family: 'inet', table: 't' };
  const chain = { chain: { ...at, name: 'sub', handle: 2 } };
  const inSub = (...expr: Json[]) => ({ rule: { ...at, chain: 'sub', handle: 50, expr } });

  test('a jump comes back, a goto does not', () => {
    const jump = [{ jump: { target: 'sub' } }];
    const goto = [{ goto: { target: 'sub' } }];
    expect(run([jump, [DROP]], packet(), [chain, inSub({ return: null })]).verdict).toBe('drop');
    expect(run([goto, [DROP]], packet(), [chain, inSub({ return: null })]).verdict).toBe('accept');
    expect(run([jump, [DROP]], packet(), [chain, inSub(ACCEPT)]).verdict).toBe('accept');
  });

  test('chains that lead to each other end', () => {
    expect(run([[{ jump: { target: 'sub' } }]], packet(), [chain, inSub({ jump: { target: 'sub' } })]).verdict).toBe(
      'unknown',
    );
  });

  test('a mark that one rule sets is seen by the next', () => {
    const set = { mangle: { key: { meta: { key: 'mark' } }, value: 7 } };
    expect(run([[set], [is({ meta: { key: 'mark' } }, 7), DROP]], packet()).verdict).toBe('drop');
  });

  test('the policy decides at the end', () => {
    expect(run([], packet(), [], 'drop')).toMatchObject({ verdict: 'drop', rule: { text: 'policy drop' } });
  });

  test('a queue hands the packet to a program', () => {
    expect(run([[{ queue: { num: 0 } }]], packet()).verdict).toBe('unknown');
  });
});
