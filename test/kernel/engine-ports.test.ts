/**
 * @module Port bindings: one, random, ranges; live, on and off; conflicts, ours and with programs of the host.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { test } from 'node:test';
import type { PortBindingSpec } from '../../src/index.ts';
import { hasFeature } from '../../src/kernel/features.ts';
import { closeSockets, openBoundSocket, openOutgoingSocket } from '../../src/kernel/inet-socket.ts';
import { ADDRESSES, inside, isPontoonError, openLab, serveWeb } from '../support/lab.ts';

const lab = await openLab({ defaultNetwork: { ipv6: true } });
const { engine, world, get } = lab;
const { host, lan } = ADDRESSES;

const web = await lab.sandbox('web', ['bridge']);
const spare = await lab.sandbox('spare', ['bridge']);
for (const port of [80, 81, 82, 7000, 7001, 7002]) {
  serveWeb(web, `web:${port}`, { port });
  serveWeb(spare, `spare:${port}`, { port });
}

/** What the LAN gets at a port of the host. */
async function fromLan(port: number): Promise<string | undefined> {
  return (await get(world.lan, `http://${host.ipv4}:${port}/`))?.replace(` saw ${lan.ipv4}`, '');
}

/** Publishes a port of web for the time of a test. */
async function published(spec: PortBindingSpec, sandbox = 'web') {
  const bindings = await engine.publish(sandbox, spec);
  return {
    bindings,
    async [Symbol.asyncDispose]() {
      for (const { hostPort, hostAddress, protocol } of bindings) {
        await engine.unpublish(sandbox, {
          hostPort: hostPort[0],
          protocol,
          ...(hostAddress === undefined ? {} : { hostAddress }),
        });
      }
    },
  };
}

/**
 * Another program of the host, with a web server. As programs do, it takes a port that was just given back; and it
 * closes its connections first, so that the kernel remembers them.
 */
