/**
 * @module Why does A reach B, or why not: a pure function of a snapshot.
 */

import { PontoonError } from '../../errors.ts';
import type { Address } from '../../ipam/index.ts';
import { type NoDestination, type Question, resolveQuestion } from '../endpoints/index.ts';
import type { Link, Snapshot } from '../snapshot/types.ts';
import { type CauseCode, remedyOf, sentenceOf } from './causes.ts';
import { keptInside, publishCommand } from './judge.ts';
import { type At, inNamespace, labelOf, Model, type Stack } from './model.ts';
import {
  Beyond,
  type Direction,
  type Evidence,
  type Explanation,
  type Facts,
  type Hop,
  type Place,
  Stop,
} from './outcome.ts';
import { endpointText } from './packet.ts';
import { type Flow, Walk } from './walk.ts';

export interface FlowQuestion extends Omit<Flow, 'from' | 'outgoing'> {
  /** The namespace that asks: its ID in the snapshot. */
  readonly namespace: string;
  /** The interface that it must leave by, by name. */
  readonly interface?: string | undefined;
  /** The namespace that is meant, where one is: to arrive anywhere else is no success. */
  readonly meant?: string | undefined;
}

/**
 * Explains whether and how one reaches another.
 * @throws PontoonError namespace-not-found, bad-value: the question makes no sense for this snapshot
 */
export function explain(snapshot: Snapshot, question: Question): Explanation {
  const resolved = resolveQuestion(snapshot, question);
  if (!('destination' in resolved)) return unresolved(resolved);
  const { source, destination, protocol, port, fromPort, lengthBytes } = resolved;
  const explanation = explainFlow(snapshot, {
    namespace: source.namespace,
    interface: source.interface,
    source: source.address,
    entersFromOutside: source.outside,
    destination: destination.address,
    meant: destination.namespace,
    protocol,
    port,
    fromPort,
    lengthBytes,
  });
  if (destination.because === undefined) return explanation;
  const [first, ...others] = explanation.hops;
  const named: Evidence = { kind: 'name', text: destination.because, command: undefined };
  return first === undefined
    ? explanation
    : { ...explanation, hops: [{ ...first, evidence: [named, ...first.evidence] }, ...others] };
}

function unresolved({ cause, at, facts }: NoDestination): Explanation {
  const place = { namespace: at.name, interface: at.interface ?? '' };
  if (cause === null) {
    const sentence = `${facts.from} asks ${facts.nameservers || 'a name server'} for ${facts.name}, which no snapshot of this host can answer.`;
    return conclude('unknown', null, place, 'forward', sentence, [], [], [], facts);
  }
  return conclude(
    'unreachable',
    cause,
    place,
    'forward',
    sentenceOf(cause, facts),
    remedyOf(cause, facts),
    [],
    [],
    facts,
  );
}

/** Explains one flow between addresses. @throws PontoonError namespace-not-found */
export function explainFlow(snapshot: Snapshot, question: FlowQuestion): Explanation {
  const model = new Model(snapshot);
  const from = model.stack(question.namespace);
  if (from === undefined) {
    throw new PontoonError('namespace-not-found', `the namespace ${question.namespace} is not in the snapshot`, {
      subject: question.namespace,
    });
  }
  const outgoing = question.interface === undefined ? undefined : from.linkNamed(question.interface);
  const walk = new Walk(model, { ...question, from, outgoing });
  try {
    const arrived = walk.go();
    const meant = model.stack(question.meant);
    if (meant !== undefined && arrived.stack !== meant)
      throw elsewhere(model, walk, arrived, meant, question.destination);
    const rival = walk.rivals[0];
    if (rival !== undefined && meant !== undefined) throw duplicate(rival.address, rival.first, rival.second);
    const source = walk.packet.source;
    const home = question.entersFromOutside ? comeBackOutside(walk, arrived, from, outgoing) : walk.comeBack(arrived);
    if (home.stack !== from)
      throw new Stop(
        'no-return-route',
        { namespace: arrived.stack.name, interface: arrived.link.name },
        {
          namespace: arrived.stack.name,
          destination: source.toString(),
          command: inNamespace(arrived.stack, `ip route get ${source}`),
        },
      );
    const expected = endpointText(question.destination, question.protocol === 'icmp' ? undefined : question.port);
    const answered = endpointText(walk.packet.source, walk.packet.sourcePort);
    if (expected !== answered && !walk.packet.source.equals(question.destination)) {
      throw new Stop(
        'masquerade-missing',
        { namespace: arrived.stack.name, interface: arrived.link.name },
        masqueradeFacts(walk, model, arrived, source),
      );
    }
    return reached(walk, question, arrived);
  } catch (stopped) {
    if (stopped instanceof Stop) return stoppedAt(walk, judge(model, walk, stopped, question));
    if (stopped instanceof Beyond) return beyond(walk, stopped);
    throw stopped;
  }
}

