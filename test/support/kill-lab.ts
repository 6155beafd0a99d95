/**
 * @module What the kill tests and the reconciler's tests share: processes to kill, and the proof that all is well.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Endpoint, PortBinding, Sandbox } from '../../src/index.ts';
import { openOutgoingSocket } from '../../src/kernel/inet-socket.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { until } from '../kernel/support.ts';
import { assertNothingLeaked, hasOwnStack, isFree } from './kill-inventory.ts';
import { FOREIGN, PORTS, ROOTS } from './kill-operations.ts';
import { ADDRESSES, inside, type Lab, openLab, openPlace, type Place, serveWeb } from './lab.ts';

export const NOTHING = { repaired: [], removed: [], failed: [] };
const SILENCE_MS = 3000;

export function openKillLab(): Promise<Lab> {
  return openLab({ ...ROOTS, guardRules: false }); // the tests look at what the reconciler finds
}

/** How a process ended that was to die. */
export interface Death {
  /** The step that it died before; undefined when it came to its end alive. */
  readonly died: string | undefined;
  /** Whether the operation had returned. */
  readonly returned: boolean;
}

/** A process that waits to do something and to die of it. */
export class Victim implements Disposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #output: string[] = [];

  constructor(program: string, args: readonly string[]) {
    const path = join(import.meta.dirname, program);
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout!.on('data', (chunk) => this.#output.push(String(chunk)));
    this.#ended = once(this.#child, 'close');
  }

  /** What it has written so far, line by line. */
  get lines(): string[] {
    return this.#output.join('').split('\n').slice(0, -1);
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Lets it go, and resolves when it is dead. Where it does not kill itself, it is killed when `killed` resolves. */
  async die(killed?: () => Promise<unknown>): Promise<Death> {
    this.#child.stdin!.write('go\n');
    if (killed !== undefined) {
      await Promise.race([killed(), this.#ended]);
      this.#child.kill('SIGKILL');
    }
    await this.#ended;
    const died = this.lines.find((line) => line.startsWith('died '))?.slice('died '.length);
    const expected = died !== undefined || killed !== undefined ? 'SIGKILL' : null;
    assert.equal(this.#child.signalCode, expected, `${this.#child.spawnargs.join(' ')}: ${this.lines.join('; ')}`);
    assert.equal(this.#child.exitCode, expected === null ? 0 : null);
    return { died, returned: this.lines.includes('returned') };
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** The one proof of all: nothing leaked, nothing to repair, every port held or free, and everybody reached. */
export async function assertWell(lab: Lab, context: string, ports: PortList = PORTS): Promise<void> {
  await assertNothingLeaked(lab, context);
  assert.deepEqual(await lab.engine.reconcile(), NOTHING, `${context}: the second look finds nothing`);
  assert.deepEqual(lab.failures, [], context);
  await lab.engine.settled();
  assertPorts(lab, ports, context);
  await assertReachable(lab, context);
}

/** Host ports to look at. */
type PortList = Readonly<Record<'tcp' | 'udp', readonly number[]>>;

/** Host ports are bound where published, and free where not. */
function assertPorts({ engine }: Lab, ports: PortList, context: string): void {
  const bindings = engine.listSandboxes().flatMap((sandbox) => {
    return sandbox.running ? sandbox.endpoints.flatMap(({ ports }) => ports) : [];
  });
  for (const protocol of ['tcp', 'udp'] as const) {
    for (const port of ports[protocol]) {
      const published = bindings.some(
        ({ protocol: of, hostPort: [first, last] }) => of === protocol && port >= first && port <= last,
      );
      assert.equal(isFree(protocol, port), !published, `${context}: ${protocol} port ${port} is free`);
    }
  }
}

/** Every running sandbox with a stack is asked on all its addresses and published ports, and by name. */
export async function assertReachable(lab: Lab, context: string): Promise<void> {
  const running = lab.engine.listSandboxes().filter(hasOwnStack);
  serveAll(running);
  await portsForward();
  const questions = running.flatMap((sandbox) => [
    ...sandbox.endpoints.flatMap((endpoint) => publishedQuestions(lab, endpoint)),
    ...running.flatMap((asker) => neighbourQuestions(lab, asker, sandbox)),
  ]);
  await Promise.all(
    questions.map(async ({ place, from, address, port, answer }) => {
      const said = await ask(place, address, port);
      assert.equal(said, answer, `${context}: ${from} asks ${address} port ${port}`);
    }),
  );
}

interface Question {
  readonly place: Place;
  readonly from: string;
  readonly address: string;
  readonly port: number;
  readonly answer: string;
}

/** From the host and from the LAN, over both families. */
function publishedQuestions({ world }: Lab, { sandboxName, ports, ipv4, ipv6 }: Endpoint): Question[] {
  const answer = `I am ${sandboxName}`;
  return ports.flatMap(({ protocol, port, hostPort: [first], hostAddress }: PortBinding): Question[] => {
    if (protocol !== 'tcp' || port[0] !== 80) return [];
    const wide = hostAddress === undefined;
    const ask = (from: string, place: Place, address: string): Question => ({
      from,
      place,
      address,
      port: first,
      answer,
    });
    const { host } = ADDRESSES;
    return [
      ...(hostAddress !== undefined
        ? [ask('the host', 'host', hostAddress), ask('the LAN', world.lan, hostAddress)]
        : []),
      ...(ipv4 !== undefined && wide
        ? [ask('the host', 'host', '127.0.0.1'), ask('the LAN', world.lan, host.ipv4)]
        : []),
      ...(ipv6 !== undefined && wide ? [ask('the host', 'host', '::1'), ask('the LAN', world.lan, host.ipv6)] : []),
    ];
  });
}

/** From a sandbox to another one on a network that both are on. */
function neighbourQuestions({ engine }: Lab, asker: Sandbox, sandbox: Sandbox): Question[] {
  if (asker.id === sandbox.id) return [];
  return sandbox.endpoints.flatMap(({ networkId, ipv4, ipv6 }) => {
    const shared = asker.endpoints.some((endpoint) => endpoint.networkId === networkId);
    if (!shared || !engine.inspectNetwork(networkId).icc) return [];
    return [ipv4, ipv6].flatMap((address) =>
      address === undefined
        ? []
        : [
            {
              place: asker,
              from: asker.name,
              address: address.split('/')[0]!,
              port: 80,
              answer: `I am ${sandbox.name}`,
            },
          ],
    );
  });
}

/** Web servers by the inode of their namespace: one that was made anew needs a server anew. */
const servers = new Map<number, Disposable>();

/**
 * A web server in each sandbox, and none where no sandbox is any more. In the namespace that is not ours it stays: its
 * old connections would keep the next one from the port for a minute.
 */
export function serveAll(running: readonly Sandbox[]): void {
  const here = new Set<number>();
  if (existsSync(FOREIGN.path)) here.add(inside(FOREIGN.path, () => statSync('/proc/thread-self/ns/net').ino));
  for (const sandbox of running) {
    using namespace = openPlace(sandbox);
    here.add(namespace.inode);
    if (!servers.has(namespace.inode)) servers.set(namespace.inode, serveWeb(sandbox, `I am ${sandbox.name}`));
  }
  for (const [inode, server] of servers) {
    if (here.has(inode)) continue;
    server[Symbol.dispose]();
    servers.delete(inode);
  }
}

after(() => serveAll([]));

/** What a web server says of itself; undefined where nobody answers. */
export async function ask(place: Place, address: string, port: number): Promise<string | undefined> {
  const socket = new Socket({ fd: inside(place, () => openOutgoingSocket('tcp', address, port)) });
  const chunks: string[] = [];
  const silence = setTimeout(() => socket.destroy(), SILENCE_MS);
  socket.on('data', (chunk) => chunks.push(String(chunk)));
  socket.on('error', () => socket.destroy());
  socket.write(`GET / HTTP/1.0\r\n\r\n`);
  await once(socket, 'close');
  clearTimeout(silence);
  const body = chunks.join('').split('\r\n\r\n')[1];
  return body?.replace(/ saw .*/s, '');
}

/** A bridge port lets frames through a moment after both ends are up; a frame that comes before that is lost for a second. */
export async function portsForward(): Promise<void> {
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  await until(() => listLinks(rt).every(({ port }) => port === undefined || port.state === 'forwarding'), 'forwarding');
}
