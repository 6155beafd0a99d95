/**
 * @module UDP flows and port bindings: the kernel remembers a flow, and what it remembers must not outlive a binding.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Flow, listConntrack } from '../../src/kernel/conntrack.ts';
import { openNetfilter } from '../../src/kernel/netlink/nfnetlink.ts';
import { ADDRESSES, openLab, openUdpClient, serveUdp, serveWeb } from '../support/lab.ts';

const lab = await openLab({ defaultNetwork: { ipv6: true } });
const { engine, world } = lab;
const { host, lan } = ADDRESSES;

const one = await lab.sandbox('one', ['bridge']);
const two = await lab.sandbox('two', ['bridge']);
for (const sandbox of [one, two]) serveUdp(sandbox, sandbox.name);

/** The host ports of the flows that the kernel remembers. */
function trackedPorts(): number[] {
  using socket = openNetfilter();
  const flows = listConntrack(socket, { protocol: 'udp', originalPort: [5300, 5302] });
  return flows.map(({ original }) => original.destinationPort).toSorted();
}

const binding = { port: 53, hostPort: 5300, protocol: 'udp' } as const;

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`a flow to a removed binding stops (${family})`, async () => {
    using client = openUdpClient(world.lan);
    await engine.publish('one', binding);
    assert.equal(await client.ask(host[family], 5300), `one saw ${lan[family]}`);
    await engine.unpublish('one', { hostPort: 5300 });
    assert.equal(await client.ask(host[family], 5300), undefined);
  });

  test(`a flow goes to the new server of a binding (${family})`, async () => {
    using client = openUdpClient(world.lan);
    await engine.publish('one', binding);
    assert.equal(await client.ask(host[family], 5300), `one saw ${lan[family]}`);
    await engine.unpublish('one', { hostPort: 5300 });
    await engine.publish('two', binding);
    assert.equal(await client.ask(host[family], 5300), `two saw ${lan[family]}`);
    await engine.unpublish('two', { hostPort: 5300 });
  });

  test(`a flow that began before there was a binding finds it (${family})`, async () => {
    using client = openUdpClient(world.lan);
    using fromHost = openUdpClient('host');
    assert.deepEqual(await Promise.all([client.ask(host[family], 5300), fromHost.ask(host[family], 5300)]), [
      undefined,
      undefined,
    ]);
    await engine.publish('two', binding);
    assert.equal(await client.ask(host[family], 5300), `two saw ${lan[family]}`);
    assert.equal(await fromHost.ask(host[family], 5300), `two saw ${host[family]}`);
    await engine.unpublish('two', { hostPort: 5300 });
  });
}

test('a flow ends with the endpoint, and with the sandbox', async () => {
  using client = openUdpClient(world.lan);
  await engine.publish('one', binding);
  assert.equal(await client.ask(host.ipv4, 5300), `one saw ${lan.ipv4}`);
  await engine.detach('one', 'bridge');
  await engine.publish('two', binding);
  assert.equal(await client.ask(host.ipv4, 5300), `two saw ${lan.ipv4}`);
  await engine.stopSandbox('two');
  assert.equal(await client.ask(host.ipv4, 5300), undefined);
  const started = await engine.startSandbox('two');
  using _server = serveUdp(started, 'two again');
  assert.equal(await client.ask(host.ipv4, 5300), `two again saw ${lan.ipv4}`);
  await engine.unpublish('two', { hostPort: 5300 });
  await engine.attach('one', 'bridge');
});

test('flows of other bindings, ports and addresses are left alone', async () => {
  await engine.publish('one', binding);
  await engine.publish('one', { ...binding, hostPort: 5301 });
  await engine.publish('one', { ...binding, hostPort: 5302, hostAddress: host.ipv4 });
  using client = openUdpClient(world.lan);
  assert.equal(await client.ask(host.ipv4, 5301), `one saw ${lan.ipv4}`);
  assert.equal(await client.ask(host.ipv4, 5302), `one saw ${lan.ipv4}`);
  await engine.unpublish('one', { hostPort: 5300 });
  assert.deepEqual(trackedPorts(), [5301, 5302]);
  await engine.unpublish('one', { hostPort: 5301 });
  assert.deepEqual(trackedPorts(), [5302]);
  assert.equal(await client.ask(host.ipv4, 5302), `one saw ${lan.ipv4}`);
  await engine.unpublish('one', {});
});

test('a range of UDP ports stops as one', async () => {
  using client = openUdpClient(world.lan);
  serveUdp(engine.inspectSandbox('one'), 'one', { port: 6001 });
  await engine.publish('one', { port: [6000, 6002], hostPort: [6000, 6002], protocol: 'udp' });
  assert.equal(await client.ask(host.ipv4, 6001), `one saw ${lan.ipv4}`);
  await engine.unpublish('one', { hostPort: 6000 });
  assert.equal(await client.ask(host.ipv4, 6001), undefined);
});

/** Flows of any protocol to a port, as its clients mean it. */
function flowsTo(originalPort: number): Flow[] {
  using socket = openNetfilter();
  return listConntrack(socket, { originalPort });
}

test('a flow to a server of the outside goes on, whoever publishes its port', async () => {
  serveUdp(world.lan, 'outside', { port: 5300 });
  using client = openUdpClient(one);
  assert.equal(await client.ask(lan.ipv4, 5300), `outside saw ${host.ipv4}`);
  const [before] = flowsTo(5300);
  await engine.publish('two', binding);
  await engine.unpublish('two', binding);
  assert.deepEqual(flowsTo(5300)[0]?.original, before?.original);
});

test('a flow ends with a binding of a routed network', async () => {
  await engine.createNetwork({ name: 'routed', gatewayMode4: 'routed', subnets: [{ subnet: '10.77.0.0/24' }] });
  const server = await lab.sandbox('routed', ['routed']);
  serveUdp(server, 'routed');
  const address = server.endpoints[0]!.ipv4!.split('/')[0]!;
  await lab.sh(world.lan, `ip route add ${address} via ${host.ipv4}`);
  using client = openUdpClient(world.lan);
  await engine.publish('routed', { port: 53, protocol: 'udp' });
  assert.equal(await client.ask(address, 53), `routed saw ${lan.ipv4}`);
  await engine.unpublish('routed', {});
  assert.equal(await client.ask(address, 53), undefined);
});

test('no flow leads to who has an address next', async () => {
  await engine.publish('one', { port: 80, hostPort: 8080 });
  using _web = serveWeb(one, 'one');
  assert.match(String(await lab.get(world.lan, `http://${host.ipv4}:8080/`)), /^one/);
  assert.equal(flowsTo(8080).length, 1);
  await engine.stopSandbox('one');
  await engine.createSandbox({ name: 'next', endpoints: [{ network: 'bridge' }] });
  assert.deepEqual(flowsTo(8080), []);
});
