/**
 * @module The table of events, as the engine and those who read along without it ask it.
 */

import type { DatabaseSync } from 'node:sqlite';
import type { EngineEvent } from './types.ts';

/** How many events are read at once. */
export const EVENT_BATCH = 1000;

/** The events behind `sequence`, oldest first, at most EVENT_BATCH. */
export function eventsAfter(database: DatabaseSync, sequence: number): EngineEvent[] {
  return database
    .prepare(`SELECT * FROM events WHERE sequence > ? ORDER BY sequence LIMIT ${EVENT_BATCH}`)
    .all(sequence)
    .map((row) => ({ ...row, attributes: JSON.parse(row.attributes as string) }) as unknown as EngineEvent);
}

/** The last event's sequence number that is older than `timeMs`; 0 when there is none. */
export function sequenceBefore(database: DatabaseSync, timeMs: number): number {
  const row = database.prepare('SELECT max(sequence) AS last FROM events WHERE timeMs < ?').get(timeMs);
  return (row?.last as number | null) ?? 0;
}
