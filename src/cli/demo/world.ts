/**
 * @module A small world to run the engine in: a host with an uplink, and a neighbour on its LAN.
 *
 * ```
 *  the host (this process's namespace)             lan (another namespace)
 *  eth0  192.0.2.2/24, 2001:db8:1::2/64  ───────  eth0  192.0.2.1/24, 2001:db8:1::1/64
 *        default routes via the neighbour         lo    198.51.100.1/32, 2001:db8:2::1/128: "the outside"
 * ```
 * The neighbour has no route to any other address: what it is to answer must come from the host's own. The addresses
 * are those for documentation (RFC 5737, RFC 3849).
 *
 * Everything is made in the namespaces that the process is in, so they must be private ones (runInWorld, or
 * scripts/in-world for tests) and are refused if they look like a machine's.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { PontoonError } from '../../errors.ts';
import { NetworkNamespace } from '../../kernel/namespace.ts';
import { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { addAddress } from '../../kernel/rtnetlink/address.ts';
import { createVeth, deleteLink, getLink, listLinks, setLink } from '../../kernel/rtnetlink/link.ts';
import { addRoute } from '../../kernel/rtnetlink/route.ts';
import { writeSysctl } from '../../kernel/sysctl.ts';
import { NETLINK_ROUTE } from '../../kernel/uapi/netlink.ts';
import type { Sandbox } from '../../network/types.ts';

/** The host's addresses, those of its neighbour on the LAN, and those that stand for the outside. */
export const ADDRESSES = {
  host: { ipv4: '192.0.2.2', ipv6: '2001:db8:1::2' },
  lan: { ipv4: '192.0.2.1', ipv6: '2001:db8:1::1' },
  outside: { ipv4: '198.51.100.1', ipv6: '2001:db8:2::1' },
} as const;

const UPLINK = 'eth0';
const RESOLV_CONF = '/etc/resolv.conf';
/** How long an answer may take, in seconds: to the kernel on the same machine it takes well under a millisecond. */
const PATIENCE = '1';

/**
 * Where a program runs: the host, the network namespace at a path, or a sandbox (where it also sees the sandbox's own
 * /etc/hosts and /etc/resolv.conf, as in a container).
 */
export type Place = 'host' | (string & {}) | Pick<Sandbox, 'namespacePath' | 'files'>;

export interface RunResult {
  /** The exit status; 128 and the number of the signal for a program that a signal ended. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs in the background. */
export interface Started {
  readonly pid: number;
  /** Ends it; resolves when it has ended. */
  kill(): Promise<void>;
}

/** What a web server said; `error` (curl's words) when there was no answer. */
export type Fetched =
  | { readonly status: number; readonly body: string; readonly error: undefined }
  | { readonly status: undefined; readonly body: ''; readonly error: string };

/** Builds the world. @throws PontoonError mode-conflict when this is not a private world; KernelError */
export async function buildWorld(): Promise<World> {
  await using cleanup = new AsyncDisposableStack();
  const host = cleanup.use(new NetlinkSocket(NETLINK_ROUTE));
  refuseMachine(host);
  const directory = mkdtempSync(join(tmpdir(), 'world-'));
  cleanup.defer(() => rmSync(directory, { recursive: true }));

  const path = join(directory, 'lan');
  using namespace = NetworkNamespace.create(path);
  cleanup.defer(() => NetworkNamespace.unpin(path));
  using lan = namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
  host.request(createVeth({ name: UPLINK, peer: { name: UPLINK, namespaceFd: namespace.fd } }));
  // By hand, because the kernel takes its time to end a namespace and the links in it.
  cleanup.defer(() => {
    if (getLink(host, UPLINK) !== undefined) host.request(deleteLink(UPLINK));
  });
  // A host that has been up for a while is done with duplicate address detection, and so is its neighbour.
  const skipDetection = (): void => writeSysctl(`net.ipv6.conf.${UPLINK}.accept_dad`, '0');
  skipDetection();
  namespace.enter(skipDetection);
  for (const socket of [host, lan]) socket.batch(['lo', UPLINK].map((name) => setLink(name, { up: true })));

  const indexOf = (socket: NetlinkSocket, name: string): number => getLink(socket, name)!.index;
  const { ipv4, ipv6 } = ADDRESSES.host;
  const uplink = indexOf(host, UPLINK);
  host.batch([
    addAddress(uplink, `${ipv4}/24`),
    addAddress(uplink, `${ipv6}/64`),
    addRoute({ destination: 'default', via: ADDRESSES.lan.ipv4, link: uplink }),
    addRoute({ destination: 'default', via: ADDRESSES.lan.ipv6, link: uplink }),
  ]);
  lan.batch([
    addAddress(indexOf(lan, UPLINK), `${ADDRESSES.lan.ipv4}/24`),
    addAddress(indexOf(lan, UPLINK), `${ADDRESSES.lan.ipv6}/64`),
    addAddress(indexOf(lan, 'lo'), `${ADDRESSES.outside.ipv4}/32`),
    addAddress(indexOf(lan, 'lo'), `${ADDRESSES.outside.ipv6}/128`),
  ]);

  // The machine's name servers are not in this world; nobody answers at this one's, and says so at once.
  await coverFile(directory, RESOLV_CONF, `nameserver ${ADDRESSES.lan.ipv4}\n`);
  cleanup.defer(async () => void (await execute('umount', [RESOLV_CONF])));
  return new World(path, cleanup.move());
}

export class World implements AsyncDisposable {
  /** The path of the neighbour's namespace. */
  readonly lan: string;
  readonly #cleanup: AsyncDisposableStack;
  readonly #running = new Set<Started>();

