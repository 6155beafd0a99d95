/**
 * @module What a snapshot says of links, addresses, routes, neighbours, bridges, rules and sockets, against what was made
 * by hand with ip(8), nft(8) and iptables(8); and that taking one changes nothing.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseSnapshot } from '../../src/observe/snapshot/parse.ts';
import { parseProc } from '../../src/observe/snapshot/sockets.ts';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import type { Link, Namespace, Snapshot } from '../../src/observe/snapshot/types.ts';

const BUILD = `
  ip link set lo up
  ip netns add blue
  ip netns add red
  for inside in '' 'ip netns exec blue' 'ip netns exec red'; do
    $inside sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
  done
  ip link add br0 type bridge ageing_time 1000
  ip address add 10.20.30.1/24 dev br0
  ip address add fd00:20::1/64 dev br0 nodad
  ip link set br0 up
  for name in blue red; do
    ip link add veth-$name type veth peer name eth0 netns $name
    ip link set veth-$name master br0 up
    ip -n $name link set lo up
    ip -n $name link set eth0 up
    ip -n $name route add default dev eth0
  done
  ip -n blue address add 10.20.30.11/24 dev eth0
  ip -n red address add 10.20.30.12/24 dev eth0
  ip link set veth-red alias 'the red one'
  bridge link set dev veth-red isolated on hairpin on learning off
  bridge fdb add 02:00:00:00:00:99 dev veth-blue master static
  ip link add cable0 netns blue type veth peer name cable1 netns red
  ip link add mac0 link br0 type macvlan mode private
  ip link set mac0 netns red
  ip -n blue link add mac1 link cable0 type macvlan
  ip -n blue link set mac1 netns red
  ip link add tap7 type veth peer name tap8
  ip link set tap7 mtu 1400
  ip address add 192.0.2.1 peer 192.0.2.2 dev tap7
  ip address add fd00:7::1/64 dev tap7
  ip link set tap8 up
  ip link set tap7 up
  ip route add blackhole 198.51.100.0/24
  ip route add 203.0.113.0/24 via 192.0.2.2 mtu lock 1300 metric 7 table 100
  ip route add 203.0.113.0/24 nexthop via 10.20.30.11 weight 3 nexthop via 192.0.2.2
  ip rule add from 10.20.30.0/24 fwmark 0x10/0xff lookup 100 priority 50
  ip -6 rule add iif br0 prohibit priority 60
  ip neighbour add 10.20.30.77 lladdr 02:00:00:00:00:77 dev br0
  ip neighbour add proxy 10.20.30.88 dev br0
  sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.br0.rp_filter=2 net.ipv4.conf.all.arp_ignore=1 net.ipv6.conf.tap7.forwarding=1
  ip netns exec blue sysctl -qw net.ipv4.conf.eth0.arp_ignore=8 net.ipv4.icmp_echo_ignore_all=1
  nft 'add table inet own; add chain inet own in { type filter hook input priority 0; }'
  nft 'add rule inet own in ct state established,related accept comment "stay"'
  ip netns exec blue ping -c 1 -W 5 10.20.30.1 >/dev/null`;

const PONTOON = join(import.meta.dirname, '../../bin/pontoon');
/** Of /proc/net/tcp. */
const TCP_LISTEN = 10;

let taken: Snapshot;
const opened: { close(): unknown }[] = [];

before(async () => {
  execFileSync('sh', ['-euc', BUILD], { stdio: ['ignore', 'ignore', 'inherit'] });
  const server = createServer().listen(8080, '127.0.0.1');
  const server6 = createServer().listen({ port: 8081, host: '::', ipv6Only: true });
  const datagrams = createSocket('udp4').bind(5353);
  opened.push(server, server6, datagrams);
  await Promise.all([server, server6, datagrams].map((one) => once(one, 'listening')));
  taken = await takeSnapshot({ conntrack: true });
});
after(() => {
  for (const one of opened) one.close();
});

function namespace(name: string): Namespace {
  const found = taken.namespaces.find((one) => one.name === name);
  assert.ok(found, `${name} is in ${taken.namespaces.map((one) => one.name)}`);
  return found;
}

function link(where: string, name: string): Link {
  const found = namespace(where).links.find((one) => one.name === name);
  assert.ok(found, `${name} in ${where}`);
  return found;
}

