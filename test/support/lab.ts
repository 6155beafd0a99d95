/**
 * @module A lab for the engine's tests: the demo's private world with an engine in it, real servers, and questions.
 *
 * Servers listen on sockets that were opened inside a namespace and are served by this process, so that a test may have
 * dozens. Those who ask are programs of their own (curl, ping), or sockets of the asker's namespace.
 */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildWorld, type Place, type World } from '../../src/cli/demo/world.ts';
import {
  type Engine,
  type EngineOptions,
  type ErrorCode,
  type InitialEndpoint,
  openEngine,
  PontoonError,
  type Sandbox,
  type SandboxSpec,
} from '../../src/index.ts';
import { formatAddress } from '../../src/kernel/inet.ts';
import { openBoundSocket } from '../../src/kernel/inet-socket.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { type Frame, PacketSocket } from '../../src/kernel/packet-socket.ts';
import { getLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';

export type { Place } from '../../src/cli/demo/world.ts';
export { ADDRESSES } from '../../src/cli/demo/world.ts';

/** After so long without an answer there is none: one takes well under a millisecond of the kernel's time. */
const SILENCE_MS = 1000;

export interface Lab {
  readonly world: World;
  /** The engine that is open now. */
  readonly engine: Engine;
  /** What failed in the background. It must be empty in the end: a test takes out what it expects. */
  readonly failures: string[];
  /** Closes the engine and opens another one on the same store. */
  reopen(more?: EngineOptions): Promise<Engine>;
  /** Opens one more engine on the same store, which must fail while `engine` is open. */
  openAnother(more?: EngineOptions): Promise<Engine>;
  /** Makes a running sandbox with these endpoints: a network's name, or a network with settings. */
  sandbox(
    name: string,
    endpoints?: readonly (string | InitialEndpoint)[],
    more?: Partial<SandboxSpec>,
  ): Promise<Sandbox>;
  /** Runs a shell command to its end; its standard output. @throws Error with what it wrote when it fails */
  sh(place: Place, command: string): Promise<string>;
  /** The body of a web server's answer; undefined where there was none. */
  get(place: Place, url: string): Promise<string | undefined>;
}

/** Builds the world and opens an engine in it; both end after the file's last test. */
export async function openLab(options: EngineOptions = {}): Promise<Lab> {
  const world = await buildWorld();
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  const failures: string[] = [];
  const open = (more: EngineOptions = {}): Promise<Engine> =>
    openEngine({
      dataRoot: join(directory, 'data'),
      runRoot: join(directory, 'run'),
      onError: (error) => failures.push(error.message),
      ...options,
      ...more,
    });
  let engine = await open();
  after(async () => {
    await engine.close();
    await world[Symbol.asyncDispose]();
    assert.deepEqual(failures, [], 'nothing failed in the background');
  });
  return {
    world,
    failures,
    get engine() {
      return engine;
    },
    async reopen(more) {
      await engine.close();
      engine = await open(more);
      return engine;
    },
    openAnother: open,
    sandbox(name, endpoints = [], more = {}) {
      const full = endpoints.map((endpoint) => (typeof endpoint === 'string' ? { network: endpoint } : endpoint));
      return engine.createSandbox({ name, endpoints: full, ...more });
    },
    async sh(place, command) {
      const { status, stdout, stderr } = await world.run(place, ['sh', '-euc', command]);
      if (status === 0) return stdout.trim();
      throw new Error(`${command}: ${stderr.trim() || stdout.trim() || `status ${status}`}`);
    },
    async get(place, url) {
      const { status, body } = await world.fetch(place, url);
      return status === 200 ? body : undefined;
    },
  };
}

/** For assert.rejects and assert.throws: an error of Pontoon with this code. */
export function isPontoonError(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (PontoonError.is(error, code)) return true;
    throw error;
  };
}

/** The namespace of a place, open. */
export function openPlace(place: Place): NetworkNamespace {
  if (place === 'host') return NetworkNamespace.current();
  const path = typeof place === 'string' ? place : place.namespacePath;
  if (path === undefined) throw new Error('the sandbox is stopped');
  return NetworkNamespace.open(path);
}

/** Runs a synchronous function inside a place. */
export function inside<T>(place: Place, run: () => T): T {
  using namespace = openPlace(place);
  return namespace.enter(run);
}

/** Where a server listens. Default: every address of both families. */
export interface Listening {
  readonly port?: number;
  readonly address?: string;
}