  /** Use `buildWorld`. */
  constructor(lan: string, cleanup: AsyncDisposableStack) {
    this.lan = lan;
    this.#cleanup = cleanup;
  }

  /** Runs a program to its end. It may fail: that is a status. @throws Error when it cannot be started */
  async run(place: Place, command: readonly string[]): Promise<RunResult> {
    return await execute(...inPlace(place, command));
  }

  /**
   * Starts a program in the background; resolves when it has written a line with `word` in it to its standard output.
   * @throws Error with what it wrote to standard error when it ends before that
   */
  async start(place: Place, command: readonly string[], word = ''): Promise<Started> {
    const child = spawn(...inPlace(place, command), { stdio: ['ignore', 'pipe', 'pipe'] });
    const stderr: string[] = [];
    child.stderr.on('data', (chunk) => stderr.push(String(chunk)));
    const ended = once(child, 'close');
    const said = Promise.withResolvers<true>();
    createInterface(child.stdout).on('line', (line) => line.includes(word) && said.resolve(true));
    const ready = await Promise.race([said.promise, ended.then(() => false)]);
    if (!ready) throw new Error(stderr.join('').trim() || `${command.join(' ')} ended before it was ready`);
    const started: Started = {
      pid: child.pid!,
      kill: async () => {
        this.#running.delete(started);
        await end(child, ended);
      },
    };
    this.#running.add(started);
    return started;
  }

  /** Starts a web server that answers "hello from NAME to CLIENT:PORT". @throws Error such as "address already in use" */
  startWebServer(place: Place, { name, port = 80 }: { name: string; port?: number }): Promise<Started> {
    const program = join(import.meta.dirname, `web-server${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`);
    return this.start(place, [process.execPath, program, name, String(port)]);
  }

  /** Asks a web server, with curl. @throws Error when curl cannot be started */
  async fetch(place: Place, url: string): Promise<Fetched> {
    const limits = ['--connect-timeout', PATIENCE, '--max-time', String(3 * Number(PATIENCE))];
    const write = ['--write-out', '\n%{http_code}', '--globoff', '--noproxy', '*'];
    const { status, stdout, stderr } = await this.run(place, ['curl', '-sS', ...limits, ...write, url]);
    if (status !== 0) return { status: undefined, body: '', error: stderr.trim() };
    const [body = '', code] = stdout.split(/\n(?=\d+$)/);
    return { status: Number(code), body: body.trimEnd(), error: undefined };
  }

  /** Whether an address, or a name, answers a ping within a second. */
  async ping(place: Place, target: string): Promise<boolean> {
    const { status } = await this.run(place, ['ping', '-n', '-c', '1', '-W', PATIENCE, target]);
    return status === 0;
  }

  /** Ends all programs that were started here. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((started) => started.kill()));
  }

  /** Ends all programs that were started here, and takes the neighbour and the uplink away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
    await this.#cleanup.disposeAsync();
  }
}

/** The command line that runs a command in a place. */
function inPlace(place: Place, command: readonly string[]): [program: string, args: string[]] {
  const [program, ...args] = command as [string, ...string[]];
  if (place === 'host') return [program, args];
  if (typeof place === 'string') return ['nsenter', [`--net=${place}`, '--', ...command]];
  const { namespacePath, files } = place;
  if (namespacePath === undefined) throw new PontoonError('mode-conflict', 'the sandbox is stopped: start it first');
  const mounts = `mount --bind "$1" /etc/hosts; mount --bind "$2" ${RESOLV_CONF}; shift 2; exec "$@"`;
  const withFiles = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', mounts, 'sh'];
  return ['nsenter', [`--net=${namespacePath}`, '--', ...withFiles, files.hosts, files.resolvConf, ...command]];
}

const executeFile = promisify(execFile);

/** Runs a program to its end without blocking: the engine serves names in this process meanwhile. */
async function execute(program: string, args: readonly string[]): Promise<RunResult> {
  try {
    return { status: 0, ...(await executeFile(program, args)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { status: code, stdout, stderr };
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

/** Puts a text over a file of the machine, for this world only. */
async function coverFile(directory: string, file: string, text: string): Promise<void> {
  const cover = join(directory, 'resolv.conf');
  writeFileSync(cover, text);
  const { status, stderr } = await execute('mount', ['--bind', cover, visible(file)]);
  if (status !== 0) throw new PontoonError('kernel', `cannot cover ${file} in this world: ${stderr.trim()}`);
}

/** Makes sure that a link into /run leads somewhere: the machine's own /run is not seen in a world. */
function visible(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const target = join(dirname(file), readlinkSync(file));
  if (target.startsWith('/run/')) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, '');
  }
  return target;
}

function refuseMachine(host: NetlinkSocket): void {
  const stranger = listLinks(host).find(({ name }) => name !== 'lo');
  if (stranger === undefined) return;
  throw new PontoonError(
    'mode-conflict',
    `this is not a private world, it has the interface ${stranger.name}: start the program in one (scripts/in-world)`,
  );
}
