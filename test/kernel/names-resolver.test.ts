/**
 * @module The embedded resolver over real sockets: UDP, TCP, forwarding, and all that a client or a server can do wrong.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Answer, type DecodedPacket, decode, encode, type RecordType } from 'dns-packet';
import * as ffi from '../../src/kernel/ffi.ts';
import { socketAddress } from '../../src/kernel/inet.ts';
import { boundPort, openBoundSocket, openOutgoingSocket } from '../../src/kernel/inet-socket.ts';
import type { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import { NameDirectory } from '../../src/network/names/directory.ts';
import { FrameReader, frame } from '../../src/network/names/framing.ts';
import { createResolver, type Resolver, type ResolverOptions } from '../../src/network/names/resolver.ts';
import { createSandbox, openWorld, until } from './support.ts';

const RESOLVER = '127.0.0.11';
const IPPROTO_UDP = 17;
const RECURSION_DESIRED = 0x0100;
const TRUNCATED = 0x0200;

type Decoded = DecodedPacket & { rcode: string; answers: Answer[] };

{
  using world = openWorld();
  world.request(setLink('lo', { up: true }));
}

// ---- a resolver on sockets of its own -------------------------------------------------------------------------------

/** A UDP and a TCP socket on the same port of an address. */
function openSockets(address: string): { udpFd: number; tcpFd: number; port: number } {
  const udpFd = openBoundSocket('udp', address, 0);
  const port = boundPort(udpFd);
  return { udpFd, tcpFd: openBoundSocket('tcp', address, port), port };
}

type Options = Partial<ResolverOptions> & { within?: NetworkNamespace };

function start({ within, ...options }: Options = {}): { resolver: Resolver; port: number } & Disposable {
  const open = () => openSockets(RESOLVER);
  const { port, ...fds } = within === undefined ? open() : within.enter(open);
  const errors: Error[] = [];
  const resolver = createResolver({
    directory: directoryOf('web'),
    sandboxId: 'asker',
    ...fds,
    upstreams: [],
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    resolver,
    port,
    [Symbol.dispose]() {
      resolver.close();
      assert.deepEqual(errors, []);
    },
  };
}

/** The sandbox 'asker' on the network 'net', with `count` others that share the name. */
function directoryOf(name: string, count = 1): NameDirectory {
  const directory = new NameDirectory();
  const network = { networkId: 'n', networkName: 'net' };
  directory.set({ id: 'asker', sandboxId: 'asker', ...network, names: ['asker'], ipv4: '10.0.0.1' });
  for (let i = 0; i < count; i++) {
    const id = `endpoint-${i}`;
    directory.set({ id, sandboxId: id, ...network, names: [id, name], ipv4: `10.0.${1 + (i >> 8)}.${i & 255}` });
  }
  return directory;
}

// ---- a client -------------------------------------------------------------------------------------------------------

let lastId = 0;

function query(name: string, type: RecordType = 'A'): Buffer {
  lastId = (lastId + 1) & 0xffff;
  return encode({ type: 'query', id: lastId, flags: RECURSION_DESIRED, questions: [{ name, type }] });
}

function askOverUdp(port: number, message: Buffer): Promise<Decoded> {
  const { promise, resolve, reject } = Promise.withResolvers<Decoded>();
  const client = createSocket('udp4');
  client.on('error', reject);
  client.on('message', (answer) => resolve(decode(answer) as Decoded));
  client.send(message, port, RESOLVER);
  return promise.finally(() => client.close());
}

async function askOnceOverTcp(port: number, message: Buffer): Promise<Decoded> {
  return (await askOverTcp(port, [message]))[0]!;
}

/** The answers to several queries on one connection, which is written in pieces of `pieceBytes`. */
function askOverTcp(port: number, messages: Buffer[], pieceBytes = 65_535): Promise<Decoded[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Decoded[]>();
  const reader = new FrameReader(65_535);
  const answers: Decoded[] = [];
  const connection = connect(port, RESOLVER);
  connection.setNoDelay(true);
  connection.on('error', reject);
  connection.on('close', () => reject(new Error(`connection closed after ${answers.length} answers`)));
  connection.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) answers.push(decode(message) as Decoded);
    if (answers.length === messages.length) resolve(answers);
  });
  const stream = Buffer.concat(messages.map(frame));
  const writeFrom = (offset: number) => {
    if (offset >= stream.length) return;
    connection.write(stream.subarray(offset, offset + pieceBytes), () => setImmediate(writeFrom, offset + pieceBytes));
  };
  writeFrom(0);
  return promise.finally(() => connection.destroy());
}

