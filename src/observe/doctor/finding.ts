/**
 * @module What the doctor says: findings, each with a stable code, its place, a sentence and the commands that mend it.
 */

import { type CauseCode, remedyOf, sentenceOf } from '../explain/index.ts';
import type { At } from '../explain/model.ts';
import type { Facts, Place } from '../explain/outcome.ts';

/** What explain has no cause for, because it stops no packet by itself. */
export type ConditionCode =
  | 'subnet-overlap'
  | 'pool-overlap'
  | 'exposed-port'
  | 'bridge-netfilter'
  | 'leaked-interface'
  | 'resolver-away';

/**
 * 'error': something does not work. 'warning': something will not work for some, or soon. 'notice': good to know; a healthy
 * host has them, too.
 */
export type Severity = 'error' | 'warning' | 'notice';

export interface Finding {
  readonly code: CauseCode | ConditionCode;
  readonly severity: Severity;
  /** `interface` is '' where it is about the whole namespace. */
  readonly at: Place;
  readonly sentence: string;
  /** Commands to be run on the host; none where it is for people to decide. */
  readonly remedy: readonly string[];
}

/** A cause of explain's list. */
export function caused(severity: Severity, code: CauseCode, at: Place | At, facts: Facts): Finding {
  return { code, severity, at: placeOf(at), sentence: sentenceOf(code, facts), remedy: remedyOf(code, facts) };
}

export function condition(
  severity: Severity,
  code: ConditionCode | CauseCode,
  at: Place | At,
  sentence: string,
  remedy: readonly string[] = [],
): Finding {
  return { code, severity, at: placeOf(at), sentence, remedy };
}

function placeOf(at: Place | At): Place {
  return 'stack' in at ? { namespace: at.stack.name, interface: at.link.name } : at;
}