test('namespaces are named by what pins them, the host first', () => {
  assert.deepEqual(
    taken.namespaces.map(({ name, owner }) => [name, owner]),
    [['host', 'host'], ...[namespace('blue'), namespace('red')].sort(byInode).map(({ name }) => [name, 'netns'])],
  );
  assert.deepEqual(namespace('blue').paths, ['/run/netns/blue']);
  const own = namespace('host').processes.find(({ pid }) => pid === process.pid);
  assert.equal(own?.command, readFileSync('/proc/self/comm', 'utf8').trim());
});

test('a document of its own is one that its reader takes, unchanged', () => {
  assert.deepEqual(parseSnapshot(JSON.stringify(taken)), taken);
  assert.deepEqual(taken.notes, []);
});

test('both ends of a cable know each other, also between two namespaces', () => {
  for (const name of ['blue', 'red']) {
    const inside = link(name, 'eth0');
    const outside = link('host', `veth-${name}`);
    assert.deepEqual(inside.peer, { namespace: namespace('host').id, index: outside.index });
    assert.deepEqual(outside.peer, { namespace: namespace(name).id, index: inside.index });
  }
  assert.deepEqual(link('blue', 'cable0').peer, { namespace: namespace('red').id, index: link('red', 'cable1').index });
  assert.deepEqual(link('red', 'cable1').peer, {
    namespace: namespace('blue').id,
    index: link('blue', 'cable0').index,
  });
  assert.deepEqual(link('red', 'mac0').lower, { namespace: namespace('host').id, index: link('host', 'br0').index });
  assert.equal(link('red', 'mac0').macvlan?.mode, 'private');
  assert.deepEqual(link('red', 'mac1').lower, { namespace: namespace('blue').id, index: link('blue', 'cable0').index });
});

test('links: state, master, flags of ports, settings of bridges', () => {
  const bridge = link('host', 'br0');
  assert.equal(bridge.kind, 'bridge');
  assert.equal(bridge.bridge?.ageingSeconds, 10);
  assert.equal(bridge.bridge?.stp, undefined);
  const red = link('host', 'veth-red');
  assert.equal(red.master, bridge.index);
  assert.equal(red.alias, 'the red one');
  assert.deepEqual(
    [red.port?.state, red.port?.isolated, red.port?.hairpin, red.port?.learning, red.port?.unicastFlood],
    ['forwarding', true, true, undefined, true],
  );
  assert.equal(link('host', 'veth-blue').port?.isolated, undefined);
  assert.deepEqual([red.up, red.carrier, red.operState], [true, true, 'up']);
  assert.deepEqual([link('blue', 'cable0').up, link('blue', 'cable0').carrier], [undefined, undefined]);
  assert.equal(link('host', 'tap7').mtuBytes, 1400);
  assert.ok(link('blue', 'eth0').counters.sentPackets >= 2);
});

test('addresses, with peers and what tells good ones from bad', () => {
  const { addresses } = namespace('host');
  const tap = link('host', 'tap7').index;
  const pointToPoint = addresses.find(({ address }) => address === '192.0.2.1');
  assert.deepEqual(pointToPoint, {
    link: tap,
    family: 4,
    address: '192.0.2.1',
    prefixLength: 32,
    peer: '192.0.2.2',
    scope: 'global',
    permanent: true,
  });
  const ipv6 = addresses.find(({ address }) => address === 'fd00:20::1');
  assert.deepEqual([ipv6?.prefixLength, ipv6?.family, ipv6?.tentative], [64, 6, undefined]);
});

test('routes of all tables and types, and the rules that choose', () => {
  const { routes, rules } = namespace('host');
  const to = (destination: string, table: number) =>
    routes.find((route) => route.destination === destination && route.table === table);
  assert.deepEqual([to('198.51.100.0/24', 254)?.type, to('198.51.100.0/24', 254)?.nextHops], ['blackhole', []]);
  const far = to('203.0.113.0/24', 100);
  assert.deepEqual([far?.metric, far?.mtuBytes, far?.mtuLocked], [7, 1300, true]);
  assert.deepEqual(far?.nextHops, [{ via: '192.0.2.2', link: link('host', 'tap7').index, weight: 1 }]);
  assert.deepEqual(
    to('203.0.113.0/24', 254)?.nextHops.map(({ via, weight }) => [via, weight]),
    [
      ['10.20.30.11', 3],
      ['192.0.2.2', 1],
    ],
  );
  assert.equal(to('10.20.30.1/32', 255)?.type, 'local');
  assert.equal(to('10.20.30.0/24', 254)?.preferredSource, '10.20.30.1');
  const rule = rules.find(({ priority }) => priority === 50);
  assert.ok(rule);
  assert.deepEqual(rule, {
    family: 4,
    priority: 50,
    from: '10.20.30.0/24',
    mark: { value: 0x10, mask: 0xff },
    action: 'lookup',
    table: 100,
    origin: rule.origin,
  });
  assert.deepEqual(
    rules.filter(({ priority }) => priority === 60).map(({ action, incoming, table }) => [action, incoming, table]),
    [['prohibit', 'br0', undefined]],
  );
});

