/**
 * @module One trial of the truth: a random network, broken at random, and what explain says beside what probes do.
 */

import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseQuestion } from '../../../src/observe/endpoints/index.ts';
import type { Explanation } from '../../../src/observe/explain/outcome.ts';
import { takeSnapshot } from '../../../src/observe/snapshot/take.ts';
import { disagreement, trace } from '../../../src/observe/trace/trace.ts';
import type { Asked, Case } from './case.ts';
import { runEngineTrial } from './engine-trial.ts';
import { FAULTS, type Fault, fits } from './faults.ts';
import { compare, explainAsked } from './judge.ts';
import { probe, startListener } from './probe.ts';
import { Random } from './random.ts';
import { buildTopology, destroyTopology, INTERFACE } from './topology.ts';
import { chooseWay, WAYS } from './ways.ts';

export interface Trial {
  readonly seed: number;
  readonly way: string;
  readonly faults: readonly string[];
  readonly asked: Asked;
  readonly reachable: boolean;
  readonly explanation: Explanation;
  /** What is wrong with the explanation; undefined: it is true. */
  readonly disagreement: string | undefined;
}

/** How many of the networks Pontoon's engine makes. */
const ENGINE_SHARE = 0.2;
/** In how many trace is asked, too, and how many are mended as explain says. */
const TRACED_SHARE = 0.1;
const MENDED_SHARE = 0.3;

/** The seed decides everything. The namespaces are gone when it returns. */
export async function runTrial(seed: number): Promise<Trial> {
  const random = new Random(seed);
  if (random.chance(ENGINE_SHARE)) return runEngineTrial(seed, random);
  const topology = buildTopology(random, `t${(seed % 10_000).toString(36)}`);
  using _ = { [Symbol.dispose]: () => destroyTopology(topology) };
  const c = chooseCase(random, topology);
  const injected = chooseFaults(random, c);
  for (const [, { inject }] of injected) inject(c);
  await using _listener = await startListener(c);
  const explanation = await ask(c.asked);
  const reachable = await probe(c.asked);
  const faults = injected.map(([name]) => name);
  const [first] = injected;
  const only = first === undefined || injected.length > 1 ? undefined : { name: first[0], causes: first[1].causes };
  const wrong =
    compare(explanation, reachable, only) ??
    (random.chance(TRACED_SHARE) ? await traceAsked(c.asked) : undefined) ??
    (only !== undefined && random.chance(MENDED_SHARE) ? await mend(c, explanation) : undefined);
  return { seed, way: c.way, faults, asked: c.asked, reachable, explanation, disagreement: wrong };
}

function chooseCase(random: Random, topology: Case['topology']): Case {
  const [a, b] = random.shuffle(topology.stations);
  if (a === undefined || b === undefined) throw new Error('a topology has two stations or more');
  const family = random.pick([4, 4, 6] as const);
  const protocol = random.pick(['icmp', 'icmp', 'tcp', 'tcp', 'udp'] as const);
  const to = family === 4 ? b.ipv4 : b.ipv6;
  const c: Case = {
    topology,
    random,
    family,
    a,
    b,
    way: 'station',
    asked: {
      from: a.name,
      to,
      meant: b.name,
      protocol,
      lengthBytes: 84,
      ...(protocol === 'icmp' ? {} : { port: 80 }),
    },
    near: { namespace: a.name, interface: INTERFACE },
    far: { namespace: b.name, interface: INTERFACE, address: to },
    routers: [],
    isWhole: a.bridge === b.bridge || (a.hasDefault && b.hasDefault),
    listener:
      protocol === 'icmp'
        ? undefined
        : { namespace: b.name, protocol, address: family === 4 ? '0.0.0.0' : '::', port: 80 },
  };
  c.way = chooseWay(c);
  WAYS[c.way].prepare(c);
  return c;
}

/** None in one of ten cases, one in seven, two in two. */
function chooseFaults(random: Random, c: Case): [string, Fault][] {
  const fitting = random.shuffle(Object.entries(FAULTS)).filter(([, fault]) => c.isWhole && fits(fault, c));
  const dice = random.next();
  const [first, second] = fitting.slice(0, dice < 0.1 ? 0 : dice < 0.8 ? 1 : 2);
  if (first === undefined) return [];
  return second === undefined || first[1].isAlone || second[1].isAlone ? [first] : [first, second];
}

async function ask(asked: Asked): Promise<Explanation> {
  return explainAsked(await takeSnapshot({ containers: false, owners: false, conntrack: true }), asked);
}

/** What trace sees, beside what explain says then; undefined: the same. */
async function traceAsked(asked: Asked): Promise<string | undefined> {
  const { from, to, protocol, port, fromPort, source, interface: outgoing, lengthBytes } = asked;
  // Only the host's interface and source can be fixed in words.
  if (source !== undefined || outgoing !== undefined) return undefined;
  const snapshot = await takeSnapshot({ containers: false, owners: false, conntrack: true });
  const question = parseQuestion(`netns:${from}`, to, {
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(fromPort === undefined ? {} : { fromPort }),
    ...(protocol === 'icmp' ? { sizeBytes: lengthBytes - (to.includes(':') ? 48 : 28) } : {}),
  });
  return disagreement(await trace(snapshot, question));
}

/** Causes whose remedy is to be enough: its commands have nothing left to fill in and lose nothing else. */
const MENDABLE: ReadonlySet<string> = new Set([
  'address-on-port',
  'arp-ignored',
  'blackhole-route',
  'conntrack-stale',
  'duplicate-mac',
  'echo-ignored',
  'fdb-wrong',
  'forwarding-off',
  'hairpin-off',
  'link-down',
  'mtu-too-small',
  'neighbour-wrong',
  'no-return-route',
  'no-route',
  'port-blocked',
  'port-isolated',
  'reverse-path',
  'route-localnet-off',
  'rule-drop',
  'vlan-mismatch',
  'wrong-prefix',
]);
/** A remedy may uncover what the fault took with it, such as the routes of a link that was down. */
const REMEDIES_MAX = 5;

/** Does what the explanation says until it says reachable, and then asks the kernel. What is wrong; undefined: it works. */
async function mend(c: Case, first: Explanation): Promise<string | undefined> {
  let now = first;
  const done: string[] = [];
  for (let round = 0; round < REMEDIES_MAX && now.verdict !== 'reachable'; round += 1) {
    if (now.cause === null || !MENDABLE.has(now.cause)) return undefined;
    if (now.remedy.length === 0) return `no remedy for ${now.cause}`;
    for (const command of now.remedy) {
      done.push(command);
      try {
        execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
      } catch (error) {
        return `the remedy fails: ${(error as Error).message}`;
      }
    }
    now = await ask(c.asked);
  }
  if (now.verdict !== 'reachable')
    return `the remedies do not help: ${done.join('; ')}: now ${now.cause}: ${now.sentence}`;
  // The stack may hear of a link that comes up a second later (net/core/link_watch.c).
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await probe(c.asked)) return undefined;
    await sleep(500);
  }
  return `explain says reachable after '${done.join('; ')}', and probes do not come through`;
}
