/**
 * @module Why does A reach B, or why not: a pure function of a snapshot.
 */

import { PontoonError } from '../../errors.ts';
import { type NoDestination, type Question, resolveQuestion } from '../endpoints/index.ts';
import type { Link, Snapshot } from '../snapshot/types.ts';
import { type CauseCode, remedyOf, sentenceOf } from './causes.ts';
import { duplicate, elsewhere, inHindsight, masqueradeFacts } from './hindsight.ts';
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
    if (stopped instanceof Stop) return stoppedAt(walk, inHindsight(model, walk, stopped, question));
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
