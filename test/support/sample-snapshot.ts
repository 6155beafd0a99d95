/**
 * @module A small snapshot by hand: a host with two containers of Docker on one bridge, and a namespace of ip-netns(8)
 * beyond a cable. It has each kind of thing at least once.
 */

import {
  type Link,
  type Namespace,
  SNAPSHOT_FORMAT,
  SNAPSHOT_VERSION,
  type Snapshot,
} from '../../src/observe/snapshot/types.ts';

export const HOST = 'net:[4026531840]';
export const WEB = 'net:[4026532001]';
export const DB = 'net:[4026532002]';
export const BLUE = 'net:[4026532003]';
const FRONT = 'f'.repeat(64);

const COUNTERS: Link['counters'] = {
  receivedPackets: 10,
  receivedBytes: 1000,
  receiveErrors: 0,
  receiveDropped: 1,
  sentPackets: 11,
  sentBytes: 1100,
  sendErrors: 0,
  sendDropped: 0,
};

function link(index: number, name: string, kind: string, more: Partial<Link> = {}): Link {
  return { index, name, kind, mtuBytes: 1500, up: true, carrier: true, operState: 'up', counters: COUNTERS, ...more };
}

function namespace(id: string, name: string, owner: Namespace['owner'], more: Partial<Namespace>): Namespace {
  return {
    id,
    name,
    owner,
    names: [{ name, owner }],
    paths: [],
    processes: [],
    processCount: 0,
    links: [],
    addresses: [],
    rules: [
      { family: 4, priority: 0, action: 'lookup', table: 255, origin: 2 },
      { family: 4, priority: 32766, action: 'lookup', table: 254, origin: 2 },
    ],
    routes: [],
    neighbours: [],
    fdb: [],
    mdb: [],
    settings: { ipv4: { all: { rpFilter: 2 }, default: {} }, ipv6: { all: {}, default: {} } },
    nftables: { ruleset: [] },
    xtables: [],
    sockets: [],
    ...more,
  };
}

function endpoint(id: string, name: string, ipv4: string, more: Partial<Namespace> = {}): Namespace {
  return namespace(id, name, 'docker', {
    links: [
      link(2, 'eth0', 'veth', {
        mac: `02:42:ac:12:00:0${ipv4.at(-1)}`,
        peer: { namespace: HOST, index: 10 + Number(ipv4.at(-1)) },
      }),
    ],
    addresses: [
      {
        link: 2,
        family: 4,
        address: ipv4,
        prefixLength: 16,
        broadcast: '172.18.255.255',
        scope: 'global',
        permanent: true,
      },
      { link: 2, family: 6, address: 'fd00:18::2', prefixLength: 64, scope: 'global', permanent: true },
    ],
    routes: [
      {
        family: 4,
        table: 254,
        destination: '0.0.0.0/0',
        type: 'unicast',
        nextHops: [{ via: '172.18.0.1', link: 2, weight: 1 }],
        metric: 0,
        scope: 'global',
        protocol: 3,
      },
    ],
    processes: [{ pid: id === WEB ? 501 : 502, command: 'httpd' }],
    processCount: 1,
    ...more,
  });
}