async function startProgram(port: number, address = '::'): Promise<AsyncDisposable> {
  const server = createServer((connection) => {
    connection.once('data', () => connection.end('HTTP/1.0 200 OK\r\n\r\nprogram'));
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Whether a program of the host may listen on a port. */
async function programMayListen(port: number, address?: string): Promise<boolean> {
  try {
    await using _program = await startProgram(port, address);
    return true;
  } catch (error) {
    assert.match(String(error), /EADDRINUSE/);
    return false;
  }
}

test('one port is reachable while it is published, and not before and after', async () => {
  assert.equal(await fromLan(8080), undefined);
  {
    await using binding = await published({ port: 80, hostPort: 8080 });
    assert.deepEqual(binding.bindings, [
      { protocol: 'tcp', port: [80, 80], hostPort: [8080, 8080], hostAddress: undefined },
    ]);
    assert.deepEqual(engine.inspectSandbox('web').endpoints[0]?.ports, binding.bindings);
    assert.equal(await fromLan(8080), 'web:80');
    assert.equal(await fromLan(80), undefined, 'only the host port is open');
  }
  assert.equal(await fromLan(8080), undefined);
  assert.deepEqual(engine.inspectSandbox('web').endpoints[0]?.ports, []);
});

test('a connection outlives the binding that it came through', async () => {
  const { hostPort } = (await engine.publish('web', { port: 80, hostPort: 8080 }))[0]!;
  const connection = new Socket({ fd: inside(world.lan, () => openOutgoingSocket('tcp', host.ipv4, hostPort[0])) });
  const ask = async (): Promise<string> => {
    connection.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    return String((await once(connection, 'data'))[0]);
  };
  assert.match(await ask(), /web:80 saw/);
  await engine.unpublish('web', { hostPort: 8080 });
  assert.equal(await fromLan(8080), undefined, 'a new one is refused');
  assert.match(await ask(), /web:80 saw/);
  connection.destroy();
});

test('a port that nobody chose is a free one', async () => {
  await using first = await published({ port: 80 });
  await using second = await published({ port: 80 });
  const ports = [first, second].map(({ bindings }) => bindings[0]!.hostPort[0]);
  assert.equal(new Set(ports).size, 2);
  for (const port of ports) {
    assert.ok(port >= 1024);
    assert.equal(await fromLan(port), 'web:80');
    assert.equal(await programMayListen(port), false);
  }
});

test('a range without host ports gets one port each', async () => {
  await using range = await published({ port: [80, 82] });
  assert.deepEqual(
    range.bindings.map(({ port }) => port),
    [
      [80, 80],
      [81, 81],
      [82, 82],
    ],
  );
  for (const { port, hostPort } of range.bindings) assert.equal(await fromLan(hostPort[0]), `web:${port[0]}`);
});

test('a range that keeps its numbers is port by port', async () => {
  await using _range = await published({ port: [7000, 7002], hostPort: [7000, 7002] });
  for (const port of [7000, 7001, 7002]) assert.equal(await fromLan(port), `web:${port}`);
  assert.deepEqual(await Promise.all([fromLan(6999), fromLan(7003)]), [undefined, undefined]);
});

test('a range that changes its numbers is port by port', async () => {
  await using _range = await published({ port: [80, 82], hostPort: [7000, 7002] });
  for (const offset of [0, 1, 2]) assert.equal(await fromLan(7000 + offset), `web:${80 + offset}`);
  assert.equal(await fromLan(7003), undefined);
});

test('of a range for one port, the first free one is taken', async () => {
  await using _program = await startProgram(9000);
  await using first = await published({ port: 80, hostPort: [9000, 9002] });
  await using second = await published({ port: 80, hostPort: [9000, 9002] }, 'spare');
  assert.deepEqual(first.bindings[0]?.hostPort, [9001, 9001]);
  assert.deepEqual(second.bindings[0]?.hostPort, [9002, 9002]);
  assert.equal(await fromLan(9000), 'program', "the program's own port is left alone");
  assert.equal(await fromLan(9001), 'web:80');
  assert.equal(await fromLan(9002), 'spare:80');
  await assert.rejects(engine.publish('web', { port: 80, hostPort: [9000, 9002] }), isPontoonError('ports-full'));
});

test('a range of 1,000 ports is one element of the rules', async () => {
  const before = await lab.sh('host', 'nft list table inet pontoon');
  {
    await using _range = await published({ port: [20_000, 20_999], hostPort: [20_000, 20_999] });
    const maps = await lab.sh('host', 'nft list map inet pontoon ranges4');
    assert.equal(maps.match(/20000-20999/g)?.length, 1);
    assert.equal(
      (await lab.sh('host', 'nft list table inet pontoon')).match(/2\d\d\d\d/g)?.length,
      4,
      'first and last of one element for each family',
    );
    await engine.settled();
    assert.equal(await programMayListen(20_000), false);
    assert.equal(await programMayListen(20_999), false);
  }
  assert.equal(await lab.sh('host', 'nft list table inet pontoon'), before);
  assert.equal(await programMayListen(20_500), true);
});

test('the ports of a long range are held soon, and conflicts with it are errors at once', async () => {
  const range = { port: [20_000, 20_999], hostPort: [20_000, 20_999] } as const;
  {
    await using _range = await published(range);
    await assert.rejects(engine.publish('spare', { port: 80, hostPort: 20_998 }), isPontoonError('port-taken'));
    await assert.rejects(
      engine.publish('spare', { port: [1, 200], hostPort: [20_900, 21_099] }),
      isPontoonError('port-taken'),
    );
    assert.equal(await programMayListen(21_050), true, 'nothing stays held of the refused one');
  }
  for (const protocol of ['tcp', 'udp'] as const) {
    await using _range = await published({ ...range, protocol });
    await engine.settled();
    for (const port of [20_000, 20_500, 20_999]) {
      assert.throws(() => openBoundSocket(protocol, '0.0.0.0', port), { errno: 'EADDRINUSE' });
    }
  }
  await published(range).then((binding) => binding[Symbol.asyncDispose]());
  await engine.settled();
  assert.equal(await programMayListen(20_999), true, 'what was taken back at once is not held afterwards');
  await assert.rejects(
    lab.sandbox('twice', [{ network: 'bridge', ports: [range, { ...range, port: [1, 1000] }] }]),
    isPontoonError('port-taken'),
  );
  assert.deepEqual(lab.failures, []);
});

test('a long range with one port in use is refused as a whole', async () => {
  const range = { port: [20_000, 20_999], hostPort: [20_000, 20_999] } as const;
  for (const address of ['0.0.0.0', '127.0.0.1', '::1']) {
    const bound = openBoundSocket('tcp', address, 20_700);
    await assert.rejects(engine.publish('web', range), isPontoonError('port-taken'), `bound to ${address}`);
    closeSockets([bound]);
  }
  {
    await using _program = await startProgram(20_700);
    await assert.rejects(engine.publish('web', range), isPontoonError('port-taken'));
  }
  await assert.rejects(engine.publish('web', { ...range, hostAddress: '203.0.113.9' }), isPontoonError('bad-address'));
  await engine.settled();
  assert.equal(await programMayListen(20_000), true);
});

test('a port that we publish already is refused, and nothing changes', async () => {
  await using _binding = await published({ port: 80, hostPort: 8080 });
  const state = await lab.sh('host', 'nft list table inet pontoon; ss -Hnltu');
  for (const taken of [
    { port: 80, hostPort: 8080 },
    { port: 80, hostPort: 8080, hostAddress: host.ipv4 },
    { port: 80, hostPort: 8080, hostAddress: '127.0.0.1' },
    { port: [80, 82], hostPort: [8079, 8081] },
  ] satisfies PortBindingSpec[]) {
    await assert.rejects(engine.publish('spare', taken), (error: Error) => {
      assert.match(error.message, /port is already allocated, sandbox web has it/);
      return isPontoonError('port-taken')(error);
    });
  }
  assert.equal(await lab.sh('host', 'nft list table inet pontoon; ss -Hnltu'), state);
  assert.deepEqual(engine.inspectSandbox('spare').endpoints[0]?.ports, []);
  assert.equal(await fromLan(8080), 'web:80');
});

test('the same port can be published for each host address, protocol and family', async () => {
  await using _a = await published({ port: 80, hostPort: 8080, hostAddress: host.ipv4 });
  await using _b = await published({ port: 80, hostPort: 8080, hostAddress: '127.0.0.1' }, 'spare');
  await using _c = await published({ port: 80, hostPort: 8080, hostAddress: '::' }, 'spare');
  await using _d = await published({ port: 80, hostPort: 8080, protocol: 'udp' });
  assert.equal(await fromLan(8080), 'web:80');
  assert.match(String(await get('host', 'http://127.0.0.1:8080/')), /^spare:80 /);
});

test("a program's port is refused, and left to the program", async () => {
  await using _program = await startProgram(8080);
  await assert.rejects(engine.publish('web', { port: 80, hostPort: 8080 }), (error: Error) => {
    assert.match(error.message, /another program/);
    return isPontoonError('port-taken')(error);
  });
  assert.equal(await fromLan(8080), 'program');
  await using _other = await published({ port: 80, hostPort: 8080, protocol: 'udp' });
});

test('a program cannot take a published port, and can when it is not published any more', async () => {
  {
    await using _binding = await published({ port: 80, hostPort: 8080 });
    assert.equal(await programMayListen(8080), false);
    assert.equal(await programMayListen(8080, '127.0.0.1'), false);
  }
  assert.equal(await programMayListen(8080), true);
  {
    await using _local = await published({ port: 80, hostPort: 8080, hostAddress: '127.0.0.1' });
    assert.equal(await programMayListen(8080, '127.0.0.1'), false);
    await using _program = await startProgram(8080, host.ipv4);
    assert.equal(await fromLan(8080), 'program', 'each has its own address');
  }
});

test('a port is free as soon as its program has ended', async () => {
  {
    await using _program = await startProgram(8080);
    assert.equal(await fromLan(8080), 'program');
  }
  assert.match(await lab.sh('host', 'ss -Htan sport = :8080'), /TIME-WAIT/, 'the kernel remembers a connection');
  await using _binding = await published({ port: 80, hostPort: 8080 });
  assert.equal(await fromLan(8080), 'web:80');
  assert.equal(await programMayListen(8080), false);
  await assert.rejects(engine.publish('spare', { port: 80, hostPort: 8080 }), isPontoonError('port-taken'));
});

test('a host address can be written in any way', async () => {
  const long = '2001:0DB8:0001:0:0:0:0:0002';
  const [binding] = await engine.publish('web', { port: 80, hostPort: 8080, hostAddress: long });
  assert.equal(binding?.hostAddress, host.ipv6);
  await engine.publish('web', { port: 80, hostPort: 8081, hostAddress: '0:0:0:0:0:0:0:0' });
  assert.equal(await get(world.lan, `http://[${host.ipv6}]:8080/`), `web:80 saw ${lan.ipv6}`);
  assert.equal(await get(world.lan, `http://[${host.ipv6}]:8081/`), `web:80 saw ${lan.ipv6}`);
  assert.equal(await fromLan(8081), undefined);
  assert.equal((await engine.unpublish('web', { hostAddress: long })).length, 1);
  assert.equal((await engine.unpublish('web', { hostAddress: '::' })).length, 1);
});

test('an address that the host does not have is refused', async () => {
  const spec = { port: 80, hostPort: 8080, hostAddress: '192.0.2.99' };
  await assert.rejects(engine.publish('web', spec), isPontoonError('bad-address'));
});

test('bindings are taken away by host port, by port, by protocol and by host address', async () => {
  await engine.publish('web', { port: 80, hostPort: 8080 });
  await engine.publish('web', { port: 80, hostPort: 8080, protocol: 'udp' });
  await engine.publish('web', { port: 80, hostPort: 8081, hostAddress: host.ipv4 });
  await engine.publish('web', { port: 81, hostPort: 8082 });
  const hostPorts = (bindings: readonly { hostPort: readonly [number, number] }[]) =>
    bindings.map(({ hostPort }) => hostPort[0]);
  assert.deepEqual(hostPorts(await engine.unpublish('web', { hostPort: 8080, protocol: 'udp' })), [8080]);
  assert.equal(await fromLan(8080), 'web:80');
  assert.deepEqual(hostPorts(await engine.unpublish('web', { hostAddress: host.ipv4 })), [8081]);
  assert.deepEqual(hostPorts(await engine.unpublish('web', { port: 80 })), [8080]);
  assert.equal(await fromLan(8082), 'web:81');
  assert.deepEqual(hostPorts(await engine.unpublish('web', {})), [8082]);
  await assert.rejects(engine.unpublish('web', { hostPort: 8080 }), isPontoonError('binding-not-found'));
});

test('of a sandbox on several networks, the chosen endpoint is published', async () => {
  await engine.createNetwork({ name: 'second', subnets: [{ subnet: '10.50.0.0/24' }] });
  await engine.attach('spare', 'second');
  await engine.publish('spare', { port: 80, hostPort: 8080 }, { network: 'second' });
  const endpoint = engine.inspectNetwork('second').endpoints[0];
  assert.equal(endpoint?.ports.length, 1);
  assert.match(await lab.sh('host', 'nft list map inet pontoon any4'), /10\.50\.0\.2 \. 80/);
  assert.equal(await fromLan(8080), 'spare:80', 'the answer comes back the way it went');
  await engine.detach('spare', 'second');
  assert.equal(await fromLan(8080), undefined, 'a binding goes with its endpoint');
  assert.equal(await programMayListen(8080), true);
  await engine.removeNetwork('second');
});

test('nothing is published on internal, host and none networks', async () => {
  await engine.createNetwork({ name: 'internal', internal: true });
  const spec = { port: 80, hostPort: 8080 };
  for (const network of ['internal', 'none']) {
    await assert.rejects(
      engine.createSandbox({ name: 'lost', endpoints: [{ network, ports: [spec] }] }),
      isPontoonError('bad-value'),
    );
  }
  assert.equal(await programMayListen(8080), true);
  assert.equal(engine.listSandboxes().length, 2);
});

test('sctp is published where the kernel has it, and named as missing where not', async () => {
  const spec = { port: 80, hostPort: 8080, protocol: 'sctp' } as const;
  if (hasFeature('sctp')) {
    await using _binding = await published(spec);
    assert.match(await lab.sh('host', 'nft list map inet pontoon any4'), /sctp \. 8080/);
  } else {
    await assert.rejects(engine.publish('web', spec), isPontoonError('feature-missing'));
  }
});

test('several ports of a new sandbox are published at once, or none', async () => {
  const ports = [
    { port: 80, hostPort: 8080 },
    { port: 81, hostPort: 8081 },
  ];
  await using _program = await startProgram(8081);
  await assert.rejects(
    engine.createSandbox({ name: 'two', endpoints: [{ network: 'bridge', ports }] }),
    isPontoonError('port-taken'),
  );
  assert.equal(await programMayListen(8080), true);
  assert.throws(() => engine.inspectSandbox('two'), isPontoonError('sandbox-not-found'));
});
