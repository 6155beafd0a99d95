import { expect, test } from 'vitest';
import { sampleSnapshot } from '../../../test/support/sample-snapshot.ts';
import type { Container, ContainerNetwork, Link, Namespace, Snapshot } from '../snapshot/types.ts';
import { describeFindings, examine, type Finding, isHealthy } from './index.ts';

interface Changes {
  readonly host?: (host: Namespace) => Partial<Namespace>;
  readonly web?: (web: Namespace) => Partial<Namespace>;
  readonly containers?: (one: Container) => Partial<Container>;
  readonly networks?: (one: ContainerNetwork) => Partial<ContainerNetwork>;
}

/** The sample's host, mended where it is a sample of odd things, and then changed. */
function host(changes: Changes = {}): Snapshot {
  const base = sampleSnapshot();
  const forwarding = (link: Link): Link => ({ ...link, ipv4: { forwarding: true }, ipv6: { forwarding: 1 } });
  const resolver = { protocol: 'udp', family: 4, address: '127.0.0.11', port: 40_000 } as const;
  const listener = { protocol: 'tcp', family: 4, address: '0.0.0.0', port: 80 } as const;
  const namespaces = base.namespaces.map((one, at): Namespace => {
    const mended: Namespace = {
      ...one,
      links: one.links.map(forwarding),
      addresses: one.addresses.filter(({ family }) => family === 4),
      sockets: one.owner === 'docker' ? [resolver, listener] : one.sockets,
      // No default route: nobody is outside, and the checks stand alone.
      routes: one.owner === 'host' ? [] : one.routes,
      nftables: { ruleset: [] },
      xtables: [],
    };
    const change = at === 0 ? changes.host : one.name === 'web' ? changes.web : undefined;
    return { ...mended, ...change?.(mended) };
  });
  return {
    ...base,
    namespaces,
    containers: base.containers.map((one) => ({ ...one, ...changes.containers?.(one) })),
    networks: base.networks.map((one) => ({ ...one, ...changes.networks?.(one) })),
  };
}

/** Flows are judged by explain, which has tests of its own; the sample lacks the tables that they need. */
function found(snapshot: Snapshot): Finding[] {
  return examine(snapshot).filter(
    ({ severity, sentence }) => severity !== 'notice' && !/ So \w+ does not /.test(sentence),
  );
}

function codes(changes: Changes): string[] {
  return found(host(changes)).map(({ code, at }) => `${code} ${at.interface}@${at.namespace}`);
}

test('nothing is wrong with the sample, and its port is open to everybody', () => {
  expect(codes({})).toEqual([]);
  const exposed = examine(host()).filter(({ code }) => code === 'exposed-port');
  expect(exposed.map(({ sentence }) => sentence)).toEqual([
    'Port 8080/tcp leads to web:80 and is open to everybody who reaches any address of this host.',
  ]);
  expect(exposed[0]?.remedy).toEqual(['docker run -p 127.0.0.1:8080:80/tcp acme/shop:7']);
});

test('to whom a port is open', () => {
  const exposed = (hostAddress: string) =>
    examine(host({ containers: ({ ports }) => ({ ports: ports.map((one) => ({ ...one, hostAddress })) }) })).find(
      ({ code }) => code === 'exposed-port',
    )?.sentence;
  expect(exposed('127.0.0.1')).toMatch(/to this host only/);
  expect(exposed('::')).toMatch(/everybody who reaches any address/);
  expect(exposed('192.0.2.7')).toMatch(/everybody who reaches 192\.0\.2\.7\.$/);
});

