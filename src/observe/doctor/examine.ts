/**
 * @module The doctor: examines a whole host for all known causes, without a question. A pure function of a snapshot.
 */

import type { Snapshot } from '../snapshot/types.ts';
import { checkCabling } from './checks/cabling.ts';
import { checkFlows } from './checks/flows.ts';
import { checkPublished } from './checks/published.ts';
import { checkRouting } from './checks/routing.ts';
import { checkSegments } from './checks/segments.ts';
import { checkSettings } from './checks/settings.ts';
import type { Finding, Severity } from './finding.ts';
import { Patient } from './patient.ts';

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'notice'];
const CHECKS = [checkCabling, checkSegments, checkRouting, checkPublished, checkSettings] as const;

/** The worst first; among equals by place, code and sentence, so that two examinations compare line by line. */
export function examine(snapshot: Snapshot): Finding[] {
  const patient = new Patient(snapshot);
  const found = CHECKS.flatMap((check) => check(patient));
  // A flow that stops where a fault is known already says nothing new.
  const known = new Set(found.map(({ code, at }) => `${code} ${at.namespace}`));
  const stopped = checkFlows(patient).filter(({ code, at }) => !known.has(`${code} ${at.namespace}`));
  return [...found, ...stopped].sort(compare);
}

/** Whether somebody should do something. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ severity }) => severity === 'notice');
}

function compare(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    order(a.at.namespace, b.at.namespace) ||
    order(a.at.interface, b.at.interface) ||
    order(a.code, b.code) ||
    order(a.sentence, b.sentence)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
