/**
 * @module What explain answers with: a verdict, the way of the packet hop by hop, and the evidence for each step.
 */

import type { CauseCode } from './causes.ts';

export type Direction = 'forward' | 'return';

/** One fact that decided, and how to see it oneself. */
export interface Evidence {
  readonly kind:
    | 'name'
    | 'route'
    | 'source'
    | 'neighbour'
    | 'flood'
    | 'fdb'
    | 'filter'
    | 'nat'
    | 'mtu'
    | 'setting'
    | 'listener'
    | 'link'
    | 'note';
  readonly text: string;
  /** A command that shows it, to be run on the host. */
  readonly command: string | undefined;
}

/** One place that the packet is at. */
export interface Hop {
  readonly direction: Direction;
  /** The namespace's name. */
  readonly namespace: string;
  /** The interface's name. */
  readonly interface: string;
  /** As the way is written: 'eth0@web'; without the namespace for the host's. */
  readonly label: string;
  readonly evidence: Evidence[];
}

export interface Place {
  readonly namespace: string;
  readonly interface: string;
}

/** What a cause's sentence and remedy are made of. */
export type Facts = Readonly<Record<string, string>>;

export interface Explanation {
  readonly verdict: 'reachable' | 'unreachable' | 'unknown';
  readonly cause: CauseCode | null;
  readonly at: Place | null;
  readonly direction: Direction;
  /** One sentence that a learner understands. */
  readonly sentence: string;
  /** Commands that mend it, or that bring one further. */
  readonly remedy: readonly string[];
  readonly hops: readonly Hop[];
  /** What the snapshot could not tell. */
  readonly doubts: readonly string[];
  readonly facts: Facts;
}

/** The packet goes no further. Thrown through the walk, and caught where the verdict is made. */
export class Stop extends Error {
  override readonly cause: CauseCode;
  readonly at: Place;
  readonly facts: Facts;

  constructor(cause: CauseCode, at: Place, facts: Facts = {}) {
    super(cause);
    this.cause = cause;
    this.at = at;
    this.facts = facts;
  }
}

/** Nobody who only has the snapshot can tell what becomes of the packet. */
export class Beyond extends Error {
  readonly at: Place;
  readonly reason: string;

  constructor(at: Place, reason: string) {
    super(reason);
    this.at = at;
    this.reason = reason;
  }
}
