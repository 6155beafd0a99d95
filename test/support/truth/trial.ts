/**
 * @module One trial of the truth: a random network, broken at random, and what explain says beside what probes do.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '../../../src/ipam/index.ts';
import { explainFlow } from '../../../src/observe/explain/explain.ts';
import type { Explanation } from '../../../src/observe/explain/outcome.ts';
import { takeSnapshot } from '../../../src/observe/snapshot/take.ts';
import { type Asked, type Case, FAULTS, type Fault } from './faults.ts';
import { Random } from './random.ts';
import { buildTopology, destroyTopology, run, succeeds } from './topology.ts';

export interface Trial {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly asked: Asked;
  readonly reachable: boolean;
  readonly explanation: Explanation;
  /** What is wrong with the explanation; undefined: it is true. */
  readonly disagreement: string | undefined;
}

/** The seed decides everything. The namespaces are gone when it returns. */
export async function runTrial(seed: number): Promise<Trial> {
  const random = new Random(seed);
  const topology = buildTopology(random, `t${(seed % 10_000).toString(36)}`);
  let server: ChildProcess | undefined;
  try {
    const c = chooseCase(random, topology);
    const injected = chooseFaults(random, c);
    for (const [, { inject }] of injected) inject(c);
    server = await startListener(c);
    const before = await takeSnapshot({ containers: false, owners: false });
    const explanation = ask(before, c.asked);
    const reachable = await probe(c.asked, c.family);
    const faults = injected.map(([name]) => name);
    return {
      seed,
      faults,
      asked: c.asked,
      reachable,
      explanation,
      disagreement: compare(explanation, reachable, injected),
    };
  } finally {
    if (server !== undefined && server.exitCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    destroyTopology(topology);
  }
}

function chooseCase(random: Random, topology: Case['topology']): Case {
  const [a, b] = random.shuffle(topology.stations);
  if (a === undefined || b === undefined) throw new Error('a topology has two stations or more');
  const family = random.pick([4, 4, 6] as const);
  const protocol = random.pick(['icmp', 'icmp', 'tcp'] as const);
  const target = random.chance(0.15) ? topology.outside : b;
  const to = family === 4 ? target.ipv4 : target.ipv6;
  const port = protocol === 'tcp' ? 80 : undefined;
  return {
    topology,
    random,
    family,
    a,
    b,
    asked: { from: a.name, to, meant: target.name, protocol, lengthBytes: 84, ...(port === undefined ? {} : { port }) },
    listener:
      protocol === 'tcp' ? { namespace: target.name, address: family === 4 ? '0.0.0.0' : '[::]', port: 80 } : undefined,
  };
}

/** None in one of ten cases, one in seven, two in two. */
function chooseFaults(random: Random, c: Case): [string, Fault][] {
  const fitting = isWhole(c) ? random.shuffle(Object.entries(FAULTS)).filter(([, { applies }]) => applies(c)) : [];
  const dice = random.next();
  return fitting.slice(0, dice < 0.1 ? 0 : dice < 0.8 ? 1 : 2);
}

/** Whether the path is there before anything is done to it: only then can one fault be told from another. */
function isWhole({ topology, a, b, asked }: Case): boolean {
  if (asked.meant === topology.outside.name) return a.hasDefault && topology.masquerades;
  return a.bridge === b.bridge || (a.hasDefault && b.hasDefault);
}

async function startListener({ listener }: Case): Promise<ChildProcess | undefined> {
  if (listener === undefined) return undefined;
  const { namespace, address, port } = listener;
  const server = spawn(
    'ip',
    ['netns', 'exec', namespace, 'busybox', 'httpd', '-f', '-p', `${address}:${port}`, '-h', '/proc/self/ns'],
    { stdio: 'ignore' },
  );
  for (;;) {
    if (run(namespace, 'ss', '-Hltn', `sport = :${port}`).trim() !== '') return server;
    if (server.exitCode !== null) return undefined;
    await sleep(5);
  }
}

function ask(
  snapshot: Awaited<ReturnType<typeof takeSnapshot>>,
  { from, to, meant, interface: name, protocol, port, lengthBytes }: Asked,
): Explanation {
  const id = (wanted: string | undefined) =>
    snapshot.namespaces.find(({ names }) => names.some((one) => one.name === wanted))?.id;
  return explainFlow(snapshot, {
    namespace: id(from) ?? '',
    interface: name,
    destination: Address.parse(to),
    protocol,
    port,
    lengthBytes,
    meant: id(meant),
  });
}

/** What the kernel does with real packets. */
async function probe({ from, to, protocol, port, lengthBytes }: Asked, family: 4 | 6): Promise<boolean> {
  if (protocol === 'tcp')
    return succeeds(
      from,
      'curl',
      '-sg',
      '-o',
      '/dev/null',
      '--connect-timeout',
      '1.5',
      '-m',
      '3',
      `http://${family === 6 ? `[${to}]` : to}:${port}/`,
    );
  const data = lengthBytes - (family === 4 ? 28 : 48);
  return succeeds(
    from,
    'ping',
    `-${family}`,
    '-c',
    '2',
    '-i',
    '0.2',
    '-W',
    '1',
    '-M',
    'do',
    '-s',
    String(Math.max(data, 8)),
    to,
  );
}

function compare(
  { verdict, cause }: Explanation,
  reachable: boolean,
  injected: readonly [string, Fault][],
): string | undefined {
  // Which of two holders of an address answers first is nobody's to know.
  const undecided = verdict === 'unknown' && cause === 'duplicate-address';
  if (!undecided && (verdict === 'reachable') !== reachable)
    return `explain says ${verdict}${cause === null ? '' : ` (${cause})`}, but probes ${reachable ? 'come through' : 'do not come through'}`;
  const [only] = injected;
  if (injected.length !== 1 || only === undefined || (reachable && !undecided)) return undefined;
  const [name, { causes }] = only;
  return cause !== null && causes.includes(cause)
    ? undefined
    : `explain says ${cause}, but what was done is: ${name} (${causes.join(' or ')})`;
}