/** The answer to somebody beyond an interface has come home when it leaves by that interface. */
function comeBackOutside(walk: Walk, arrived: At, from: Stack, outgoing: Link | undefined): At {
  try {
    const home = walk.comeBack(arrived);
    const passed = walk.hops.some(
      (hop) => hop.direction === 'return' && hop.namespace === from.name && hop.interface === outgoing?.name,
    );
    return passed && outgoing !== undefined ? { stack: from, link: outgoing } : home;
  } catch (error) {
    const left = error instanceof Beyond && error.at.namespace === from.name && error.at.interface === outgoing?.name;
    if (left && outgoing !== undefined) return { stack: from, link: outgoing };
    throw error;
  }
}

/** What a stop becomes in the light of the whole way. */
function judge(model: Model, walk: Walk, stop: Stop, question: FlowQuestion): Stop {
  const { stale, packet, direction } = walk;
  // Two answered, and what stops the packet on the way to one may not on the way to the other.
  const [rival] = walk.rivals;
  if (rival !== undefined) return duplicate(rival.address, rival.first, rival.second);
  if (stale !== undefined && stop.cause !== 'conntrack-stale') {
    return new Stop(
      'conntrack-stale',
      { namespace: stale.stack.name, interface: stop.at.interface },
      { namespace: stale.stack.name, destination: stale.destination, command: stale.command },
    );
  }
  const nobody = stop.cause === 'neighbour-failed' || stop.cause === 'different-segment' || stop.cause === 'no-route';
  const cut = nobody && direction === 'forward' ? cutOff(model, packet.destination, question.meant) : undefined;
  if (cut !== undefined) return cut;
  if (
    nobody &&
    direction === 'forward' &&
    packet.connection.dnat &&
    walk.dnatRule !== undefined &&
    model.owners(packet.destination).length === 0
  ) {
    return new Stop('dnat-nowhere', stop.at, {
      destination: endpointText(packet.destination, packet.destinationPort),
      place: walk.dnatRule,
      command: 'pontoon doctor',
    });
  }
  const shadow = behindDownLink(model, walk);
  if (shadow !== undefined && (nobody || stop.cause === 'no-return-route')) return shadow;
  if (stop.cause === 'no-route') return keptInside(model, stop) ?? stop;
  if (stop.cause === 'hairpin-off') return duplicateMac(model, walk, stop) ?? stop;
  if (stop.cause === 'no-listener' || stop.cause === 'listener-loopback')
    return closedPort(model, stop, walk, question) ?? stop;
  if (stop.cause === 'no-return-route')
    return lacksMasquerade(model, walk, stop) ?? wrongPrefix(model, walk, stop) ?? stop;
  if (stop.cause === 'neighbour-failed' || stop.cause === 'different-segment')
    return wrongPrefix(model, walk, stop) ?? duplicateMac(model, walk, stop) ?? stop;
  return stop;
}

/** The kernel takes the routes of a link that is down away; the packet then went by another one, or by none. */
function behindDownLink(model: Model, { hops, packet, direction }: Walk): Stop | undefined {
  const passed = new Set(hops.filter((hop) => hop.direction === direction).map(({ namespace }) => namespace));
  for (const stack of model.stacks) {
    if (!passed.has(stack.name)) continue;
    const owned = stack.owned.find(({ prefix, link }) => !link.up && prefix.contains(packet.destination));
    if (owned === undefined) continue;
    return linkDown({ stack, link: owned.link });
  }
  return undefined;
}

/**
 * The one who is meant is cut off: its interface is down, or the other end of its cable, or the bridge behind that. IPv6
 * addresses go with a link that goes down, so that nothing else may be left to tell.
 */
function cutOff(model: Model, destination: Address, meant: string | undefined): Stop | undefined {
  const stack = model.stack(meant);
  if (stack === undefined) return undefined;
  const owned = stack.owner(destination);
  const links = owned === undefined ? [...stack.links].filter(({ kind }) => kind !== 'loopback') : [owned.link];
  for (const link of links) {
    const peer = model.at(link.peer);
    const bridge = peer?.stack.link(peer.link.master);
    const chain: At[] = [
      { stack, link },
      ...(peer === undefined ? [] : [peer]),
      ...(peer === undefined || bridge === undefined ? [] : [{ stack: peer.stack, link: bridge }]),
    ];
    const down = chain.find((at) => !at.link.up);
    if (down !== undefined) return linkDown(down);
  }
  return undefined;
}