test.each<[string, Changes, string[]]>([
  [
    'a static neighbour that lies',
    {
      host: () => ({
        neighbours: [{ link: 5, family: 4, address: '172.18.0.2', mac: '02:00:00:00:00:01', state: 'PERMANENT' }],
      }),
    },
    ['neighbour-wrong br-ffffffffffff@host'],
  ],
  [
    'a learned one that is out of date mends itself',
    {
      host: () => ({
        neighbours: [{ link: 5, family: 4, address: '172.18.0.2', mac: '02:00:00:00:00:01', state: 'STALE' }],
      }),
    },
    [],
  ],
  [
    'a static FDB entry at the wrong port',
    { host: () => ({ fdb: [{ link: 13, bridge: 5, mac: '02:42:ac:12:00:02', type: 'static' }] }) },
    ['fdb-wrong veth000003@host'],
  ],
  [
    'a static FDB entry at the right port',
    { host: () => ({ fdb: [{ link: 12, bridge: 5, mac: '02:42:ac:12:00:02', type: 'static' }] }) },
    [],
  ],
  [
    'a blocked port without a spanning tree',
    {
      host: ({ links }) => ({
        links: links.map((one) =>
          one.port && one.index === 12 ? { ...one, port: { ...one.port, state: 'disabled' } } : one,
        ),
      }),
    },
    ['port-blocked veth000002@host'],
  ],
  [
    'a veth whose other end nobody has',
    {
      host: ({ links }) => ({
        links: [...links, { ...(links[4] as Link), index: 99, name: 'veth99', carrier: false, peer: { index: 2 } }],
      }),
    },
    ['peer-gone veth99@host'],
  ],
  [
    'one with a carrier has its end where the snapshot does not reach',
    {
      host: ({ links }) => ({
        links: [...links, { ...(links[4] as Link), index: 99, name: 'veth99', peer: { index: 2 } }],
      }),
    },
    [],
  ],
  [
    'a link of Pontoon without an owner',
    {
      host: ({ links }) => ({
        links: [...links, { ...(links[1] as Link), index: 99, name: 'left', group: 0x706f_6e74 }],
      }),
    },
    ['leaked-interface left@host'],
  ],
  [
    'a VPN that takes a part of a subnet',
    {
      host: () => ({
        routes: [
          {
            family: 4,
            table: 254,
            destination: '172.18.4.0/24',
            type: 'unicast',
            nextHops: [{ link: 3, weight: 1 }],
            metric: 0,
            scope: 'link',
            protocol: 3,
          },
        ],
      }),
    },
    ['subnet-overlap br-ffffffffffff@host'],
  ],
  [
    'a DNAT to nobody',
    {
      host: () => ({
        routes: [
          {
            family: 4,
            table: 254,
            destination: '172.18.0.0/16',
            type: 'unicast',
            nextHops: [{ link: 5, weight: 1 }],
            metric: 0,
            scope: 'link',
            protocol: 2,
          },
        ],
        xtables: [
          {
            family: 4,
            backend: 'nft',
            text: '*nat\n:DOCKER - [0:0]\n-A DOCKER ! -i br-f -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.77:80\nCOMMIT\n',
          },
        ],
      }),
    },
    ['dnat-nowhere @host'],
  ],
  [
    'nobody serves names',
    { web: ({ sockets }) => ({ sockets: sockets.filter(({ address }) => address !== '127.0.0.11') }) },
    ['resolver-away @web'],
  ],
  [
    'no name server at all',
    {
      containers: ({ resolver, name }) =>
        name === 'web' && resolver ? { resolver: { ...resolver, nameservers: [] } } : {},
    },
    ['name-unknown @web'],
  ],
  ['ports of an internal network', { networks: () => ({ internal: true }) }, ['network-internal @web']],
  [
    'a published program that listens on loopback',
    {
      web: ({ sockets }) => ({
        sockets: sockets.map((one) => (one.port === 80 ? { ...one, address: '127.0.0.1' } : one)),
      }),
    },
    ['listener-loopback @web'],
  ],
  ['no default route in a container', { web: () => ({ routes: [] }) }, ['no-route @web']],
  [
    'IPv6 disabled on the bridge of a network that has it',
    {
      networks: ({ subnets }) => ({ subnets: [...subnets, { subnet: 'fd00:18::/64' }] }),
      host: ({ links }) => ({
        links: links.map((one) => (one.index === 5 ? { ...one, ipv6: { disabled: true } } : one)),
      }),
    },
    ['family-missing br-ffffffffffff@host'],
  ],
  [
    'duplicate address detection failed',
    {
      web: ({ addresses }) => ({
        addresses: [
          ...addresses,
          { link: 2, family: 6, address: 'fd00:18::9', prefixLength: 64, scope: 'global', dadFailed: true },
        ],
      }),
    },
    ['duplicate-address eth0@web'],
  ],
])('%s', (_, changes, expected) => {
  expect(codes(changes)).toEqual(expected);
});

test('the worst first, the same order each time, whatever the order of the snapshot', () => {
  const broken = host({
    web: () => ({ routes: [] }),
    host: () => ({
      neighbours: [{ link: 5, family: 4, address: '172.18.0.2', mac: '02:00:00:00:00:01', state: 'PERMANENT' }],
    }),
    containers: ({ resolver }) => (resolver ? { resolver: { ...resolver, nameservers: [] } } : {}),
  });
  const [first, ...rest] = broken.namespaces;
  const turned = {
    ...broken,
    namespaces: [first as Namespace, ...rest.toReversed()],
    containers: broken.containers.toReversed(),
  };
  const stable = (snapshot: Snapshot) => found(snapshot).map(({ code, at, severity }) => [severity, code, at]);
  expect(stable(turned)).toEqual(stable(broken));
  const severities = examine(broken).map(({ severity }) => severity);
  expect(severities).toEqual(['error', 'error', 'warning', 'warning', 'notice']);
});

test('in words: the place, the sentence, what mends it, and a count; nothing steers a terminal', () => {
  const findings: Finding[] = [
    {
      code: 'link-down',
      severity: 'error',
      at: { namespace: 'web', interface: 'eth0' },
      sentence: 'The interface eth0\u001b[31m is down.',
      remedy: ['ip link set eth0 up'],
    },
  ];
  expect(isHealthy(findings)).toBe(false);
  expect(describeFindings(findings)).toBe(
    'ERROR link-down at eth0@web\n  The interface eth0�[31m is down.\n  $ ip link set eth0 up\n\n1 error, 0 warnings, 0 notices',
  );
});
