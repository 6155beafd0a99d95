/**
 * @module Every mistake that a caller can make: what it is, the code of its error, and what the message says.
 *
 * They are made on what `prepareMistakes` makes.
 */

import type { EndpointSpec, Engine, ErrorCode, NetworkSpec, PortBindingSpec, SubnetSpec } from '../../src/index.ts';
import { hasFeature } from '../../src/kernel/features.ts';

export type Mistake = readonly [what: string, code: ErrorCode, says: RegExp, make: (engine: Engine) => unknown];

/** A port of the host that a program has. */
export const PROGRAM_PORT = 8500;
/** So small that they run out: two networks of two addresses. */
export const POOLS = [{ base: '10.200.0.0/29', size: 30 }];
const ID = 'ab'.repeat(32);
const HOST_ADDRESS = '192.0.2.2';

/** Makes networks and sandboxes to make mistakes with. */
export async function prepareMistakes(engine: Engine): Promise<void> {
  await engine.createNetwork({
    name: 'one',
    subnets: [{ subnet: '172.20.0.0/24', auxAddresses: { printer: '172.20.0.9' } }],
    bridgeName: 'br-one',
  });
  await engine.createNetwork({ name: 'six', ipv4: false, subnets: [{ subnet: 'fd00:6::/64' }] });
  await engine.createNetwork({ name: 'tiny', subnets: [{ subnet: '172.21.0.0/30' }] });
  await engine.createNetwork({ name: 'closed', subnets: [{ subnet: '172.22.0.0/24' }], internal: true });
  await engine.createNetwork({
    name: 'wire',
    driver: 'macvlan',
    parent: 'eth0',
    subnets: [{ subnet: '172.23.0.0/24' }],
  });
  await engine.createNetwork({ name: 'pool1' });
  await engine.createNetwork({ name: 'pool2' });
  await engine.createSandbox({
    name: 'web',
    id: ID,
    endpoints: [{ network: 'one', ports: [{ port: [80, 82], hostPort: [8000, 8002] }] }, { network: 'tiny' }],
  });
  await engine.createSandbox({ name: 'other', id: `ab${'cd'.repeat(31)}`, endpoints: [{ network: 'one' }] });
  await engine.createSandbox({ name: 'sharer', namespace: { sandbox: 'web' } });
  await engine.createSandbox({ name: 'alone', endpoints: [{ network: 'none' }] });
  await engine.createSandbox({ name: 'idle' });
  await engine.createSandbox({ name: 'fixed', endpoints: [{ network: 'one', ipv4: '172.20.0.40' }] });
  await engine.stopSandbox('fixed');
}

/** A call with what no type allows. */
const untyped = (value: unknown): never => value as never;
const network = (spec: Partial<NetworkSpec>) => (engine: Engine) => engine.createNetwork({ name: 'new', ...spec });
const subnet = (spec: string | SubnetSpec) =>
  network({ subnets: [typeof spec === 'string' ? { subnet: spec } : spec] });
const sandbox = (spec: Partial<Parameters<Engine['createSandbox']>[0]>) => (engine: Engine) =>
  engine.createSandbox({ name: 'new', ...spec });
const attach = (to: string, spec?: EndpointSpec) => (engine: Engine) => engine.attach('idle', to, spec);
const publish = (spec: PortBindingSpec) => (engine: Engine) => engine.publish('other', spec);
const range = { subnet: '10.77.0.0/24' };