function linkDown(at: At): Stop {
  const { stack, link } = at;
  return new Stop(
    'link-down',
    { namespace: stack.name, interface: link.name },
    { interface: labelOf(at), command: inNamespace(stack, `ip link set ${link.name} up`) },
  );
}

/** Nobody listens at the host's address: perhaps a container does, behind a port that is not published, or elsewhere. */
function closedPort(model: Model, stop: Stop, { packet }: Walk, { port }: FlowQuestion): Stop | undefined {
  const stack = model.stacks.find(({ name }) => name === stop.at.namespace);
  if (stack?.isHost !== true || port === undefined) return undefined;
  const { containers } = model.snapshot;
  const asked = endpointText(packet.destination, port);
  for (const container of containers) {
    const binding =
      container.ports.find(({ hostPort, protocol }) => hostPort === port && protocol === packet.protocol) ??
      container.ports.find(
        ({ containerPort, hostPort, protocol }) =>
          containerPort === port && hostPort !== undefined && protocol === packet.protocol,
      );
    if (binding?.hostPort === undefined) continue;
    return new Stop('published-elsewhere', stop.at, {
      container: container.name,
      port: String(binding.containerPort),
      binding: `${binding.hostAddress}:${binding.hostPort}`,
      asked,
    });
  }
  const listening = containers.find((container) =>
    model
      .stack(container.namespace)
      ?.namespace.sockets.some((socket) => socket.port === port && socket.protocol === packet.protocol),
  );
  if (listening === undefined || listening.networkMode === 'host') return undefined;
  return new Stop('not-published', stop.at, {
    container: listening.name,
    port: String(port),
    ...publishCommand(listening, listening.name, port),
  });
}

/** The receiver knows no way back to a source that a router on the way should have hidden. */
function lacksMasquerade(model: Model, walk: Walk, stop: Stop): Stop | undefined {
  const { direction } = walk;
  if (direction !== 'return') return undefined;
  const router = walk.routers.at(-1);
  const receiver = model.stacks.find(({ name }) => name === stop.at.namespace);
  if (router === undefined || receiver === undefined) return undefined;
  // A router between a bridge of its own and a link that is no bridge: the outside is beyond it.
  if (router.input.kind !== 'bridge' || router.output.kind === 'bridge') return undefined;
  return new Stop(
    'masquerade-missing',
    stop.at,
    masqueradeFacts(
      walk,
      model,
      { stack: receiver, link: [...receiver.links][0] ?? router.output },
      walk.packet.destination,
    ),
  );
}

function masqueradeFacts(walk: Walk, model: Model, { stack: receiver }: At, source: Address): Facts {
  const router = walk.routers.at(-1);
  const network = model.snapshot.networks.find(({ bridge }) => bridge !== undefined && bridge === router?.input.name);
  const stack = router?.stack;
  const command =
    network?.engine === 'pontoon'
      ? 'pontoon reconcile'
      : stack === undefined
        ? undefined
        : inNamespace(stack, `nft add rule ip nat postrouting oifname ${router?.output.name ?? ''} masquerade`);
  return {
    receiver: receiver.name,
    source: source.toString(),
    namespace: stack?.name ?? 'the host',
    ...(command === undefined ? {} : { command }),
  };
}

/** Both are on one segment, and one of them has a prefix that leaves the other out. */
function wrongPrefix(model: Model, walk: Walk, stop: Stop): Stop | undefined {
  const { packet } = walk;
  const [near, far] = [packet.source, packet.destination];
  const nearOwner = model.owners(near)[0];
  const farOwner = model.owners(far)[0];
  if (nearOwner === undefined || farOwner === undefined || nearOwner.stack === farOwner.stack) return undefined;
  const nearHas = nearOwner.owned.prefix.contains(far);
  const farHas = farOwner.owned.prefix.contains(near);
  if (nearHas === farHas) return undefined;
  const [wide, narrow] = nearHas ? [nearOwner, farOwner] : [farOwner, nearOwner];
  const longer = narrow.owned.prefix.length > wide.owned.prefix.length;
  if (!longer || !wide.owned.prefix.contains(narrow.owned.address)) return undefined;
  return new Stop(
    'wrong-prefix',
    { namespace: narrow.stack.name, interface: narrow.owned.link.name },
    {
      near: labelOf({ stack: wide.stack, link: wide.owned.link }),
      far: narrow.owned.address.toString(),
      farAddress: `${narrow.owned.address}/${narrow.owned.prefix.length}`,
      command: inNamespace(
        narrow.stack,
        `ip addr replace ${narrow.owned.address}/${wide.owned.prefix.length} dev ${narrow.owned.link.name}`,
      ),
      ...(stop.facts.address === undefined ? {} : { address: stop.facts.address }),
    },
  );
}

