/**
 * @module Damage by hand: what somebody with root may do to what Pontoon made, and what the reconciler says when it has
 * mended it.
 */

import type { Engine, Sandbox } from '../../src/index.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { getLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { ROOTS } from './kill-operations.ts';

/** Where a shell command is run: the host, or inside the sandbox. */
type Where = 'host' | 'inside';

export interface Damage {
  readonly name: string;
  readonly where: Where;
  readonly command: string;
  /** The lines of the report, in any order. */
  readonly repaired?: readonly string[];
  readonly removed?: readonly string[];
  /** What the repair may change: 'PLACE LINK' for links, addresses and routes, 'PLACE nft' for rules and elements. */
  readonly touched: readonly string[];
}

const BRIDGE = 'br-dual';
const MARK = 0x706f_6e74;

/** Makes what is damaged: `web` and `peer` on one network of both families, `peer` and `apart` on an isolated one. */
export async function prepareDamage(engine: Engine): Promise<void> {
  await engine.createNetwork({
    name: 'dual',
    subnets: [{ subnet: '172.30.0.0/24' }, { subnet: 'fd00:30::/64' }],
    bridgeName: BRIDGE,
  });
  await engine.createNetwork({
    name: 'lone',
    subnets: [{ subnet: '172.31.0.0/24' }],
    bridgeName: 'br-lone',
    icc: false,
  });
  await engine.createNetwork({
    name: 'wire',
    driver: 'macvlan',
    parent: 'eth0',
    subnets: [{ subnet: '10.99.0.0/24' }],
  });
  const ports = [
    { port: 80, hostPort: 8000 },
    { port: [7000, 7009], hostPort: [7000, 7009] },
  ] as const;
  await engine.createSandbox({ name: 'web', endpoints: [{ network: 'dual', ports }, { network: 'wire' }] });
  await engine.createSandbox({ name: 'peer', endpoints: [{ network: 'dual' }, { network: 'lone' }] });
  await engine.createSandbox({
    name: 'apart',
    endpoints: [{ network: 'lone', ports: [{ port: 80, hostPort: 8001 }] }],
  });
  await engine.settled();
}