/** By what they are about. */
export const MISTAKES: Record<string, readonly Mistake[]> = {
  'a subnet': [
    ['that is a word', 'bad-subnet', /hello/, subnet('hello')],
    ['without a length', 'bad-subnet', /10\.77\.0\.0/, subnet('10.77.0.0')],
    ['longer than an address', 'bad-subnet', /\/33/, subnet('10.77.0.0/33')],
    ['with a number too large', 'bad-subnet', /300\.1\.1\.0/, subnet('300.1.1.0/24')],
    ['with host bits', 'bad-subnet', /10\.77\.0\.0\/24/, subnet('10.77.0.5/24')],
    ['with host bits, IPv6', 'bad-subnet', /fd00:77::\/64/, subnet('fd00:77::1/64')],
    ['of one address', 'bad-subnet', /10\.77\.0\.1\/32/, subnet('10.77.0.1/32')],
    ['of loopback', 'bad-subnet', /127\.0\.0\.0\/8/, subnet('127.1.0.0/16')],
    ['of multicast', 'bad-subnet', /multicast/, subnet('224.1.0.0/16')],
    ['of another network', 'subnet-overlap', /172\.20\.0\.0\/24, which network one has/, subnet('172.20.0.0/24')],
    ['around that of another network', 'subnet-overlap', /network \w+ has/, subnet('172.16.0.0/12')],
    ['inside that of another network', 'subnet-overlap', /network one has/, subnet('172.20.0.128/25')],
    [
      'of another network, IPv6',
      'subnet-overlap',
      /network six has/,
      network({ subnets: [{ subnet: 'fd00:6::/80' }], ipv4: false }),
    ],
    ['that the host routes', 'subnet-overlap', /the host routes through eth0/, subnet('192.0.2.0/25')],
    [
      'twice in one network',
      'subnet-overlap',
      /network new has/,
      network({ subnets: [range, { subnet: '10.77.0.0/25' }] }),
    ],
    ['when the pools are used up', 'pools-full', /pools/, network({})],
    ['of a size that no pool has', 'bad-subnet', /\/8/, subnet('0.0.0.0/8')],
    ['of the family that is off', 'bad-value', /IPv4/, network({ subnets: [range], ipv4: false })],
    ['of no family', 'bad-value', /IPv4 and IPv6/, network({ ipv4: false, ipv6: false })],
  ],
  'in a subnet, a': [
    ['gateway outside', 'bad-address', /10\.78\.0\.1 is outside/, subnet({ ...range, gateway: '10.78.0.1' })],
    ['gateway that is no address', 'bad-address', /'?gate'?/, subnet({ ...range, gateway: 'gate' })],
    [
      "gateway with the network's address",
      'bad-address',
      /network address/,
      subnet({ ...range, gateway: '10.77.0.0' }),
    ],
    ['gateway with the broadcast address', 'bad-address', /broadcast/, subnet({ ...range, gateway: '10.77.0.255' })],
    ['gateway of another family', 'bad-address', /fd00::1/, subnet({ ...range, gateway: 'fd00::1' })],
    ['range outside', 'bad-subnet', /10\.78\.0\.0\/28/, subnet({ ...range, ipRange: '10.78.0.0/28' })],
    ['range larger than the subnet', 'bad-subnet', /10\.0\.0\.0\/8/, subnet({ ...range, ipRange: '10.0.0.0/8' })],
    ['range that is none', 'bad-subnet', /range/, subnet({ ...range, ipRange: 'range' })],
    ['range without a host', 'bad-subnet', /10\.77\.0\.0\/32/, subnet({ ...range, ipRange: '10.77.0.0/32' })],
    ['printer outside', 'bad-address', /printer/, subnet({ ...range, auxAddresses: { printer: '10.78.0.9' } })],
    [
      "printer with the gateway's address",
      'address-taken',
      /printer/,
      subnet({ ...range, gateway: '10.77.0.9', auxAddresses: { printer: '10.77.0.9' } }),
    ],
    ['printer without an address', 'bad-address', /here/, subnet({ ...range, auxAddresses: { printer: 'here' } })],
  ],
  'a network': [
    ['with a name that is taken', 'name-taken', /one already exists/, network({ name: 'one' })],
    ['with the name of a predefined one', 'name-taken', /host already exists/, network({ name: 'host' })],
    ['without a name', 'bad-name', /''/, network({ name: '' })],
    ['with a name that begins badly', 'bad-name', /'-new'/, network({ name: '-new' })],
    ['with a name that is a path', 'bad-name', /'\.\.\/new'/, network({ name: '../new' })],
    ['with a name of two lines', 'bad-name', /cannot be the name of a network/, network({ name: 'new\nline' })],
    ['with a name too long', 'name-too-long', /256 bytes/, network({ name: 'n'.repeat(256) })],
    [
      'with a bridge name too long',
      'name-too-long',
      /16 bytes/,
      network({ subnets: [range], bridgeName: 'b'.repeat(16) }),
    ],
    ['with a bridge name that is none', 'bad-name', /'a\/b'/, network({ subnets: [range], bridgeName: 'a/b' })],
    [
      'with the bridge of another network',
      'interface-taken',
      /network one has the bridge br-one/,
      network({ subnets: [range], bridgeName: 'br-one' }),
    ],
    [
      "with the name of the host's interface as a bridge",
      'interface-taken',
      /eth0/,
      network({ subnets: [range], bridgeName: 'eth0' }),
    ],
    [
      'with an interface prefix too long',
      'name-too-long',
      /bytes/,
      network({ subnets: [range], interfacePrefix: 'p'.repeat(15) }),
    ],
    ['with an MTU too small', 'bad-value', /MTU 67/, network({ subnets: [range], mtuBytes: 67 })],
    [
      'with an MTU too small for IPv6',
      'bad-value',
      /MTU 1279/,
      network({ subnets: [{ subnet: 'fd00:77::/64' }], ipv4: false, mtuBytes: 1279 }),
    ],
    ['with an MTU too large', 'bad-value', /MTU 65536/, network({ subnets: [range], mtuBytes: 65_536 })],
    ['with half an MTU', 'bad-value', /MTU 1500\.5/, network({ subnets: [range], mtuBytes: 1500.5 })],
    ['with a driver that is not there', 'bad-value', /'overlay'/, network({ driver: untyped('overlay') })],
    ['with a driver of which there is one network', 'network-predefined', /host/, network({ driver: 'host' })],
    ['with a macvlan without a parent', 'bad-value', /parent/, network({ driver: 'macvlan', subnets: [range] })],
    [
      'with a macvlan on a parent that is not there',
      'bad-value',
      /'wlan7'/,
      network({ driver: 'macvlan', parent: 'wlan7', subnets: [range] }),
    ],
    [
      'with a macvlan on a parent whose name is too long',
      'name-too-long',
      /bytes/,
      network({ driver: 'macvlan', parent: 'p'.repeat(16), subnets: [range] }),
    ],
    ['with a parent but without macvlan', 'mode-conflict', /parent/, network({ parent: 'eth0', subnets: [range] })],
    [
      'with macvlan and the name of a bridge',
      'mode-conflict',
      /bridgeName/,
      network({ driver: 'macvlan', parent: 'eth0', bridgeName: 'br-new', subnets: [range] }),
    ],
    [
      'that is not there, removed',
      'network-not-found',
      /network new not found/,
      (engine) => engine.removeNetwork('new'),
    ],
    ['that is predefined, removed', 'network-predefined', /predefined/, (engine) => engine.removeNetwork('bridge')],
    ['that is in use, removed', 'network-in-use', /web/, (engine) => engine.removeNetwork('one')],
    ['that is not there, inspected', 'network-not-found', /new/, (engine) => engine.inspectNetwork('new')],
  ],
  'a sandbox': [
    ['with a name that is taken', 'name-taken', /web already exists/, sandbox({ name: 'web' })],
    ['with a name that is none', 'bad-name', /'a b'/, sandbox({ name: 'a b' })],
    ['with a name too long', 'name-too-long', /256 bytes/, sandbox({ name: 's'.repeat(256) })],
    ['with an ID that is taken', 'name-taken', /abababababab/, sandbox({ id: ID })],
    ['with an ID that is none', 'bad-value', /'abc'/, sandbox({ id: 'abc' })],
    ['with a host name that is none', 'bad-name', /name of a host/, sandbox({ hostname: 'a_b!' })],
    ['with a host name too long', 'name-too-long', /64 bytes/, sandbox({ hostname: 'h'.repeat(64) })],
    ['with a search domain of two lines', 'bad-value', /one word/, sandbox({ dnsSearch: ['a\nnameserver 6.6.6.6'] })],
    ['with a domain of two words', 'bad-value', /one word/, sandbox({ domainname: 'a b' })],
    ['with an option of two words', 'bad-value', /one word/, sandbox({ dnsOptions: ['ndots:1 rotate'] })],
    [
      'with a host line too many',
      'bad-value',
      /an address/,
      sandbox({ extraHosts: [['db\n6.6.6.6 evil', '1.2.3.4']] }),
    ],
    ['with a name server that is none', 'bad-address', /dns/, sandbox({ dns: ['dns'] })],
    [
      'with a line for hosts without an address',
      'bad-address',
      /nowhere/,
      sandbox({ extraHosts: [['db', 'nowhere']] }),
    ],
    [
      'in a namespace that is not there',
      'namespace-not-found',
      /\/run\/netns\/none/,
      sandbox({ namespace: { path: '/run/netns/none' } }),
    ],
    [
      'in a file that is no namespace',
      'namespace-not-found',
      /\/etc\/hosts/,
      sandbox({ namespace: { path: '/etc/hosts' } }),
    ],
    [
      'in a namespace of another kind',
      'namespace-not-found',
      /\/proc\/self\/ns\/mnt/,
      sandbox({ namespace: { path: '/proc/self/ns/mnt' } }),
    ],
    [
      'in a process that is not there',
      'namespace-not-found',
      /no process 4194999/,
      sandbox({ namespace: { pid: 4_194_999 } }),
    ],
    ['in a process that cannot be', 'namespace-not-found', /no process -1/, sandbox({ namespace: { pid: -1 } })],
    [
      'in another one that is not there',
      'sandbox-not-found',
      /sandbox new not found/,
      sandbox({ namespace: { sandbox: 'new' } }),
    ],
    [
      'in another one that is stopped',
      'mode-conflict',
      /fixed is stopped/,
      sandbox({ namespace: { sandbox: 'fixed' } }),
    ],
    [
      'in another one, with an endpoint of its own',
      'mode-conflict',
      /shares/,
      sandbox({ namespace: { sandbox: 'web' }, endpoints: [{ network: 'one' }] }),
    ],
    [
      'on a network that is not there',
      'network-not-found',
      /network new not found/,
      sandbox({ endpoints: [{ network: 'new' }] }),
    ],
    [
      'on the same network twice',
      'already-attached',
      /one/,
      sandbox({ endpoints: [{ network: 'one' }, { network: 'one' }] }),
    ],
    [
      'whose second endpoint is impossible',
      'bad-address',
      /10\.0\.0\.1/,
      sandbox({
        endpoints: [
          { network: 'one', ports: [{ port: 80 }] },
          { network: 'six', ipv4: '10.0.0.1' },
        ],
      }),
    ],
    [
      'whose second port is taken',
      'port-taken',
      /8001/,
      sandbox({
        endpoints: [
          {
            network: 'one',
            ports: [
              { port: 80, hostPort: 8090 },
              { port: 81, hostPort: 8001 },
            ],
          },
        ],
      }),
    ],
    ['that shares with others, removed', 'sandbox-in-use', /sharer/, (engine) => engine.removeSandbox('web')],
    ['that shares with others, stopped', 'sandbox-in-use', /sharer/, (engine) => engine.stopSandbox('web')],
    [
      'that is not there, removed',
      'sandbox-not-found',
      /sandbox new not found/,
      (engine) => engine.removeSandbox('new'),
    ],
    ['that is not there, started', 'sandbox-not-found', /new/, (engine) => engine.startSandbox('new')],
    [
      'by an ID that two have',
      'sandbox-not-found',
      /ambiguous: \d+ IDs begin so/,
      (engine) => engine.inspectSandbox('ab'),
    ],
    [
      'started where there is no namespace',
      'namespace-not-found',
      /none/,
      (engine) => engine.startSandbox('fixed', { path: '/run/netns/none' }),
    ],
  ],
  'an endpoint': [
    ['of a sandbox that is not there', 'sandbox-not-found', /new/, (engine) => engine.attach('new', 'one')],
    ['on a network that is not there', 'network-not-found', /new/, attach('new')],
    ['again', 'already-attached', /web already exists in network one/, (engine) => engine.attach('web', 'one')],
    ['with an address that is taken', 'address-taken', /web/, attach('one', { ipv4: '172.20.0.2' })],
    ['with the address of a stopped sandbox', 'address-taken', /fixed/, attach('one', { ipv4: '172.20.0.40' })],
    ["with the gateway's address", 'address-taken', /gateway/, attach('one', { ipv4: '172.20.0.1' })],
    ["with the printer's address", 'address-taken', /printer/, attach('one', { ipv4: '172.20.0.9' })],
    ['with an address outside', 'bad-address', /10\.0\.0\.1 is outside/, attach('one', { ipv4: '10.0.0.1' })],
    ["with the network's address", 'bad-address', /network address/, attach('one', { ipv4: '172.20.0.0' })],
    ['with the broadcast address', 'bad-address', /broadcast/, attach('one', { ipv4: '172.20.0.255' })],
    ['with a word for an address', 'bad-address', /'?here'?/, attach('one', { ipv4: 'here' })],
    ['with an IPv6 address for IPv4', 'bad-address', /fd00::5/, attach('one', { ipv4: 'fd00::5' })],
    ['with an IPv6 address where there is none', 'bad-address', /IPv6/, attach('one', { ipv6: 'fd00::5' })],
    ['where all addresses are taken', 'pool-full', /172\.21\.0\.0\/30/, attach('tiny')],
    ['with a MAC that is none', 'bad-address', /zz/, attach('one', { mac: 'zz' })],
    ['with the MAC of a group', 'bad-address', /01:00:5e:00:00:01/, attach('one', { mac: '01:00:5e:00:00:01' })],
    [
      'with an interface that is there',
      'interface-taken',
      /eth0/,
      (engine) => engine.attach('web', 'six', { interfaceName: 'eth0' }),
    ],
    ['with the loopback for an interface', 'interface-taken', /lo/, attach('one', { interfaceName: 'lo' })],
    ['with an interface name too long', 'name-too-long', /16 bytes/, attach('one', { interfaceName: 'i'.repeat(16) })],
    ['with an interface name that is none', 'bad-name', /'a b'/, attach('one', { interfaceName: 'a b' })],
    ['with an alias that is none', 'bad-name', /alias/, attach('one', { aliases: ['good', 'not good'] })],
    ['with half a priority', 'bad-value', /1\.5/, attach('one', { gatewayPriority: 1.5 })],
    ['on the host network, with a stack of its own', 'mode-conflict', /host/, attach('host')],
    ['on a network, in the stack of another', 'mode-conflict', /shares/, (engine) => engine.attach('sharer', 'one')],
    ['on none and on another', 'mode-conflict', /none/, (engine) => engine.attach('alone', 'one')],
    ['on another and on none', 'mode-conflict', /none/, (engine) => engine.attach('web', 'none')],
    ['on none, with an address', 'bad-value', /ipv4/, attach('none', { ipv4: '10.0.0.1' })],
    ['on an internal network, with a port', 'bad-value', /internal/, attach('closed', { ports: [{ port: 80 }] })],
    ['on a macvlan, with a port', 'bad-value', /macvlan/, attach('wire', { ports: [{ port: 80 }] })],
    ['that is not there, detached', 'endpoint-not-found', /six/, (engine) => engine.detach('web', 'six')],
  ],
  'a port': [
    ['that another sandbox has', 'port-taken', /8001.*sandbox web/, publish({ port: 80, hostPort: 8001 })],
    [
      'that another sandbox has on all addresses',
      'port-taken',
      /sandbox web/,
      publish({ port: 80, hostPort: 8001, hostAddress: HOST_ADDRESS }),
    ],
    [
      'in a range that another sandbox has',
      'port-taken',
      /sandbox web/,
      publish({ port: [70, 75], hostPort: [7997, 8002] }),
    ],
    ['that a program has', 'port-taken', /8500.*another program/, publish({ port: 80, hostPort: PROGRAM_PORT })],
    ['of a range that is taken', 'ports-full', /8000/, publish({ port: 80, hostPort: [8000, 8002] })],
    ['number 0', 'bad-value', /port 0/, publish({ port: 0 })],
    ['number 65536', 'bad-value', /65536/, publish({ port: 80, hostPort: 65_536 })],
    ['number 80.5', 'bad-value', /80\.5/, publish({ port: 80.5 })],
    ['range backwards', 'bad-value', /90-80/, publish({ port: [90, 80], hostPort: [90, 80] })],
    [
      'range to a range of another size',
      'bad-value',
      /3 host ports for 2 ports/,
      publish({ port: [80, 81], hostPort: [90, 92] }),
    ],
    ['of a protocol without ports', 'bad-value', /'icmp'/, publish({ port: 80, protocol: untyped('icmp') })],
    ['on an address that is none', 'bad-address', /here/, publish({ port: 80, hostAddress: 'here' })],
    ['on an address of somebody else', 'bad-address', /192\.0\.2\.1 /, publish({ port: 80, hostAddress: '192.0.2.1' })],
    ['of a sandbox without networks', 'endpoint-not-found', /idle/, (engine) => engine.publish('idle', { port: 80 })],
    ['of a sandbox that is not there', 'sandbox-not-found', /new/, (engine) => engine.publish('new', { port: 80 })],
    [
      'on a network that the sandbox is not on',
      'endpoint-not-found',
      /six/,
      (engine) => engine.publish('web', { port: 80 }, { network: 'six' }),
    ],
    [
      'that is not published, taken away',
      'binding-not-found',
      /9999/,
      (engine) => engine.unpublish('web', { hostPort: 9999 }),
    ],
    ...(hasFeature('sctp')
      ? []
      : ([
          ['of a protocol that the kernel lacks', 'feature-missing', /sctp/i, publish({ port: 80, protocol: 'sctp' })],
        ] as const)),
  ],
  'a specification': [
    ['that is nothing', 'bad-value', /network/, (engine) => engine.createNetwork(untyped(undefined))],
    ['that is empty', 'bad-value', /network\.name/, (engine) => engine.createNetwork(untyped({}))],
    ['with a number for a name', 'bad-value', /name/, network({ name: untyped(5) })],
    ['with a word for subnets', 'bad-value', /subnets/, network({ subnets: untyped('10.77.0.0/24') })],
    ['with words for subnets', 'bad-value', /subnet/, network({ subnets: untyped(['10.77.0.0/24']) })],
    ['with a number for a subnet', 'bad-value', /subnet/, network({ subnets: untyped([{ subnet: 5 }]) })],
    [
      'with a list for printers',
      'bad-value',
      /auxAddresses/,
      subnet({ ...range, auxAddresses: untyped(['10.77.0.9']) }),
    ],
    ['with a word for yes', 'bad-value', /internal/, network({ subnets: [range], internal: untyped('yes') })],
    ['with a word for an MTU', 'bad-value', /mtuBytes/, network({ subnets: [range], mtuBytes: untyped('1500') })],
    ['with a list of labels', 'bad-value', /labels/, network({ subnets: [range], labels: untyped(['a=b']) })],
    ['with numbers for labels', 'bad-value', /labels/, network({ subnets: [range], labels: untyped({ a: 1 }) })],
    ['with an option that is not there', 'bad-value', /colour/, network(untyped({ subnets: [range], colour: 'blue' }))],
    [
      'with a mode that is not there',
      'bad-value',
      /loud/,
      network({ driver: 'macvlan', parent: 'eth0', subnets: [range], macvlanMode: untyped('loud') }),
    ],
    ['with a number for a sandbox', 'bad-value', /sandbox/, (engine) => engine.createSandbox(untyped(7))],
    ['with a word for a namespace', 'bad-value', /namespace/, sandbox({ namespace: untyped('old') })],
    ['with an empty namespace', 'bad-value', /namespace/, sandbox({ namespace: untyped({}) })],
    ['with a word for endpoints', 'bad-value', /endpoints/, sandbox({ endpoints: untyped('one') })],
    ['with a word for an endpoint', 'bad-value', /endpoints/, sandbox({ endpoints: untyped(['one']) })],
    ['with a word for hosts', 'bad-value', /extraHosts/, sandbox({ extraHosts: untyped(['db=10.0.0.1']) })],
    ['with a number for an address', 'bad-value', /ipv4/, attach('one', { ipv4: untyped(5) })],
    ['with a word for aliases', 'bad-value', /aliases/, attach('one', { aliases: untyped('alias') })],
    ['with numbers for ports', 'bad-value', /ports/, attach('one', { ports: untyped([80]) })],
    ['with a word for a port', 'bad-value', /port/, publish({ port: untyped('80') })],
    ['with three ends of a range', 'bad-value', /port/, publish({ port: untyped([80, 81, 82]) })],
    ['without a port', 'bad-value', /port/, publish(untyped({}))],
    ['with a number for a network', 'bad-value', /network/, (engine) => engine.attach('idle', untyped(5))],
    ['with nothing for a sandbox', 'bad-value', /sandbox/, (engine) => engine.removeSandbox(untyped(undefined))],
  ],
};
