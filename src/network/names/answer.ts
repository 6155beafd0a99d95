/**
 * @module What the resolver answers from the directory, without asking anyone.
 *
 * A name that the directory knows is ours with all its types: what we do not have is an empty NOERROR and is never
 * forwarded. So a mail client takes the host itself for its own exchange (RFC 5321 section 5.1), and a browser's
 * HTTPS question about a container does not come back from the outside as "no such name".
 */

import { addressOfArpa } from './arpa.ts';
import type { NameDirectory } from './directory.ts';
import {
  BADVERS,
  CLASS_IN,
  encodeName,
  type Query,
  TYPE_A,
  TYPE_AAAA,
  TYPE_PTR,
  writeAnswer,
  writeFailure,
} from './message.ts';

const NOTHING: readonly Uint8Array[] = [];

/** The answer of at most `limit` bytes for a sandbox; undefined when the question is about a name that we do not know. */
export function answerLocally(
  directory: NameDirectory,
  sandboxId: string,
  message: Buffer,
  query: Query,
  limit: number,
): Buffer | undefined {
  if (query.edns !== undefined && query.edns.version !== 0) return writeFailure(message, query, BADVERS);
  if (query.class !== CLASS_IN) return undefined;
  const known = directory.lookup(sandboxId, query.name, query.type === TYPE_AAAA ? 6 : 4);
  if (known !== undefined) {
    const isAddress = query.type === TYPE_A || query.type === TYPE_AAAA;
    return writeAnswer(message, query, isAddress ? known : NOTHING, limit);
  }
  const address = addressOfArpa(query.name);
  const name = address && directory.reverse(sandboxId, address);
  if (name === undefined) return undefined;
  const data = query.type === TYPE_PTR ? encodeName(name) : undefined;
  return writeAnswer(message, query, data === undefined ? NOTHING : [data], limit);
}
