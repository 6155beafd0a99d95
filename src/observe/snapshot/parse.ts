/**
 * @module Reads a snapshot that somebody else took: text that may be damaged, or made to do damage.
 */

import { PontoonError } from '../../errors.ts';
import { snapshotShape } from './schema.ts';
import { Mismatch } from './shape.ts';
import { SNAPSHOT_FORMAT, SNAPSHOT_VERSION, type Snapshot } from './types.ts';

/** The text of a snapshot of thousands of namespaces has some 10 MB. */
const TEXT_MAX_LENGTH = 256 * 1024 * 1024;

/** @throws PontoonError bad-value, with the first thing that is wrong */
export function parseSnapshot(text: string): Snapshot {
  if (text.length > TEXT_MAX_LENGTH) throw bad(`it has ${text.length} characters: at most ${TEXT_MAX_LENGTH} are read`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw bad('it is not JSON: write one with `pontoon snapshot > FILE`', cause);
  }
  return checkSnapshot(document);
}

/** The same for a document that is read already. @throws PontoonError bad-value */
export function checkSnapshot(document: unknown): Snapshot {
  const { format, version } = (document ?? {}) as { format?: unknown; version?: unknown };
  if (format !== SNAPSHOT_FORMAT)
    throw bad(`its format is not '${SNAPSHOT_FORMAT}': write one with \`pontoon snapshot\``);
  if (version !== SNAPSHOT_VERSION) {
    throw bad(
      `it is of version ${JSON.stringify(version)?.slice(0, 20)}, and this Pontoon reads version ${SNAPSHOT_VERSION}`,
    );
  }
  let snapshot: Snapshot;
  try {
    snapshot = snapshotShape.check(document);
  } catch (error) {
    if (error instanceof Mismatch) throw bad(error.line);
    throw error;
  }
  const seen = new Set<string>();
  for (const { id } of snapshot.namespaces) {
    if (seen.has(id)) throw bad(`two namespaces are ${id}`);
    seen.add(id);
  }
  return snapshot;
}

function bad(why: string, cause?: unknown): PontoonError {
  return new PontoonError('bad-value', `this is no snapshot: ${why}`, { cause, subject: 'snapshot' });
}