/** Two interfaces with one MAC on one bridge. */
function duplicateMac(model: Model, { packet }: Walk, stop: Stop): Stop | undefined {
  const ends = [packet.source, packet.destination]
    .flatMap((address) => model.owners(address))
    .map(({ stack, owned: { link } }) => ({ stack, link }));
  for (const end of ends) {
    if (end.link.mac === undefined || end.link.kind === 'loopback') continue;
    const twin = model.stacks
      .flatMap((stack) => [...stack.links].map((link) => ({ stack, link })))
      .find(({ link }) => link !== end.link && link.mac === end.link.mac && link.kind === end.link.kind);
    if (twin === undefined) continue;
    return new Stop('duplicate-mac', stop.at, {
      first: labelOf(end),
      second: labelOf(twin),
      mac: end.link.mac,
      command: inNamespace(twin.stack, `ip link set ${twin.link.name} address 02:00:00:00:00:01`),
    });
  }
  return undefined;
}

/** It arrived, but not where it was meant to. */
function elsewhere(model: Model, walk: Walk, arrived: At, meant: Stack, destination: Address): Stop {
  const rival = walk.rivals[0];
  const owner = meant.owner(walk.packet.destination);
  const place = { namespace: arrived.stack.name, interface: arrived.link.name };
  if (rival !== undefined || owner !== undefined) {
    return duplicate(
      walk.packet.destination,
      owner === undefined ? arrived : { stack: meant, link: owner.link },
      arrived,
    );
  }
  const container = model.containerIn(meant);
  if (container !== undefined && walk.packet.connection.dnat) {
    return new Stop('published-elsewhere', place, {
      container: container.name,
      port: String(walk.packet.destinationPort ?? ''),
      binding: 'another container',
      asked: destination.toString(),
    });
  }
  return new Stop('neighbour-failed', place, { interface: labelOf(arrived), address: destination.toString() });
}

function duplicate(address: Address, first: At, second: At): Stop {
  return new Stop(
    'duplicate-address',
    { namespace: second.stack.name, interface: second.link.name },
    {
      address: address.toString(),
      first: labelOf(first),
      second: labelOf(second),
      command: inNamespace(
        second.stack,
        `ip addr del ${address}/${second.stack.owner(address)?.prefix.length ?? 32} dev ${second.link.name}`,
      ),
    },
  );
}

function reached(walk: Walk, { protocol, port, destination }: FlowQuestion, arrived: At): Explanation {
  const what = protocol === 'icmp' ? destination.toString() : `${endpointText(destination, port)}/${protocol}`;
  const doubts = [...walk.doubts];
  return {
    verdict: 'reachable',
    cause: null,
    at: null,
    direction: 'forward',
    sentence: `${what} is reachable: the packet arrives at ${labelOf(arrived)}, and the answer comes back.`,
    remedy: [],
    hops: walk.hops,
    doubts,
    facts: {},
  };
}

function stoppedAt(walk: Walk, { cause, at, facts }: Stop): Explanation {
  // Which of two holders answers first, a snapshot cannot tell.
  const verdict = cause === 'duplicate-address' ? 'unknown' : 'unreachable';
  return conclude(
    verdict,
    cause,
    at,
    walk.direction,
    sentenceOf(cause, facts),
    remedyOf(cause, facts),
    walk.hops,
    [...walk.doubts],
    facts,
  );
}

function beyond({ hops, direction, doubts }: Walk, { at, reason }: Beyond): Explanation {
  return conclude(
    'unknown',
    null,
    at,
    direction,
    `${capital(reason)}: a snapshot of this host cannot tell.`,
    [],
    hops,
    [...doubts],
    {},
  );
}

function conclude(
  verdict: Explanation['verdict'],
  cause: CauseCode | null,
  at: Place,
  direction: Direction,
  sentence: string,
  remedy: readonly string[],
  hops: readonly Hop[],
  doubts: readonly string[],
  facts: Facts,
): Explanation {
  return { verdict, cause, at, direction, sentence, remedy, hops, doubts, facts };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
