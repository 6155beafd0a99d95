import { expect, test } from 'vitest';
import { Address } from '../../../ipam/index.ts';
import { runChain } from './evaluate.ts';
import { readIptables } from './iptables.ts';
import type { FilterPacket } from './packet.ts';

const packet = (changes: Partial<FilterPacket> = {}): FilterPacket => ({
  family: 4,
  source: Address.parse('172.17.0.2'),
  destination: Address.parse('172.18.0.2'),
  protocol: 'tcp',
  sourcePort: 40_000,
  destinationPort: 80,
  isAnswer: false,
  lengthBytes: 60,
  input: 'docker0',
  output: 'br-1',
  inputPort: undefined,
  outputPort: undefined,
  mark: 0,
  state: 'new',
  connection: {
    mark: 0,
    dnat: false,
    snat: false,
    original: {
      source: Address.parse('172.17.0.2'),
      destination: Address.parse('172.18.0.2'),
      sourcePort: 40_000,
      destinationPort: 80,
    },
  },
  kindOf: () => 'unicast',
  routeInterface: () => 'br-1',
  ...changes,
});

function run(
  rules: readonly string[],
  given: FilterPacket,
  chain = 'FORWARD',
  table = 'filter',
  more: readonly string[] = [],
) {
  const text = [`*${table}`, `:${chain} ACCEPT [0:0]`, ...more, ...rules, 'COMMIT'].join('\n');
  const [chains] = readIptables(text, given.family);
  const base = chains?.get(chain);
  if (chains === undefined || base === undefined) throw new Error('no chain');
  return runChain(chains, base, given);
}

test.each<[string, boolean]>([
  ['-A FORWARD -s 172.17.0.0/16 -j DROP', true],
  ['-A FORWARD ! -s 172.17.0.0/16 -j DROP', false],
  ['-A FORWARD -i docker0 ! -o docker0 -j DROP', true],
  ['-A FORWARD -i docker+ -j DROP', true],
  ['-A FORWARD -p tcp -m tcp --dport 80 -j DROP', true],
  ['-A FORWARD -p udp -m udp --dport 80 -j DROP', false],
  ['-A FORWARD -p tcp -m multiport --dports 22,80:90 -j DROP', true],
  ['-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j DROP', false],
  ['-A FORWARD -m conntrack --ctstate NEW,INVALID -j REJECT --reject-with icmp-port-unreachable', true],
  ['-A FORWARD -m mark --mark 0x1/0x1 -j DROP', false],
  ['-A FORWARD -m addrtype --dst-type LOCAL -j DROP', false],
  ['-A FORWARD -m comment --comment "a -j ACCEPT in quotes" -j DROP', true],
  ['[12:34] -A FORWARD -j DROP', true],
])('%s', (rule, fits) => {
  expect(run([rule], packet()).verdict).toBe(fits ? 'drop' : 'accept');
});

test('chains of its own, as Docker makes them', () => {
  const own = [':DOCKER-ISOLATION-STAGE-1 - [0:0]', ':DOCKER-ISOLATION-STAGE-2 - [0:0]'];
  const rules = [
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
    '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
    '-A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP',
  ];
  expect(run(rules, packet(), 'FORWARD', 'filter', own)).toMatchObject({
    verdict: 'drop',
    rule: { chain: 'DOCKER-ISOLATION-STAGE-2', position: 1 },
  });
});

test('destinations of DNAT in both families', () => {
  const four = run(
    ['-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.3:8080'],
    packet(),
    'PREROUTING',
    'nat',
  );
  expect(four.rewrite?.rewrite).toMatchObject({ kind: 'dnat', ports: [8080, 8080] });
  const six = packet({ family: 6, source: Address.parse('fd00::2'), destination: Address.parse('fd00::3') });
  const rewrite = run(['-A PREROUTING -p tcp -j DNAT --to-destination [fd00::9]:81'], six, 'PREROUTING', 'nat').rewrite
    ?.rewrite;
  expect([rewrite?.address?.toString(), rewrite?.ports]).toEqual(['fd00::9', [81, 81]]);
});

test('a set that no snapshot holds is a doubt', () => {
  const result = run(['-A FORWARD -m set --match-set bad src -j DROP'], packet());
  expect(result).toMatchObject({ verdict: 'accept', doubts: [{ position: 1 }] });
});