const dataOf = (answer: Decoded) => answer.answers.map((record) => (record as { data: unknown }).data);

// ---- a name server upstream -----------------------------------------------------------------------------------------

interface ServerOptions {
  address?: string;
  /** The RCODE; 'silent' gives no answer. Default 0. */
  rcode?: number | 'silent';
  /** The address in its answers. */
  data?: string;
  /** Cuts every UDP answer short. */
  truncates?: boolean;
  /** Leaves the question out. */
  bare?: boolean;
  /** Sends these before the true answer, made from the query and the true answer. */
  forges?: (query: Buffer, answer: Buffer) => Buffer[];
  onQuery?: (query: Buffer, client: RemoteInfo) => void;
  within?: NetworkNamespace;
}

interface NameServer extends Disposable {
  readonly address: string;
  readonly port: number;
  /** Queries that came in. */
  readonly count: { udp: number; tcp: number };
}

function serve(options: ServerOptions = {}): NameServer {
  const { address = '127.0.0.54', rcode = 0, data = '192.0.2.1', truncates = false, bare = false } = options;
  const open = () => openSockets(address);
  const { udpFd, tcpFd, port } = options.within === undefined ? open() : options.within.enter(open);
  const count = { udp: 0, tcp: 0 };
  const answerTo = (message: Buffer, flags = 0) => {
    const { id, questions } = decode(message);
    const empty = rcode !== 0 || (flags & TRUNCATED) !== 0;
    const name = questions?.[0]?.name ?? '';
    const answers: Answer[] = empty ? [] : [{ type: 'A', name, ttl: 60, data }];
    return encode({
      type: 'response',
      ...(id === undefined ? {} : { id }),
      flags: flags | (rcode === 'silent' ? 0 : rcode),
      questions: bare ? [] : (questions ?? []),
      answers,
    });
  };

  const udp = createSocket('udp4');
  udp.on('message', (message, client) => {
    count.udp++;
    options.onQuery?.(message, client);
    if (rcode === 'silent') return;
    const answer = answerTo(message, truncates ? TRUNCATED : 0);
    for (const forged of options.forges?.(message, answer) ?? []) udp.send(forged, client.port, client.address);
    udp.send(answer, client.port, client.address);
  });
  udp.bind({ fd: udpFd });

  const connections = new Set<Socket>();
  const tcp = createServer((connection) => {
    connections.add(connection);
    const reader = new FrameReader(65_535);
    connection.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) {
        count.tcp++;
        if (rcode !== 'silent') connection.write(frame(answerTo(message)));
      }
    });
  });
  tcp.listen({ fd: tcpFd });
  return {
    address,
    port,
    count,
    [Symbol.dispose]() {
      udp.close();
      tcp.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

// ---- the tests ------------------------------------------------------------------------------------------------------

describe('names of the sandbox', () => {
  test('are answered over UDP', async () => {
    using server = start();
    const answer = await askOverUdp(server.port, query('WEB.net'));
    assert.equal(answer.rcode, 'NOERROR');
    assert.equal(answer.id, lastId);
    assert.deepEqual(answer.questions, [{ name: 'WEB.net', type: 'A', class: 'IN' }]);
    assert.deepEqual(dataOf(answer), ['10.0.1.0']);
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('web', 'AAAA'))), []);
    assert.equal((await askOverUdp(server.port, query('web', 'MX'))).rcode, 'NOERROR');
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('0.1.0.10.in-addr.arpa', 'PTR'))), ['endpoint-0.net']);
    const { queries, local, malformed } = server.resolver.stats();
    assert.deepEqual({ queries, local, malformed }, { queries: 4, local: 4, malformed: 0 });
  });

  test('are answered over TCP: many on one connection, in any pieces', async () => {
    using server = start();
    for (const pieceBytes of [1, 7, 65_535]) {
      const messages = Array.from({ length: 20 }, () => query('web'));
      const answers = await askOverTcp(server.port, messages, pieceBytes);
      assert.deepEqual(new Set(answers.map((answer) => answer.id)).size, 20);
      for (const answer of answers) assert.deepEqual(dataOf(answer), ['10.0.1.0']);
    }
  });

  test('follow changes at once', async () => {
    const directory = directoryOf('web');
    using server = start({ directory });
    const network = { networkId: 'n', networkName: 'net' };
    directory.set({ id: 'new', sandboxId: 'new', ...network, names: ['new'], ipv4: '10.0.9.9' });
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('new'))), ['10.0.9.9']);
    directory.delete('new');
    assert.equal((await askOverUdp(server.port, query('new'))).rcode, 'SERVFAIL');
  });

  test('that are shared take turns', async () => {
    using server = start({ directory: directoryOf('api', 3) });
    const first = new Set<unknown>();
    // With three in random order, 60 answers miss one with a chance of 10^-10.
    for (let i = 0; i < 60; i++) first.add(dataOf(await askOverUdp(server.port, query('api')))[0]);
    assert.deepEqual([...first].sort(), ['10.0.1.0', '10.0.1.1', '10.0.1.2']);
  });

  test('with too many addresses for UDP are cut short there, and whole over TCP', async () => {
    using server = start({ directory: directoryOf('api', 600) });
    const short = await askOverUdp(server.port, query('api'));
    assert.equal(short.flag_tc, true);
    assert.ok(short.answers.length > 20 && short.answers.length < 40, `${short.answers.length} answers`);
    const [whole] = await askOverTcp(server.port, [query('api')]);
    assert.equal(whole?.flag_tc, false);
    assert.equal(new Set(dataOf(whole as Decoded)).size, 600);
  });
});