/** Starts a web server on port 80 that answers "NAME saw CLIENT". It ends when disposed, else after the last test. */
export function serveWeb(place: Place, name: string, { port = 80, address }: Listening = {}): Disposable {
  const server = createServer((request, response) => {
    response.end(`${name} saw ${plain(request.socket.remoteAddress ?? '')}`);
  });
  server.listen({ fd: listeningSocket(place, 'tcp', port, address) });
  return ending(() => {
    server.close();
    server.closeAllConnections();
  });
}

/** Starts a UDP server on port 53 that answers each datagram with "NAME saw CLIENT". */
export function serveUdp(place: Place, name: string, { port = 53, address }: Listening = {}): Disposable {
  const socket = createSocket('udp6');
  socket.on('message', (_message, { address: client, port: clientPort }) =>
    socket.send(`${name} saw ${plain(client)}`, clientPort, client),
  );
  socket.bind({ fd: listeningSocket(place, 'udp', port, address) });
  return ending(() => socket.close());
}

/** A UDP client that keeps its port, so that all its questions to one address are one flow to the kernel. */
export interface UdpClient extends Disposable {
  /** The answer to a datagram; undefined where there is none. */
  ask(address: string, port: number): Promise<string | undefined>;
}

export function openUdpClient(place: Place): UdpClient {
  const socket = createSocket('udp6');
  socket.bind({ fd: listeningSocket(place, 'udp', 0, undefined) });
  return {
    ask(address, port) {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const answer = (message: Buffer): void => resolve(message.toString());
      const silence = setTimeout(() => resolve(undefined), SILENCE_MS);
      socket.once('message', answer);
      socket.send('who are you?', port, address.includes(':') ? address : `::ffff:${address}`);
      return promise.finally(() => {
        clearTimeout(silence);
        socket.off('message', answer);
      });
    },
    ...ending(() => socket.close()),
  };
}

/** Asks a UDP server once, as a new flow. */
export async function askUdp(place: Place, address: string, port: number): Promise<string | undefined> {
  using client = openUdpClient(place);
  return await client.ask(address, port);
}

function listeningSocket(place: Place, protocol: 'tcp' | 'udp', port: number, address: string | undefined): number {
  return inside(place, () => openBoundSocket(protocol, address ?? '::', port, { dualStack: address === undefined }));
}

/** An IPv4 address as itself, not as a socket of both families writes it (RFC 4291 section 2.5.5.2). */
function plain(address: string): string {
  return address.replace(/^::ffff:/, '');
}

/** Ends something once: when disposed, else after the file's last test. */
function ending(end: () => void): Disposable {
  let ended = false;
  const once = (): void => {
    if (!ended) end();
    ended = true;
  };
  endings.push(once);
  return { [Symbol.dispose]: once };
}

const endings: (() => void)[] = [];
after(() => {
  for (const end of endings) end();
});

/** A frame as far as announcements need it. */
export interface WatchedFrame {
  readonly arp?: { readonly sender: string; readonly target: string; readonly mac: string };
  /** A neighbour advertisement (RFC 4861 section 4.4) with its target link-layer address. */
  readonly advertisement?: { readonly target: string; readonly mac: string };
}

/** Watches the ARP and ICMPv6 frames that come in on an interface of a place. */
export function watchFrames(place: Place, interfaceName: string) {
  const socket = inside(place, () => {
    using rt = new NetlinkSocket(NETLINK_ROUTE);
    const link = getLink(rt, interfaceName);
    if (link === undefined) throw new Error(`no interface ${interfaceName}`);
    return new PacketSocket({ link: link.index });
  });
  const seen: WatchedFrame[] = [];
  return {
    /** Waits for a frame, among those since the beginning. */
    async until(condition: (frame: WatchedFrame) => boolean, limitMs = 10_000): Promise<void> {
      for (const end = performance.now() + limitMs; ; await sleep(5)) {
        for (let frame = socket.receive(); frame !== undefined; frame = socket.receive()) seen.push(parseFrame(frame));
        if (seen.some(condition)) return;
        if (performance.now() > end) throw new Error(`no such frame, but ${JSON.stringify(seen)}`);
      }
    },
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}

function parseFrame({ protocol, bytes }: Frame): WatchedFrame {
  const mac = (at: number): string =>
    bytes
      .subarray(at, at + 6)
      .toString('hex')
      .replace(/..(?=.)/g, '$&:');
  const address = (at: number, length: number): string => formatAddress(bytes.subarray(at, at + length));
  if (protocol === 0x0806) return { arp: { mac: mac(22), sender: address(28, 4), target: address(38, 4) } };
  const isAdvertisement = protocol === 0x86dd && bytes[20] === 58 && bytes[54] === 136;
  return isAdvertisement ? { advertisement: { target: address(62, 16), mac: mac(80) } } : {};
}
