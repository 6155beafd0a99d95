/**
 * @module Which containers a prune takes: those that do not run, and fit the filters. Pure.
 */

import { type ContainerRecord, isActive } from './record.ts';

export interface PruneFilter {
  /** Only those created before (milliseconds since 1970). */
  readonly untilMs?: number;
  /** 'name' or 'name=value': only those with all of these. */
  readonly labels?: readonly string[];
  /** Not those with any of these. */
  readonly withoutLabels?: readonly string[];
}

export function isPruned(record: ContainerRecord, { untilMs, labels = [], withoutLabels = [] }: PruneFilter): boolean {
  if (isActive(record) || record.phase === 'removing') return false;
  if (untilMs !== undefined && record.createdMs >= untilMs) return false;
  return (
    labels.every((label) => hasLabel(record.spec.labels, label)) &&
    !withoutLabels.some((label) => hasLabel(record.spec.labels, label))
  );
}

function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const [name = '', ...value] = label.split('=');
  return name in labels && (value.length === 0 || labels[name] === value.join('='));
}
