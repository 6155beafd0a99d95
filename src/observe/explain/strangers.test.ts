import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOST, sampleSnapshot } from '../../../test/support/sample-snapshot.ts';
import { strangeSnapshots } from '../../../test/support/strange-snapshots.ts';
import { PontoonError } from '../../errors.ts';
import { Address } from '../../ipam/index.ts';
import { parseQuestion } from '../endpoints/index.ts';
import type { Link, Namespace, Route, Snapshot } from '../snapshot/types.ts';
import { type Explanation, explain, explainFlow } from './index.ts';

const ENDS = ['docker:web', 'docker:db', 'host', 'host/docker0', 'netns:blue', '172.18.0.3', 'fd00:18::3', 'outside'];

test("a stranger's snapshot that is accepted is explained, whatever it says", () => {
  let explained = 0;
  const end = fc.constantFrom(...ENDS);
  const protocol = fc.constantFrom('icmp', 'tcp', 'udp');
  fc.assert(
    fc.property(strangeSnapshots(), end, end, protocol, (snapshot, from, to, asked) => {
      if (snapshot === undefined) return;
      try {
        const { sentence } = explain(
          snapshot,
          parseQuestion(from, to, asked === 'icmp' ? {} : { protocol: asked, port: 80 }),
        );
        expect(sentence).not.toBe('');
        explained += 1;
      } catch (error) {
        if (!(error instanceof PontoonError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
  expect(explained).toBeGreaterThan(50);
});

/** The host has other links and routes than in the sample, and forwards everything. */
function hostWith(links: (base: Link) => readonly Link[], more: Partial<Namespace> = {}): Snapshot {
  const sample = sampleSnapshot();
  const host = sample.namespaces.find(({ id }) => id === HOST) as Namespace;
  const base = host.links[0] as Link;
  return { ...sample, namespaces: [{ ...host, links: links(base), ...more }] };
}

function ask(snapshot: Snapshot, destination = '10.0.0.9'): Explanation {
  return explainFlow(snapshot, {
    namespace: HOST,
    destination: Address.parse(destination),
    protocol: 'icmp',
    lengthBytes: 84,
  });
}

const addresses = (link: number): Namespace['addresses'] => [
  { link, family: 4, address: '10.0.0.1', prefixLength: 24, scope: 'global', permanent: true },
];
const routes = (link: number): readonly Route[] =>
  [
    ['local', '10.0.0.1/32', 255],
    ['unicast', '10.0.0.0/24', 254],
  ].map(([type, destination, table]) => ({
    family: 4,
    type,
    destination,
    table,
    metric: 0,
    protocol: 'kernel',
    scope: 'link',
    nextHops: [{ link, weight: 1 }],
  })) as unknown as readonly Route[];

const port: Link['port'] = {
  ...(sampleSnapshot().namespaces.flatMap(({ links }) => links.flatMap((one) => one.port ?? []))[0] as NonNullable<
    Link['port']
  >),
  state: 'forwarding',
  hairpin: true,
  broadcastFlood: true,
  unicastFlood: true,
  multicastFlood: true,
};

const up = (base: Link, index: number, kind: string, more: Partial<Link>): Link => ({
  ...base,
  index,
  name: `${kind}${index}`,
  kind,
  up: true,
  carrier: true,
  mac: `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`,
  ...more,
});

test('bridges that are joined in rings, and to themselves, come to an end', () => {
  const bridges = 20;
  const rings = (base: Link) => [
    ...Array.from({ length: bridges }, (_, at) => up(base, at + 1, 'bridge', {})),
    ...Array.from({ length: 600 }, (_, at) =>
      up(base, 1000 + at, 'veth', {
        master: 1 + (at % bridges),
        port,
        peer: { namespace: HOST, index: 1000 + ((at * 7 + 13) % 600) },
      }),
    ),
  ];
  expect(ask(hostWith(rings, { addresses: addresses(1), routes: routes(1) })).verdict).not.toBe('reachable');
});

test('a chain of bridges without an end comes to an end', () => {
  const chain = (base: Link) =>
    Array.from({ length: 5000 }, (_, at) => [
      up(base, 3 * at + 1, 'bridge', {}),
      up(base, 3 * at + 2, 'veth', { master: 3 * at + 1, port, peer: { namespace: HOST, index: 3 * at + 6 } }),
      up(base, 3 * at + 3, 'veth', { master: 3 * at + 1, port, peer: { namespace: HOST, index: 3 * at - 1 } }),
    ]).flat();
  const { verdict, sentence } = ask(hostWith(chain, { addresses: addresses(1), routes: routes(1) }));
  expect([verdict, sentence]).toEqual(['unknown', expect.stringContaining('too large')]);
});

test('a macvlan on top of itself, and two on top of each other, come to an end', () => {
  for (const [first, second] of [
    [1, 1],
    [1, 2],
  ]) {
    const tower = (base: Link) => [
      up(base, 1, 'macvlan', { macvlan: { mode: 'bridge' }, lower: { namespace: HOST, index: second ?? 1 } }),
      up(base, 2, 'macvlan', { macvlan: { mode: 'vepa' }, lower: { namespace: HOST, index: first ?? 1 } }),
    ];
    expect(ask(hostWith(tower, { addresses: addresses(1), routes: routes(1) })).verdict).not.toBe('reachable');
  }
});
