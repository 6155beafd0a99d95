/**
 * @module A trace in words: a line for each place and time, the path on one line, and the end.
 */

import type { TraceEvent, TraceResult } from './trace.ts';

/** Columns: time since the probe was sent, place, direction, what. */
export function describeTrace(result: TraceResult): string {
  const { events, verdict, lastSeen, drops, rules, notes, error } = result;
  const width = Math.max(0, ...events.map(({ label }) => label.length));
  const lines = events.map(describeEvent.bind(undefined, width));
  if (lines.length > 0) lines.push('');
  for (const [kind, word] of [
    ['probe', 'there'],
    ['reply', 'back'],
  ] as const) {
    const way = wayOf(events, kind);
    if (way !== '') lines.push(`${word}: ${way}`);
  }
  lines.push(VERDICTS[verdict]);
  if (error !== null) lines.push(`  the kernel: ${error}`);
  if (verdict !== 'answered' && lastSeen !== null)
    lines.push(`  last seen at ${lastSeen.label} after ${formatUs(lastSeen.atUs)}`);
  for (const { atUs, reason, function: name } of drops)
    lines.push(`  the kernel dropped a packet after ${formatUs(atUs)}: ${reason}${name === null ? '' : ` (${name})`}`);
  for (const { namespace, family, table, chain, handle, verdict: said, isPolicy } of rules) {
    lines.push(
      `  rule in ${namespace}: ${family} ${table} ${chain}${isPolicy ? ' policy' : ` handle ${handle}`}: ${said}`,
    );
  }
  for (const note of notes) lines.push(`  note: ${note}`);
  return lines.join('\n');
}

const VERDICTS = {
  answered: 'ANSWERED',
  refused: 'REFUSED: somebody answered that it is not to be',
  unanswered: 'NO ANSWER',
  unsent: 'NOT SENT',
} as const;

export function describeEvent(width: number, { atUs, label, direction, summary }: TraceEvent): string {
  return `${formatUs(atUs).padStart(12)}  ${label.padEnd(width)}  ${direction.padEnd(3)}  ${summary}`;
}

/** The places in the order in which the frames were seen there. */
function wayOf(events: readonly TraceEvent[], kind: TraceEvent['kind']): string {
  const labels = events.filter((event) => event.kind === kind).map(({ label }) => label);
  return [...new Set(labels)].join(' → ');
}

function formatUs(us: number): string {
  return us < 1000 ? `${us.toFixed(1)} µs` : `${(us / 1000).toFixed(2)} ms`;
}