test('neighbours and proxies, and what the bridge learned', () => {
  const { neighbours, fdb } = namespace('host');
  const known = neighbours.find(({ address }) => address === '10.20.30.77');
  assert.deepEqual([known?.state, known?.mac], ['PERMANENT', '02:00:00:00:00:77']);
  const proxy = neighbours.find(({ address }) => address === '10.20.30.88');
  assert.deepEqual([proxy?.proxy, proxy?.state], [true, 'NONE']);
  const asked = neighbours.find(({ address }) => address === '10.20.30.11');
  assert.equal(asked?.mac, link('blue', 'eth0').mac);
  const learned = fdb.find(({ mac }) => mac === link('blue', 'eth0').mac);
  assert.deepEqual([learned?.type, learned?.link], ['learned', link('host', 'veth-blue').index]);
  assert.ok((learned?.usedSeconds ?? 60) < 60);
  assert.equal(fdb.find(({ mac }) => mac === '02:00:00:00:00:99')?.type, 'static');
  assert.ok(fdb.every(({ bridge }) => bridge === link('host', 'br0').index));
});

test('settings of namespaces and of links', () => {
  const { settings } = namespace('host');
  assert.equal(settings.ipv4.all.forwarding, true);
  assert.equal(settings.ipv4.all.arpIgnore, 1);
  assert.equal(link('host', 'br0').ipv4?.rpFilter, 2);
  assert.equal(link('host', 'br0').ipv4?.forwarding, true);
  assert.equal(link('host', 'tap7').ipv6?.forwarding, 1);
  assert.equal(link('blue', 'eth0').ipv4?.arpIgnore, 8);
  assert.equal(namespace('blue').settings.ipv4.icmpEchoIgnoreAll, true);
  assert.equal(namespace('blue').settings.ipv4.all.forwarding, undefined);
  assert.equal(settings.ipv4.icmpEchoIgnoreAll, undefined);
  assert.ok((settings.ipv4.localPortRange?.last ?? 0) > (settings.ipv4.localPortRange?.first ?? 0));
});

test('nftables as libnftables says it', () => {
  const { ruleset } = namespace('host').nftables;
  const rule = ruleset.find((object) => 'rule' in object)?.rule as { comment?: string; expr?: unknown[] };
  assert.equal(rule.comment, 'stay');
  assert.deepEqual(namespace('blue').nftables.ruleset, []);
});

test('who listens, and which process', () => {
  const { sockets } = namespace('host');
  const on = (port: number) => sockets.find((socket) => socket.port === port);
  assert.deepEqual([on(8080)?.protocol, on(8080)?.address, on(8080)?.owner?.pid], ['tcp', '127.0.0.1', process.pid]);
  assert.deepEqual([on(8081)?.address, on(8081)?.family, on(8081)?.v6Only], ['::', 6, true]);
  assert.deepEqual([on(5353)?.protocol, on(5353)?.address], ['udp', '0.0.0.0']);
  assert.deepEqual(namespace('red').sockets, []);
});

test('/proc says the same of them, where sock_diag is not there', () => {
  for (const [file, family] of [
    ['tcp', 4],
    ['tcp6', 6],
  ] as const) {
    const there = parseProc(readFileSync(`/proc/self/net/${file}`, 'utf8'), TCP_LISTEN);
    const listed = namespace('host').sockets.filter((one) => one.protocol === 'tcp' && one.family === family);
    assert.deepEqual(
      there,
      listed.map(({ address, port, uid, inode }) => ({ address, port, uid, inode })),
    );
  }
});

test('tracked flows on request', async () => {
  const { conntrack, trackedFlows } = namespace('host');
  const ping = conntrack?.find(({ protocol, original }) => protocol === 1 && original.destination === '10.20.30.1');
  assert.equal(ping?.reply.source, '10.20.30.1');
  assert.ok((trackedFlows ?? 0) >= 1);
  const plain = await takeSnapshot();
  assert.ok(plain.namespaces.every((one) => one.conntrack === undefined));
});

