/**
 * @module trace: one probe, seen on every interface that it passes, joined into one path with the time at each place; and
 * where it dies, the kernel's own reason and the rule.
 *
 * Sockets, performance events and a table of nftables that belongs to a socket: all end with the process, however it ends.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { PontoonError } from '../../errors.ts';
import { Address } from '../../ipam/index.ts';
import { DropEvents, symbolAt } from '../../kernel/drop-events.ts';
import { KernelError } from '../../kernel/error.ts';
import { NetworkNamespace } from '../../kernel/namespace.ts';
import { type SentProbe, sendProbe } from '../../kernel/probe-socket.ts';
import { type RuleTrace, RuleTraces } from '../../kernel/rule-trace.ts';
import { type Question, type ResolvedQuestion, resolveQuestion } from '../endpoints/index.ts';
import { type Explanation, explain } from '../explain/index.ts';
import { findNamespaces } from '../snapshot/discover.ts';
import type { Snapshot } from '../snapshot/types.ts';
import { Capture, type Captured } from './capture.ts';
import { type Dissected, dissect } from './dissect.ts';

export interface TraceEvent {
  /** Since the probe was sent. */
  readonly atUs: number;
  readonly namespace: string;
  readonly interface: string;
  /** 'eth0@web'; without the namespace for the host's. */
  readonly label: string;
  readonly direction: 'in' | 'out';
  readonly kind: 'question' | 'answer' | 'probe' | 'reply' | 'error';
  readonly summary: string;
}

export interface TraceResult {
  /** 'refused': somebody said no. 'unsent': the kernel did not even send it. */
  readonly verdict: 'answered' | 'refused' | 'unanswered' | 'unsent';
  readonly events: readonly TraceEvent[];
  /** Where the probe, or its answer, was seen last. */
  readonly lastSeen: {
    readonly label: string;
    readonly namespace: string;
    readonly interface: string;
    readonly atUs: number;
  } | null;
  /** The kernel's reasons for what it dropped meanwhile: those of IP and ARP packets, from where it was last seen on. */
  readonly drops: readonly { readonly atUs: number; readonly reason: string; readonly function: string | null }[];
  /** Rules that dropped it, or that it met last in each namespace. */
  readonly rules: readonly (RuleTrace & { readonly namespace: string })[];
  /** Frames and reasons that were lost, and what could not be watched. */
  readonly notes: readonly string[];
  /** What the kernel said when it refused to send. */
  readonly error: string | null;
  readonly explanation: Explanation;
  /** For the capture file. */
  readonly captured: readonly (Captured & { readonly event: TraceEvent })[];
}

export interface TraceOptions {
  /** How long to wait for an answer. Default: 1000. */
  readonly waitMs?: number;
  /** Frames that are kept at most. Default: 10,000. */
  readonly framesMax?: number;
}

const POLL_MS = 4;
const FOLLOW_MS = 40;
/** After the answer has come home, the last frames are let arrive. */
const AFTER_MS = 12;
const STAMPS_MS = 12;
/** A namespace costs a socket, and the kernel 20 ms to close it: those on the path come first. */
const NAMESPACES_MAX = 16;