export function sampleSnapshot(): Snapshot {
  const resolver = {
    directory: '/proc/501/root/etc',
    nameservers: ['127.0.0.11'],
    search: [],
    options: ['ndots:0'],
    hosts: [
      { address: '127.0.0.1', names: ['localhost'] },
      { address: '172.18.0.2', names: ['a1b2c3d4e5f6'] },
      { address: '93.184.215.14', names: ['billing.acme.example'] },
    ],
    sources: ['files', 'dns'],
  };
  const container = {
    engine: 'docker',
    state: 'running',
    labels: { owner: 'alice' },
    networkMode: 'front',
    image: 'acme/shop:7',
  } as const;
  return {
    format: SNAPSHOT_FORMAT,
    version: SNAPSHOT_VERSION,
    takenAt: '2026-03-01T12:00:00.000Z',
    pontoonVersion: '0.1.0',
    host: { name: 'builder.acme.example', kernel: '6.1.0-18-amd64', architecture: 'x64' },
    namespaces: [
      namespace(HOST, 'host', 'host', {
        links: [
          link(1, 'lo', 'loopback'),
          link(2, 'eth0', 'device', { mac: '52:54:00:12:34:56' }),
          link(3, 'uplink-acme', 'vlan', { lower: { namespace: HOST, index: 2 }, vlan: { id: 7, protocol: '802.1Q' } }),
          link(5, `br-${FRONT.slice(0, 12)}`, 'bridge', {
            bridge: {
              ageingSeconds: 300,
              forwardDelaySeconds: 15,
              defaultPvid: 1,
              vlanProtocol: '802.1Q',
              groupForwardMask: 0,
              multicastSnooping: true,
            },
          }),
          ...[2, 3].map((at) =>
            link(10 + at, `veth00000${at}`, 'veth', {
              master: 5,
              peer: { namespace: at === 2 ? WEB : DB, index: 2 },
              port: { state: 'forwarding', number: at, cost: 2, priority: 32, learning: true, unicastFlood: true },
            }),
          ),
          link(20, 'cable', 'veth', { peer: { namespace: BLUE, index: 2 }, alias: 'to the lab of acme' }),
        ],
        addresses: [
          { link: 1, family: 4, address: '127.0.0.1', prefixLength: 8, scope: 'host', permanent: true },
          { link: 2, family: 4, address: '93.184.216.34', prefixLength: 24, scope: 'global', permanent: true },
          { link: 5, family: 4, address: '172.18.0.1', prefixLength: 16, scope: 'global', permanent: true },
          { link: 20, family: 4, address: '10.9.0.1', prefixLength: 24, scope: 'global', permanent: true },
        ],
        routes: [
          {
            family: 4,
            table: 254,
            destination: '0.0.0.0/0',
            type: 'unicast',
            nextHops: [{ via: '93.184.216.1', link: 2, weight: 1 }],
            metric: 100,
            scope: 'global',
            protocol: 16,
          },
          {
            family: 4,
            table: 254,
            destination: '93.184.216.0/24',
            type: 'unicast',
            nextHops: [{ link: 2, weight: 1 }],
            metric: 0,
            scope: 'link',
            protocol: 2,
          },
          {
            family: 4,
            table: 254,
            destination: '203.0.113.0/24',
            type: 'blackhole',
            nextHops: [],
            metric: 0,
            scope: 'global',
            protocol: 3,
          },
        ],
        rules: [
          { family: 4, priority: 0, action: 'lookup', table: 255, origin: 2 },
          {
            family: 4,
            priority: 9,
            action: 'lookup',
            table: 100,
            incoming: 'uplink-acme',
            from: '93.184.216.0/25',
            origin: 3,
          },
          { family: 4, priority: 32766, action: 'lookup', table: 254, origin: 2 },
        ],
        neighbours: [
          {
            link: 2,
            family: 4,
            address: '93.184.216.1',
            mac: '52:54:00:00:00:01',
            state: 'REACHABLE',
            usedSeconds: 1.5,
          },
          { link: 5, family: 4, address: '172.18.0.9', state: 'FAILED' },
        ],
        fdb: [{ link: 12, bridge: 5, mac: '02:42:ac:12:00:02', type: 'learned', usedSeconds: 3 }],
        mdb: [{ bridge: 5, port: 12, group: 'ff02::1:ff00:2' }],
        nftables: {
          ruleset: [
            { table: { family: 'inet', name: 'own', handle: 1 } },
            {
              chain: {
                family: 'inet',
                table: 'own',
                name: 'in',
                handle: 1,
                type: 'filter',
                hook: 'input',
                prio: 0,
                policy: 'accept',
              },
            },
            {
              rule: {
                family: 'inet',
                table: 'own',
                chain: 'in',
                handle: 2,
                comment: 'alice asked for it',
                expr: [
                  { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'uplink-acme' } },
                  {
                    match: {
                      op: '==',
                      left: { payload: { protocol: 'ip', field: 'saddr' } },
                      right: { prefix: { addr: '93.184.0.0', len: 16 } },
                    },
                  },
                  { drop: null },
                ],
              },
            },
          ],
        },
        xtables: [
          {
            family: 4,
            backend: 'legacy',
            text: '*filter\n:FORWARD DROP [0:0]\n[1:2] -A FORWARD -i uplink-acme -s 93.184.216.128/25 -m comment --comment "alice: \\"shop\\"" -j ACCEPT\nCOMMIT\n',
          },
        ],
        sockets: [
          {
            protocol: 'tcp',
            family: 4,
            address: '0.0.0.0',
            port: 8080,
            inode: 77,
            owner: { pid: 400, command: 'docker-proxy' },
          },
          { protocol: 'udp', family: 6, address: '::', port: 53, v6Only: true },
        ],
        conntrack: [
          {
            protocol: 6,
            original: {
              source: '93.184.216.77',
              destination: '93.184.216.34',
              sourcePort: 40000,
              destinationPort: 8080,
            },
            reply: { source: '172.18.0.2', destination: '93.184.216.77', sourcePort: 80, destinationPort: 40000 },
            seenReply: true,
            destinationTranslated: true,
            timeoutSeconds: 300,
          },
        ],
        trackedFlows: 1,
        processes: [{ pid: 1, command: 'systemd' }],
        processCount: 90,
      }),
      endpoint(WEB, 'web', '172.18.0.2', {
        sockets: [{ protocol: 'tcp', family: 6, address: '::', port: 80, owner: { pid: 501, command: 'acme-shopd' } }],
      }),
      endpoint(DB, 'db', '172.18.0.3'),
      namespace(BLUE, 'blue', 'netns', {
        paths: ['/run/netns/blue'],
        links: [link(2, 'cable', 'veth', { peer: { namespace: HOST, index: 20 } })],
        addresses: [{ link: 2, family: 4, address: '10.9.0.2', prefixLength: 24, scope: 'global', permanent: true }],
      }),
    ],
    containers: [
      {
        ...container,
        id: 'a1b2c3d4e5f6'.padEnd(64, '0'),
        name: 'web',
        pid: 501,
        namespace: WEB,
        hostname: 'a1b2c3d4e5f6',
        networks: [
          {
            network: 'front',
            networkId: FRONT,
            addresses: ['172.18.0.2/16'],
            gateways: ['172.18.0.1'],
            aliases: ['www'],
          },
        ],
        ports: [{ protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, containerPort: 80 }],
        resolver,
      },
      {
        ...container,
        id: 'b1b2c3d4e5f6'.padEnd(64, '0'),
        name: 'db',
        pid: 502,
        namespace: DB,
        networks: [
          {
            network: 'front',
            networkId: FRONT,
            addresses: ['172.18.0.3/16', 'fd00:18::3/64'],
            gateways: ['172.18.0.1'],
            aliases: [],
          },
        ],
        ports: [],
        resolver: { ...resolver, directory: '/proc/502/root/etc', hosts: [] },
      },
      { ...container, id: 'c1b2c3d4e5f6'.padEnd(64, '0'), name: 'old', state: 'exited', networks: [], ports: [] },
    ],
    networks: [
      {
        engine: 'docker',
        id: FRONT,
        name: 'front',
        driver: 'bridge',
        subnets: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }],
        bridge: `br-${FRONT.slice(0, 12)}`,
        options: { 'com.docker.network.driver.mtu': '1500', team: 'acme' },
      },
    ],
    notes: [{ kind: 'skipped', what: 'conntrack', namespace: WEB, message: 'the flows of web were not asked for' }],
  };
}
