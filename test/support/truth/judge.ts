/**
 * @module Asks explain what probes are asked, and compares the answers.
 */

import { Address } from '../../../src/ipam/index.ts';
import type { CauseCode } from '../../../src/observe/explain/causes.ts';
import { explainFlow } from '../../../src/observe/explain/explain.ts';
import type { Explanation } from '../../../src/observe/explain/outcome.ts';
import type { Snapshot } from '../../../src/observe/snapshot/types.ts';
import type { Asked } from './case.ts';
import { HOST } from './topology.ts';

export function explainAsked(snapshot: Snapshot, asked: Asked): Explanation {
  const { from, to, meant, source, interface: outgoing, port, fromPort, protocol, lengthBytes } = asked;
  return explainFlow(snapshot, {
    namespace: idOf(snapshot, from) ?? '',
    interface: outgoing,
    source: source === undefined ? undefined : Address.parse(source),
    destination: Address.parse(to),
    protocol,
    port,
    fromPort,
    lengthBytes,
    meant: idOf(snapshot, meant),
  });
}

function idOf({ namespaces }: Snapshot, wanted: string | undefined): string | undefined {
  return namespaces.find(({ names, owner }) =>
    wanted === HOST ? owner === 'host' : names.some(({ name }) => name === wanted),
  )?.id;
}

/** What is wrong with an explanation; undefined: it is true. `fault`: the only one, where its cause is to be named. */
export function compare(
  { verdict, cause }: Explanation,
  reachable: boolean,
  fault: { readonly name: string; readonly causes: readonly CauseCode[] } | undefined,
): string | undefined {
  // Which of two holders of an address answers first is nobody's to know.
  const undecided = verdict === 'unknown' && cause === 'duplicate-address';
  if (!undecided && (verdict === 'reachable') !== reachable)
    return `explain says ${verdict}${cause === null ? '' : ` (${cause})`}, but probes ${reachable ? 'come through' : 'do not come through'}`;
  if (fault === undefined || (reachable && !undecided)) return undefined;
  return cause !== null && fault.causes.includes(cause)
    ? undefined
    : `explain says ${cause}, but what was done is: ${fault.name} (${fault.causes.join(' or ')})`;
}