/** @throws PontoonError as resolveQuestion, no-privilege; KernelError */
export async function trace(snapshot: Snapshot, question: Question, options: TraceOptions = {}): Promise<TraceResult> {
  const resolved = resolveQuestion(snapshot, question);
  if (!('destination' in resolved)) {
    throw new PontoonError('bad-value', `nothing can be sent: ${explain(snapshot, question).sentence}`);
  }
  if (resolved.source.outside) {
    throw new PontoonError(
      'bad-value',
      "a probe cannot be sent from beyond the host: ask from 'host', or use --follow",
    );
  }
  const explanation = explain(snapshot, question);
  const addresses = addressesOf(snapshot, resolved, explanation);
  const paths = new Map(findNamespaces().map(({ id, open }) => [id, open]));
  const watched = watchable(paths, chooseNamespaces(snapshot, explanation, resolved));
  const notes: string[] = [];
  await using capture = new Capture(
    watched,
    addresses.map((text) => Address.parse(text)),
    options.framesMax ?? 10_000,
  );
  using cleanup = new DisposableStack();
  const reasons = attempt(notes, () => cleanup.use(new DropEvents()));
  const rules = watched
    .filter(([id]) => isFiltered(snapshot, id, explanation))
    .flatMap(([id, path]) => {
      const traces = attempt(notes, () => cleanup.use(new RuleTraces(path, addresses)));
      return traces === undefined ? [] : [{ id, traces }];
    });
  reasons?.read();
  // The kernel begins to stamp packets a little after it is asked to (net_enable_timestamp leaves it to a worker).
  await sleep(STAMPS_MS);

  const startedNs = nowNs();
  let probe: SentProbe | undefined;
  let error: string | null = null;
  try {
    probe = cleanup.use(send(paths.get(resolved.source.namespace) ?? '', resolved));
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    error = cause.message;
  }
  const collector = new Collector(snapshot, resolved, addresses, startedNs, probe?.id);
  const met: (RuleTrace & { namespace: string })[] = [];
  const readRules = () => {
    for (const { id, traces } of rules)
      for (const rule of traces.read()) met.push({ ...rule, namespace: collector.nameOf(id) });
  };
  const until = Date.now() + (error === null ? (options.waitMs ?? 1000) : AFTER_MS);
  while (Date.now() < until && collector.verdict === undefined) {
    await sleep(POLL_MS);
    collector.add(capture.read());
    readRules();
  }
  await sleep(AFTER_MS);
  collector.add(capture.read());
  readRules();

  const lastSeen = collector.lastSeen;
  if (capture.cut > 0) notes.push(`${capture.cut} frames above the bound were not kept`);
  const lostFrames = capture.drops;
  if (lostFrames > 0) notes.push(`${lostFrames} frames were lost: nobody read them in time`);
  const drops = (reasons?.read() ?? [])
    .map(({ timestampNs, reason, location, protocol }) => ({
      atUs: Number(timestampNs - startedNs) / 1000,
      reason,
      location,
      protocol,
    }))
    .filter(({ atUs, reason, protocol }) => {
      const concerns = protocol === 0 || (resolved.destination.address.family === 4 ? IPV4 : IPV6).has(protocol);
      return atUs >= (lastSeen?.atUs ?? 0) - 50 && concerns && !BENIGN.has(reason);
    })
    .slice(0, 8)
    .map(({ atUs, reason, location }) => ({ atUs: round(atUs), reason, function: symbolAt(location) ?? null }));
  if (reasons !== undefined && reasons.lost > 0) notes.push(`${reasons.lost} of the kernel's reasons were lost`);
  return {
    verdict: error !== null ? 'unsent' : (collector.verdict ?? 'unanswered'),
    events: collector.events,
    lastSeen,
    drops: collector.verdict === 'answered' ? [] : drops,
    rules: relevantRules(met),
    notes,
    error,
    explanation,
    captured: collector.captured,
  };
}

/** The EtherTypes of packets and of their questions. */
const IPV4: ReadonlySet<number> = new Set([0x0800, 0x0806]);
const IPV6: ReadonlySet<number> = new Set([0x86dd]);
/** What happens to copies that are nobody's loss. */
const BENIGN = new Set(['OTHERHOST', 'PACKET_SOCK_ERROR', 'UNHANDLED_PROTO', 'QUEUE_PURGE']);

/**
 * Shows real traffic between the two, as it comes, without sending any; ends with the signal.
 * @throws PontoonError as resolveQuestion, no-privilege; KernelError
 */
export async function* follow(
  snapshot: Snapshot,
  question: Question,
  signal: AbortSignal,
  options: Pick<TraceOptions, 'framesMax'> = {},
): AsyncGenerator<Captured & { readonly event: TraceEvent }> {
  const { resolved, explanation } = prepare(snapshot, question);
  const addresses = addressesOf(snapshot, resolved, explanation);
  const paths = new Map(findNamespaces().map(({ id, open }) => [id, open]));
  const watched = watchable(paths, chooseNamespaces(snapshot, explanation, resolved));
  const parsed = addresses.map((text) => Address.parse(text));
  await using capture = new Capture(watched, parsed, options.framesMax ?? 10_000);
  await sleep(STAMPS_MS);
  const collector = new Collector(snapshot, resolved, addresses, nowNs(), undefined);
  while (!signal.aborted && capture.cut === 0) {
    collector.add(capture.read());
    yield* collector.captured.splice(0);
    await sleep(FOLLOW_MS);
  }
}

function prepare(snapshot: Snapshot, question: Question): { resolved: ResolvedQuestion; explanation: Explanation } {
  const resolved = resolveQuestion(snapshot, question);
  const explanation = explain(snapshot, question);
  if ('destination' in resolved) return { resolved, explanation };
  throw new PontoonError('bad-value', `there is nobody to watch: ${explanation.sentence}`);
}

/** Those namespaces that are still there, with a way in. */
function watchable(paths: ReadonlyMap<string, string>, ids: readonly string[]): [id: string, path: string][] {
  return ids.flatMap((id): [string, string][] => {
    const path = paths.get(id);
    return path === undefined ? [] : [[id, path]];
  });
}

/** Whether what trace saw and what explain said are the same; undefined: they are. */
export function disagreement({ verdict, explanation }: TraceResult): string | undefined {
  const through = verdict === 'answered';
  if (explanation.verdict === 'unknown') return undefined;
  if ((explanation.verdict === 'reachable') === through) return undefined;
  return `explain says ${explanation.verdict}${explanation.cause === null ? '' : ` (${explanation.cause})`}, and the probe was ${verdict}: one of the two is a bug in Pontoon, please report it with 'pontoon snapshot'`;
}