describe('what is malformed', () => {
  test('a query that comes from port 0 harms nobody', async () => {
    using server = start();
    const message = query('web');
    const header = Buffer.alloc(8);
    header.writeUInt16BE(server.port, 2);
    header.writeUInt16BE(header.length + message.length, 4); // the checksum stays 0: none
    const raw = ffi.socket(ffi.AF_INET, ffi.SOCK_RAW, IPPROTO_UDP, 'raw socket');
    ffi.sendto(raw, Buffer.concat([header, message]), socketAddress(RESOLVER, 0));
    ffi.close(raw);
    assert.equal((await askOverUdp(server.port, query('web'))).rcode, 'NOERROR');
    assert.equal(server.resolver.stats().queries, 1);
  });

  test('gets FORMERR or nothing, and the next query is served', async () => {
    using server = start();
    const twoQuestions = query('web');
    twoQuestions.writeUInt16BE(2, 4);
    assert.equal((await askOverUdp(server.port, twoQuestions)).rcode, 'FORMERR');
    const client = createSocket('udp4');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(5), Buffer.alloc(12, 0xff), Buffer.alloc(600, 0xc0)]) {
      client.send(bytes, server.port, RESOLVER);
    }
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('web'))), ['10.0.1.0']);
    client.close();
    assert.equal(server.resolver.stats().malformed, 5);
  });

  test('ends a TCP connection that announces more than a query can be', async () => {
    using server = start();
    const connection = connect(server.port, RESOLVER);
    connection.write(Buffer.of(0xff, 0xff));
    await new Promise((resolve) => connection.on('close', resolve).resume());
    assert.equal(server.resolver.stats().malformed, 1);
    assert.deepEqual(dataOf((await askOverTcp(server.port, [query('web')]))[0] as Decoded), ['10.0.1.0']);
  });
});