/** Everything that can be done to `web`, its network, and the host. */
export function damages(engine: Engine): Damage[] {
  const web = engine.inspectSandbox('web');
  const [peer, apart] = [engine.inspectSandbox('peer'), engine.inspectSandbox('apart')];
  const port = portOf(web, 'dual');
  const gatewayRoutes = [
    'default route of web: via 172.30.0.1 on eth0',
    'default route of web: via fd00:30::1 on eth0',
  ];
  const pairMade = [`eth0 of web: made again, with ${port}`, ...gatewayRoutes];
  const pairTouched = ['web eth0', `host ${port}`, `host ${BRIDGE}`];
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  const bridgeMac = getLink(rt, BRIDGE)?.mac;
  return [
    {
      name: "the pair's end on the host deleted",
      where: 'host',
      command: `ip link delete ${port}`,
      repaired: pairMade,
      touched: pairTouched,
    },
    {
      name: 'the interface deleted',
      where: 'inside',
      command: 'ip link delete eth0',
      repaired: pairMade,
      touched: pairTouched,
    },
    {
      name: 'the interface renamed',
      where: 'inside',
      command: 'ip link set eth0 down; ip link set eth0 name other up',
      repaired: pairMade,
      touched: [...pairTouched, 'web other'],
    },
    {
      name: 'the interface down',
      where: 'inside',
      command: 'ip link set eth0 down',
      repaired: ['eth0 of web: address fd00:30::2/64 added', 'eth0 of web: brought up', ...gatewayRoutes],
      touched: pairTouched,
    },
    {
      name: 'an IPv4 address removed',
      where: 'inside',
      command: 'ip address delete 172.30.0.2/24 dev eth0',
      repaired: ['eth0 of web: address 172.30.0.2/24 added', gatewayRoutes[0]!],
      touched: ['web eth0'],
    },
    {
      name: 'an IPv6 address removed',
      where: 'inside',
      command: 'ip address delete fd00:30::2/64 dev eth0',
      repaired: ['eth0 of web: address fd00:30::2/64 added'],
      touched: ['web eth0'],
    },
    {
      name: 'the MTU changed',
      where: 'inside',
      command: 'ip link set eth0 mtu 1400',
      repaired: ['eth0 of web: MTU 1400 → 1500'],
      touched: ['web eth0'],
    },
    {
      name: 'an MTU too small for IPv6',
      where: 'inside',
      command: 'ip link set eth0 mtu 1000',
      repaired: ['eth0 of web: MTU 1000 → 1500', 'eth0 of web: address fd00:30::2/64 added', gatewayRoutes[1]!],
      touched: ['web eth0'],
    },
    {
      name: 'the MAC changed',
      where: 'inside',
      command: 'ip link set eth0 address 02:00:00:00:00:77',
      repaired: ['eth0 of web: MAC 02:00:00:00:00:77 → 02:42:ac:1e:00:02'],
      touched: ['web eth0'],
    },
    {
      name: 'the default route removed',
      where: 'inside',
      command: 'ip route delete default',
      repaired: [gatewayRoutes[0]!],
      touched: ['web eth0'],
    },
    {
      name: 'the default route led through another network of ours',
      where: 'inside',
      command: 'ip route replace default via 10.99.0.1',
      repaired: [gatewayRoutes[0]!],
      touched: ['web eth0', 'web eth1'],
    },
    {
      name: 'the macvlan deleted',
      where: 'inside',
      command: 'ip link delete eth1',
      repaired: ['eth1 of web: made again, on eth0'],
      touched: ['web eth1', 'host eth0'],
    },
    {
      name: 'the loopback down',
      where: 'inside',
      command: 'ip link set lo down',
      repaired: ['lo of web: brought up'],
      touched: ['web lo'],
    },
    {
      name: "the resolver's rules flushed",
      where: 'inside',
      command: 'nft flush ruleset',
      repaired: ['resolver of web: started again'],
      touched: ['web nft'],
    },
    {
      name: "one of the resolver's rules deleted",
      where: 'inside',
      command:
        'nft delete rule netdev pontoon $(nft -a list table netdev pontoon | sed -n "s/.*chain \\([a-z_]*\\) {.*/\\1/p;s/.*\\(handle [0-9]*\\)$/\\1/p" | sed -n "2p;3p" | tr "\\n" " ")',
      repaired: ['resolver of web: started again'],
      touched: ['web nft'],
    },
    {
      name: 'the port taken off the bridge',
      where: 'host',
      command: `ip link set ${port} nomaster`,
      repaired: [`${port}: put back on ${BRIDGE}`],
      touched: pairTouched,
    },
    {
      name: 'the port down',
      where: 'host',
      command: `ip link set ${port} down`,
      repaired: [`${port}: brought up`],
      touched: pairTouched,
    },
    {
      name: 'the port blocked',
      where: 'host',
      command: `bridge link set dev ${port} state 0`,
      repaired: [`${port}: state disabled → forwarding`],
      touched: [`host ${port}`, 'web eth0'],
    },
    {
      name: 'the port isolated',
      where: 'host',
      command: `bridge link set dev ${port} isolated on`,
      repaired: [`${port}: isolated true → false`],
      touched: [`host ${port}`, 'web eth0'],
    },
    {
      name: 'a port that learns nothing and gives frames back',
      where: 'host',
      command: `bridge link set dev ${port} learning off hairpin on`,
      repaired: [`${port}: learning false → true`, `${port}: hairpin true → false`],
      touched: [`host ${port}`, 'web eth0'],
    },
    {
      name: 'an isolated port let loose',
      where: 'host',
      command: `bridge link set dev ${portOf(apart, 'lone')} isolated off`,
      repaired: [`${portOf(apart, 'lone')}: isolated false → true`],
      touched: [`host ${portOf(apart, 'lone')}`, 'apart eth0'],
    },
    {
      name: "the bridge's address removed",
      where: 'host',
      command: `ip address delete 172.30.0.1/24 dev ${BRIDGE}`,
      repaired: [`bridge ${BRIDGE}: address 172.30.0.1/24 added`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: 'an address added to the bridge',
      where: 'host',
      command: `ip address add 10.77.0.1/24 dev ${BRIDGE}`,
      repaired: [`bridge ${BRIDGE}: address 10.77.0.1/24 removed`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: "the bridge's MTU changed",
      where: 'host',
      command: `ip link set ${BRIDGE} mtu 1400`,
      repaired: [`bridge ${BRIDGE}: MTU 1400 → 1500`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: "the bridge's route for ::1 removed",
      where: 'host',
      command: `ip -6 route delete local ::1 dev ${BRIDGE} table local`,
      repaired: [`bridge ${BRIDGE}: local route ::1 added`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: 'route_localnet off',
      where: 'host',
      command: `sysctl -qw net.ipv4.conf.${BRIDGE}.route_localnet=0`,
      repaired: [`bridge ${BRIDGE}: route_localnet 0 → 1`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: 'router advertisements accepted',
      where: 'host',
      command: `sysctl -qw net.ipv6.conf.${BRIDGE}.accept_ra=1`,
      repaired: [`bridge ${BRIDGE}: accept_ra 1 → 0`],
      touched: [],
    },
    {
      name: 'forwarding off',
      where: 'host',
      command: 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0',
      repaired: ['net.ipv4.ip_forward: 0 → 1', 'net.ipv6.conf.all.forwarding: 0 → 1'],
      touched: ['host br-dual', 'host br-lone', 'host eth0', 'host pontoon0'], // the kernel's own consequences
    },
    {
      name: 'our table deleted',
      where: 'host',
      command: 'nft delete table inet pontoon',
      repaired: ['table inet pontoon: made'],
      touched: ['host nft'],
    },
    {
      name: 'our table flushed',
      where: 'host',
      command: 'nft flush table inet pontoon',
      repaired: ['table inet pontoon: made'],
      touched: ['host nft'],
    },
    {
      name: 'a rule deleted',
      where: 'host',
      command:
        'nft delete rule inet pontoon forward handle $(nft -a list chain inet pontoon forward | sed -n "s/.*talking.*handle //p")',
      repaired: ['table inet pontoon: made'],
      touched: ['host nft'],
    },
    {
      name: 'a rule added',
      where: 'host',
      command: 'nft insert rule inet pontoon forward drop',
      repaired: ['table inet pontoon: made'],
      touched: ['host nft'],
    },
    {
      name: 'a policy changed',
      where: 'host',
      command: 'nft chain inet pontoon forward "{ policy drop; }"',
      repaired: ['table inet pontoon: made'],
      touched: ['host nft'],
    },
    {
      name: 'an element deleted',
      where: 'host',
      command: 'nft delete element inet pontoon any4 "{ tcp . 8000 }"',
      repaired: ['any4 { tcp . 8000 }: added'],
      touched: ['host nft'],
    },
    {
      name: 'a range of ports deleted',
      where: 'host',
      command: 'nft delete element inet pontoon ranges6 "{ ::/0 . tcp . 7000-7009 }"',
      repaired: ['ranges6 { ::/0 . tcp . 7000-7009 }: added'],
      touched: ['host nft'],
    },
    {
      name: 'an element led elsewhere',
      where: 'host',
      command:
        'nft delete element inet pontoon any4 "{ tcp . 8000 }"; nft add element inet pontoon any4 "{ tcp . 8000 : 172.30.0.99 . 80 }"',
      repaired: ['any4 { tcp . 8000 }: corrected'],
      touched: ['host nft'],
    },
    {
      name: 'a foreign element',
      where: 'host',
      command: 'nft add element inet pontoon bridges "{ eth0 }"',
      repaired: ['bridges: an element that nobody owns removed'],
      touched: ['host nft'],
    },
    {
      name: 'a foreign range in the place of ours',
      where: 'host',
      command:
        'nft flush map inet pontoon ranges4; nft add element inet pontoon ranges4 "{ 0.0.0.0/0 . tcp . 6990-7004 : 172.30.0.99 }"',
      repaired: ['ranges4 { 0.0.0.0/0 . tcp . 7000-7009 }: added', 'ranges4: an element that nobody owns removed'],
      touched: ['host nft'],
    },
    {
      name: 'the bridge down',
      where: 'host',
      command: `ip link set ${BRIDGE} down`,
      repaired: [`bridge ${BRIDGE}: address fd00:30::1/64 added`, `bridge ${BRIDGE}: brought up`],
      touched: [`host ${BRIDGE}`, `host ${port}`, `host ${portOf(peer, 'dual')}`],
    },
    {
      name: "the bridge's MAC changed",
      where: 'host',
      command: `ip link set ${BRIDGE} address 02:00:00:00:00:78`,
      repaired: [`bridge ${BRIDGE}: MAC 02:00:00:00:00:78 → ${bridgeMac}`],
      touched: [`host ${BRIDGE}`],
    },
    {
      name: 'the bridge deleted',
      where: 'host',
      command: `ip link delete ${BRIDGE}`,
      repaired: [
        `bridge ${BRIDGE}: made`,
        `bridge ${BRIDGE}: address 172.30.0.1/24 added`,
        `bridge ${BRIDGE}: address fd00:30::1/64 added`,
        `bridge ${BRIDGE}: accept_ra 1 → 0`,
        `bridge ${BRIDGE}: route_localnet 0 → 1`,
        `bridge ${BRIDGE}: brought up`,
        `${port}: put back on ${BRIDGE}`,
        `${portOf(peer, 'dual')}: put back on ${BRIDGE}`,
      ],
      touched: [...pairTouched, `host ${portOf(peer, 'dual')}`, 'peer eth0'],
    },
    {
      name: 'the pin of a namespace unmounted',
      where: 'host',
      command: `umount ${ROOTS.runRoot}/netns/${apart.id.slice(0, 12)}`,
      repaired: [
        'namespace of apart: made again',
        `eth0 of apart: made again, with ${portOf(apart, 'lone')}`,
        'default route of apart: via 172.31.0.1 on eth0',
      ],
      touched: [`host ${portOf(apart, 'lone')}`, 'host br-lone'],
    },
    {
      name: 'a link with our mark',
      where: 'host',
      command: `ip link add stray type veth peer stray2; ip link set stray group ${MARK}`,
      removed: ['link stray'],
      touched: ['host stray', 'host stray2'],
    },
    {
      name: 'a link with our mark inside',
      where: 'inside',
      command: `ip link add stray type veth peer stray2; ip link set stray group ${MARK}`,
      removed: ['link stray of web'],
      touched: ['web stray', 'web stray2'],
    },
    {
      name: 'a stray pin',
      where: 'host',
      command: `touch ${ROOTS.runRoot}/netns/0123456789ab; mount --bind /proc/self/ns/net ${ROOTS.runRoot}/netns/0123456789ab`,
      removed: ['namespace 0123456789ab'],
      touched: [],
    },
    {
      name: 'stray files',
      where: 'host',
      command: `mkdir ${ROOTS.runRoot}/sandboxes/0123456789ab; touch ${ROOTS.runRoot}/sandboxes/0123456789ab/hosts`,
      removed: ['files of sandbox 0123456789ab'],
      touched: [],
    },
  ];
}

function portOf({ endpoints }: Sandbox, network: string): string {
  return endpoints.find(({ networkName }) => networkName === network)!.hostInterface!;
}