function send(
  path: string,
  { source, destination, protocol, port, fromPort, lengthBytes }: ResolvedQuestion,
): SentProbe {
  using namespace = NetworkNamespace.open(path);
  const headers = (destination.address.family === 4 ? 20 : 40) + 8;
  return namespace.enter(() =>
    sendProbe({
      protocol,
      destination: destination.address.toString(),
      ...(port === undefined ? {} : { port }),
      ...(fromPort === undefined ? {} : { fromPort }),
      ...(source.address === undefined ? {} : { source: source.address.toString() }),
      ...(source.interface === undefined ? {} : { interface: source.interface }),
      payloadBytes: protocol === 'icmp' || protocol === 'udp' ? Math.max(lengthBytes - headers, 0) : 0,
    }),
  );
}

/** Joins frames into a path. */
class Collector {
  readonly events: TraceEvent[] = [];
  readonly captured: (Captured & { event: TraceEvent })[] = [];
  verdict: 'answered' | 'refused' | undefined;
  lastSeen: TraceResult['lastSeen'] = null;
  readonly #snapshot: Snapshot;
  readonly #question: ResolvedQuestion;
  readonly #addresses: ReadonlySet<string>;
  readonly #startedNs: bigint;
  readonly #id: number | undefined;

  constructor(
    snapshot: Snapshot,
    question: ResolvedQuestion,
    addresses: readonly string[],
    startedNs: bigint,
    id: number | undefined,
  ) {
    this.#snapshot = snapshot;
    this.#question = question;
    this.#addresses = new Set(addresses);
    this.#startedNs = startedNs;
    this.#id = id;
  }

  nameOf(id: string): string {
    return this.#snapshot.namespaces.find((one) => one.id === id)?.name ?? id;
  }

  add(frames: readonly Captured[]): void {
    for (const captured of frames) {
      const dissected = dissect(captured.frame.bytes, captured.frame.protocol);
      const kind = dissected === undefined ? undefined : this.#kindOf(dissected);
      if (dissected === undefined || kind === undefined) continue;
      this.#record(captured, dissected, kind);
    }
  }