describe('other names', () => {
  test('are asked upstream, and the answer has the ID and the spelling of the client', async () => {
    let client: RemoteInfo | undefined;
    let sent: Buffer | undefined;
    using upstream = serve({
      onQuery: (message, from) => {
        sent = Buffer.from(message);
        client = from;
      },
    });
    using server = start({ upstreams: [upstream] });
    const ports = new Set<number>();
    const ids = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const message = query('Example.Test');
      message.writeUInt16BE(7, 0);
      const answer = await askOverUdp(server.port, message);
      assert.equal(answer.id, 7);
      assert.equal(answer.questions?.[0]?.name, 'Example.Test');
      assert.deepEqual(dataOf(answer), ['192.0.2.1']);
      ids.add((sent as Buffer).readUInt16BE(0));
      ports.add((client as RemoteInfo).port);
    }
    assert.ok(ids.size > 15 && ports.size > 15, `${ids.size} IDs and ${ports.size} ports of 20 are different`);
    assert.equal(server.resolver.stats().forwarded, 20);
  });

  test('go to the next server on SERVFAIL, REFUSED, silence and a closed port', async () => {
    using failing = serve({ address: '127.0.0.61', rcode: 2 });
    using refusing = serve({ address: '127.0.0.62', rcode: 5 });
    using silent = serve({ address: '127.0.0.63', rcode: 'silent' });
    const closed = { address: '127.0.0.64', port: 5353 };
    using good = serve({ address: '127.0.0.65', data: '192.0.2.5' });
    using server = start({ upstreams: [failing, refusing, silent, closed, good], timeoutMs: 200 });
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('example.test'))), ['192.0.2.5']);
    const [answer] = await askOverTcp(server.port, [query('example.test')]);
    assert.deepEqual(dataOf(answer as Decoded), ['192.0.2.5']);
    for (const upstream of [failing, refusing, silent, good]) assert.deepEqual(upstream.count, { udp: 1, tcp: 1 });
    const { upstreams } = server.resolver.stats();
    assert.deepEqual(
      upstreams.map(({ asked, failed }) => [asked, failed]),
      [
        [2, 2],
        [2, 2],
        [2, 2],
        [2, 2],
        [2, 0],
      ],
    );
    assert.match(upstreams[2]?.lastFailure ?? '', /did not answer in 200 ms/);
    assert.match(upstreams[3]?.lastFailure ?? '', /ECONNREFUSED/);
  });

  test('are not waited for where the error comes without the question', async () => {
    using failing = serve({ address: '127.0.0.61', rcode: 2, bare: true });
    using puzzled = serve({ address: '127.0.0.62', rcode: 1, bare: true });
    using server = start({ upstreams: [failing, puzzled] });
    for (const ask of [askOverUdp, askOnceOverTcp]) {
      const { rcode, questions } = await ask(server.port, query('example.test'));
      assert.equal(rcode, 'FORMERR');
      assert.equal(questions?.[0]?.name, 'example.test', 'the client gets its question back');
    }
    assert.deepEqual(
      server.resolver.stats().upstreams.map(({ lastFailure }) => lastFailure),
      ['SERVFAIL', undefined],
    );
  });

  test('that do not exist end the search', async () => {
    using first = serve({ address: '127.0.0.61', rcode: 3 });
    using second = serve({ address: '127.0.0.62' });
    using server = start({ upstreams: [first, second] });
    assert.equal((await askOverUdp(server.port, query('example.test'))).rcode, 'NXDOMAIN');
    assert.deepEqual(second.count, { udp: 0, tcp: 0 });
  });

  test('are SERVFAIL at once without servers, or when all fail', async () => {
    using alone = start();
    assert.equal((await askOverUdp(alone.port, query('example.test'))).rcode, 'SERVFAIL');
    using failing = serve({ rcode: 5 });
    using server = start({ upstreams: [failing] });
    assert.equal((await askOverUdp(server.port, query('example.test'))).rcode, 'SERVFAIL');
    server.resolver.setUpstreams([]);
    assert.equal((await askOverUdp(server.port, query('example.test'))).rcode, 'SERVFAIL');
    assert.equal(failing.count.udp, 1);
  });

  test('of one label are forwarded, unless the client has search domains to try', async () => {
    using upstream = serve();
    using forwards = start({ upstreams: [upstream] });
    assert.deepEqual(dataOf(await askOverUdp(forwards.port, query('intranet'))), ['192.0.2.1']);
    using keeps = start({ upstreams: [upstream], forwardSingleLabels: false });
    const answer = await askOverUdp(keeps.port, query('intranet'));
    assert.deepEqual([answer.rcode, dataOf(answer)], ['NOERROR', []]);
    assert.deepEqual(dataOf(await askOverUdp(keeps.port, query('intranet.test'))), ['192.0.2.1']);
  });

  test('are asked over TCP when the server cuts its answer short', async () => {
    using upstream = serve({ truncates: true });
    using server = start({ upstreams: [upstream] });
    const answer = await askOverUdp(server.port, query('example.test'));
    assert.equal(answer.flag_tc, false);
    assert.deepEqual(dataOf(answer), ['192.0.2.1']);
    assert.deepEqual(upstream.count, { udp: 1, tcp: 1 });
  });

  test('are not answered by forgers: wrong ID, wrong question, no response, another address', async () => {
    const outsider = createSocket('udp4');
    await new Promise<void>((resolve) => outsider.bind(0, '127.0.0.66', resolve));
    using upstream = serve({
      onQuery: (message, client) => {
        const forged = encode({
          type: 'response',
          id: message.readUInt16BE(0),
          questions: [{ type: 'A', name: 'example.test' }],
          answers: [{ type: 'A', name: 'example.test', data: '203.0.113.66' }],
        });
        outsider.send(forged, client.port, client.address);
      },
      forges: (message, answer) => {
        const wrongId = Buffer.from(answer);
        wrongId.writeUInt16BE(wrongId.readUInt16BE(0) ^ 1, 0);
        const wrongQuestion = Buffer.from(answer);
        wrongQuestion[13] = 'X'.charCodeAt(0);
        const forged = [wrongId, wrongQuestion];
        for (const bytes of forged) bytes.writeUInt32BE(0xcb007142, bytes.length - 4);
        return [...forged, message, Buffer.alloc(3)];
      },
    });
    using server = start({ upstreams: [upstream] });
    for (let i = 0; i < 10; i++) {
      assert.deepEqual(dataOf(await askOverUdp(server.port, query('example.test'))), ['192.0.2.1']);
    }
    outsider.close();
  });

  test('are REFUSED when 1024 are under way; our own names are still answered', async () => {
    using silent = serve({ rcode: 'silent' });
    using server = start({ upstreams: [silent] });
    const { resolver, port } = server;
    await using client = createSocket('udp4');
    const rcodes = new Map<string, number>();
    client.on('message', (answer) => {
      const { rcode } = decode(answer) as Decoded;
      rcodes.set(rcode, (rcodes.get(rcode) ?? 0) + 1);
    });
    await new Promise<void>((resolve) => client.bind(0, '127.0.0.1', resolve));
    for (let i = 0; i < 1100; i++) {
      // In small portions, each when the one before is in: a socket's receive buffer does not hold them all.
      if (i % 50 === 0) await until(() => resolver.stats().queries === i, 'a portion of queries is in');
      client.send(query('example.test'), port, RESOLVER);
    }
    await until(() => resolver.stats().queries === 1100, 'all queries are in');
    assert.equal(resolver.stats().inFlight, 1024);
    assert.deepEqual(dataOf(await askOverUdp(port, query('web'))), ['10.0.1.0']);
    await until(() => rcodes.get('REFUSED') === 76, 'those above the limit are refused');
    assert.deepEqual([...rcodes], [['REFUSED', 76]]);
    resolver.close();
    await until(() => resolver.stats().inFlight === 0, 'closing ends what is under way');
  });
});