const hasIptables = spawnSync('iptables', ['--version']).status === 0;
test('iptables of both engines', { skip: hasIptables ? false : 'iptables is not installed' }, async () => {
  execFileSync('sh', [
    '-euc',
    `ip netns exec red iptables-nft -t nat -A POSTROUTING -m addrtype ! --dst-type LOCAL -j MASQUERADE
     ip netns exec blue iptables-legacy -A FORWARD -i eth0 -j DROP
     ip netns exec blue ip6tables-legacy -A INPUT -j ACCEPT`,
  ]);
  const { namespaces } = await takeSnapshot();
  const saved = (name: string) => namespaces.find((one) => one.name === name)?.xtables ?? [];
  assert.deepEqual(
    saved('red').map(({ family, backend }) => [family, backend]),
    [[4, 'nft']],
  );
  assert.match(saved('red')[0]?.text ?? '', /^\*nat\n(?:.*\n)*\[0:0\] -A POSTROUTING .*-j MASQUERADE\nCOMMIT\n$/);
  assert.deepEqual(
    saved('blue').map(({ family, backend }) => [family, backend]),
    [
      [4, 'legacy'],
      [6, 'legacy'],
    ],
  );
  assert.match(saved('blue')[0]?.text ?? '', /-A FORWARD -i eth0 -j DROP/);
  const some = await takeSnapshot({ rulesOf: ({ name }) => name === 'red' });
  assert.deepEqual(some.namespaces.find(({ name }) => name === 'blue')?.xtables, []);
  assert.deepEqual(
    some.notes.map(({ kind, what, namespace: id }) => [kind, what, id]),
    [
      ['skipped', 'nftables', namespace('host').id],
      ['skipped', 'nftables', namespace('blue').id],
    ],
  );
});

test('pontoon snapshot writes it, to a file for its owner only', () => {
  const pontoon = (...words: string[]) => execFileSync(PONTOON, ['snapshot', ...words], { encoding: 'utf8' });
  const printed = parseSnapshot(pontoon('--redact'));
  assert.deepEqual([printed.redacted, printed.namespaces.length], [true, taken.namespaces.length]);
  const file = join(mkdtempSync(join(tmpdir(), 'pontoon-snapshot-')), 'host.json');
  assert.equal(pontoon('--conntrack', '--indent', '--output', file), '');
  assert.ok(parseSnapshot(readFileSync(file, 'utf8')).namespaces[0]?.conntrack);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('taking one changes nothing', async () => {
  const before = hostState();
  await takeSnapshot({ conntrack: true });
  assert.deepEqual(hostState(), before);
});

test('namespaces that come and go meanwhile do no harm', async () => {
  for (let round = 0; round < 5; round++) {
    const making = execFileSync.bind(undefined, 'sh', ['-euc', 'for n in 1 2 3 4; do ip netns add gone$n; done']);
    making();
    const snapshot = takeSnapshot();
    execFileSync('sh', ['-euc', 'for n in 1 2 3 4; do ip netns delete gone$n; done']);
    assert.ok((await snapshot).namespaces.length >= 3);
  }
});

/** What anybody could see of a host: everything but counters, and what changes by itself with time. */
function hostState(): string[] {
  const commands = [
    'ip -d address',
    'ip route show table all',
    'ip rule',
    'ip neighbour show nud permanent',
    'ip neighbour show proxy',
    'bridge fdb',
    'nft -s list ruleset',
    'sysctl -a 2>/dev/null | grep -v -e random -e nf_conntrack_count -e "^fs\\." -e "^kernel\\." -e "^vm\\."',
    'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true',
    'cat /proc/modules 2>/dev/null || true',
    'cat /proc/self/mountinfo | wc -l',
  ];
  return ['', 'ip netns exec blue ', 'ip netns exec red ']
    .map((inside) =>
      commands
        .map((command) => execFileSync('sh', ['-c', `${inside}sh -c '${command}'`], { encoding: 'utf8' }))
        .join('\n'),
    )
    .join('\n====\n')
    .replaceAll(/[a-z_]*timer +[\d.]+/g, '')
    .split('\n');
}

function byInode(a: Namespace, b: Namespace): number {
  return Number(/\d+/.exec(a.id)?.[0]) - Number(/\d+/.exec(b.id)?.[0]);
}