  #record(captured: Captured, dissected: Dissected, kind: TraceEvent['kind']): void {
    const { namespace: id, frame } = captured;
    const namespace = this.#snapshot.namespaces.find((one) => one.id === id);
    const name = namespace?.links.find(({ index }) => index === frame.link)?.name ?? `link ${frame.link}`;
    const label = namespace?.owner === 'host' ? name : `${name}@${namespace?.name ?? id}`;
    const atUs = round(Number(frame.timestampNs - this.#startedNs) / 1000);
    const direction = frame.direction === 'outgoing' ? 'out' : 'in';
    const event: TraceEvent = {
      atUs,
      namespace: this.nameOf(id),
      interface: name,
      label,
      direction,
      kind,
      summary: dissected.summary,
    };
    this.events.push(event);
    this.captured.push({ ...captured, event });
    if (kind === 'probe' || kind === 'reply' || (this.lastSeen === null && kind === 'question')) {
      this.lastSeen = { label, namespace: event.namespace, interface: name, atUs };
    }
    const isHome = id === this.#question.source.namespace && frame.direction !== 'outgoing';
    if (!isHome) return;
    if (kind === 'error') this.verdict ??= 'refused';
    if (kind === 'reply') this.verdict ??= dissected.isReset ? 'refused' : 'answered';
  }

  /** What a frame is to the flow; undefined: nothing. */
  #kindOf(dissected: Dissected): TraceEvent['kind'] | undefined {
    const { kind, source, destination, protocol, target, about } = dissected;
    if (kind === 'question')
      return this.#addresses.has(source) || (target !== undefined && this.#addresses.has(target))
        ? 'question'
        : undefined;
    if (kind === 'answer') return target !== undefined && this.#addresses.has(target) ? 'answer' : undefined;
    if (kind === 'error') return about !== undefined && this.#addresses.has(about) ? 'error' : undefined;
    if (!this.#addresses.has(source) || !this.#addresses.has(destination) || protocol !== this.#question.protocol)
      return undefined;
    if (this.#id === undefined) return this.#kindOfFollowed(dissected);
    if (protocol === 'icmp') return dissected.echoId !== this.#id ? undefined : dissected.isReply ? 'reply' : 'probe';
    // Masquerading may change the port that asks; the other side of the flow is the one with the port that is asked.
    if (dissected.sourcePort === this.#id) return 'probe';
    if (dissected.destinationPort === this.#id) return 'reply';
    return undefined;
  }

  /** Nobody sent a probe: whatever is between the two, by the port that was asked about, is the flow. */
  #kindOfFollowed({ protocol, isReply, sourcePort, destinationPort }: Dissected): TraceEvent['kind'] | undefined {
    if (protocol === 'icmp') return isReply ? 'reply' : 'probe';
    if (destinationPort === this.#question.port) return 'probe';
    return sourcePort === this.#question.port ? 'reply' : undefined;
  }
}

/** All addresses that the packet has on its way, and those of the routers that it asks for. */
function addressesOf(snapshot: Snapshot, { source, destination }: ResolvedQuestion, { hops }: Explanation): string[] {
  const addresses = new Set([destination.address.toString()]);
  if (source.address !== undefined) addresses.add(source.address.toString());
  const { family } = destination.address;
  const onPath = new Set([
    ...hops.map(({ namespace }) => namespace),
    snapshot.namespaces.find(({ id }) => id === source.namespace)?.name,
  ]);
  for (const namespace of snapshot.namespaces) {
    if (!onPath.has(namespace.name)) continue;
    for (const one of namespace.addresses)
      if (one.family === family && one.scope !== 'link') addresses.add(one.address);
  }
  for (const { evidence } of hops) {
    for (const { text } of evidence) {
      for (const [word] of text.matchAll(/\d+(?:\.\d+){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}/gi))
        if (isAddress(word, family)) addresses.add(Address.parse(word).toString());
    }
  }
  return [...addresses].slice(0, 60);
}

function isAddress(text: string, family: 4 | 6): boolean {
  try {
    return Address.parse(text).family === family;
  } catch {
    return false;
  }
}

/** Those on the path first, then those at the other end of the cables, then those whom a flood on the way reaches. */
function chooseNamespaces(
  snapshot: Snapshot,
  { hops }: Explanation,
  { source, destination }: ResolvedQuestion,
): string[] {
  const byId = new Map(snapshot.namespaces.map((namespace) => [namespace.id, namespace]));
  const names = new Set(hops.map(({ namespace }) => namespace));
  const chosen = new Set<string>([source.namespace]);
  if (destination.namespace !== undefined) chosen.add(destination.namespace);
  for (const { id, name } of snapshot.namespaces) if (names.has(name)) chosen.add(id);
  for (const id of [...chosen]) {
    for (const { peer } of byId.get(id)?.links ?? []) {
      const port = byId.get(peer?.namespace ?? '')?.links.find(({ index }) => index === peer?.index);
      // A container's cable leads to its bridge; the host's cables lead to everybody, and only bridges on the way count.
      if (peer?.namespace === undefined || (id !== source.namespace && id !== destination.namespace)) continue;
      if (byId.get(id)?.owner === 'host') continue;
      chosen.add(peer.namespace);
      const ports = byId
        .get(peer.namespace)
        ?.links.filter(({ master }) => master !== undefined && master === port?.master);
      for (const { peer: other } of ports ?? []) if (other?.namespace !== undefined) chosen.add(other.namespace);
    }
    const bridges = new Set(
      byId
        .get(id)
        ?.links.flatMap(({ kind, name, index }) =>
          kind === 'bridge' && hops.some((hop) => hop.interface === name) ? [index] : [],
        ),
    );
    for (const { master, peer } of byId.get(id)?.links ?? []) {
      if (master !== undefined && bridges.has(master) && peer?.namespace !== undefined) chosen.add(peer.namespace);
    }
  }
  return [...chosen].slice(0, NAMESPACES_MAX);
}

/** Whether rules of the namespace may see the packet: it is on the way, or routes for others, and has rules. */
function isFiltered(snapshot: Snapshot, id: string, { hops }: Explanation): boolean {
  const namespace = snapshot.namespaces.find((one) => one.id === id);
  if (namespace === undefined || namespace.nftables.ruleset.length === 0) return false;
  return namespace.owner === 'host' || hops.some((hop) => hop.namespace === namespace.name);
}

/** What dropped, and else the last rule of each chain that had a say. */
function relevantRules(met: readonly (RuleTrace & { namespace: string })[]): (RuleTrace & { namespace: string })[] {
  const drops = met.filter(({ verdict }) => verdict === 'drop');
  if (drops.length > 0) return drops.slice(0, 4);
  const last = new Map(
    met
      .filter(({ handle, verdict }) => handle !== undefined && verdict === 'accept')
      .map((rule) => [`${rule.namespace} ${rule.table} ${rule.chain}`, rule]),
  );
  return [...last.values()].slice(0, 12);
}

/** What cannot be watched is a note, not the end of the trace. */
function attempt<T>(notes: string[], make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof PontoonError)) throw error;
    notes.push(error.message);
    return undefined;
  }
}

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

function round(us: number): number {
  return Math.round(us * 10) / 10;
}