describe('in a namespace', () => {
  test('the resolver serves its own sandbox, from the event loop of the engine', async () => {
    using sandbox = createSandbox();
    sandbox.socket.request(setLink('lo', { up: true }));
    using server = start({ within: sandbox.namespace });
    // c-ares, in a process of its own: a client that knows nothing of us.
    const resolve = async (name: string) => {
      const script = `
        const resolver = new (require('node:dns').promises.Resolver)();
        resolver.setServers(['${RESOLVER}:${server.port}']);
        resolver.resolve4('${name}').catch((error) => error.code).then((result) => console.log(String(result)));`;
      const command = [`--net=${sandbox.path}`, process.execPath, '--eval', script];
      return (await promisify(execFile)('nsenter', command)).stdout.trim();
    };
    assert.equal(await resolve('web'), '10.0.1.0');
    assert.equal(await resolve('example.test'), 'ESERVFAIL');
  });

  test('servers upstream are asked from the host, or from inside where the user named one there', async () => {
    using sandbox = createSandbox();
    sandbox.socket.request(setLink('lo', { up: true }));
    using inside = serve({ data: '192.0.2.99', within: sandbox.namespace });
    using outside = serve({ data: '192.0.2.1' });
    using server = start();
    const { address, port } = inside;
    const openSocket = (kind: 'udp' | 'tcp', to: string, toPort: number) =>
      sandbox.namespace.enter(() => openOutgoingSocket(kind, to, toPort));
    const ask = async () => [
      ...dataOf(await askOverUdp(server.port, query('example.test'))),
      ...dataOf((await askOverTcp(server.port, [query('example.test')]))[0] as Decoded),
    ];
    server.resolver.setUpstreams([outside]);
    assert.deepEqual(await ask(), ['192.0.2.1', '192.0.2.1']);
    server.resolver.setUpstreams([{ address, port, openSocket }]);
    assert.deepEqual(await ask(), ['192.0.2.99', '192.0.2.99']);
    assert.deepEqual(inside.count, { udp: 1, tcp: 1 });
  });

  test('a server that no socket can be opened for is passed over', async () => {
    using good = serve();
    const openSocket = () => {
      throw new Error('ENETUNREACH');
    };
    using server = start({ upstreams: [{ address: '127.0.0.99', openSocket }, good] });
    assert.deepEqual(dataOf(await askOverUdp(server.port, query('example.test'))), ['192.0.2.1']);
    assert.deepEqual(dataOf((await askOverTcp(server.port, [query('example.test')]))[0] as Decoded), ['192.0.2.1']);
    assert.match(server.resolver.stats().upstreams[0]?.lastFailure ?? '', /ENETUNREACH/);
  });
});

test('a connection that is ended by its client still gets the answers under way, and close() ends all', async () => {
  using upstream = serve();
  using server = start({ upstreams: [upstream] });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let received = 0;
  const connection = connect({ port: server.port, host: RESOLVER });
  connection.on('error', reject);
  connection.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  connection.on('close', () => resolve(received));
  const message = query('example.test');
  connection.end(frame(message));
  assert.ok((await promise) > message.length);

  const idle = connect(server.port, RESOLVER);
  await new Promise((done) => idle.once('connect', done));
  await askOverTcp(server.port, [query('web')]);
  const closed = new Promise((done) => idle.resume().once('close', done));
  server.resolver.close();
  server.resolver.close();
  await closed;
});
