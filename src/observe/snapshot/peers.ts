/**
 * @module Which link in which namespace is the other end of each.
 *
 * A namespace knows the others by numbers of its own, and tells the number of any that it is shown. To show every
 * namespace to every other would be quadratic, so only those are shown that can be it: first the host's, then those with
 * a link that points back. Of a veth pair one end is enough: the other one is where it points to.
 */

import type { SeenLink } from './links.ts';
import type { Link, LinkReference, NamespaceId } from './types.ts';

/** The links of one namespace, with what is known of the numbers that it has for others. */
export interface SeenNamespace {
  readonly id: NamespaceId;
  readonly links: readonly SeenLink[];
  /** Numbers that are known already (of the host's namespace); grows. */
  readonly numbers: Map<number, NamespaceId>;
}

/** Asks `in` for its number of `of`. */
export type AskNumber = (asked: NamespaceId, of: NamespaceId) => number | undefined;

/** The links of each namespace with their other ends. Where none is found, the reference has no namespace. */
export function joinPeers(namespaces: readonly SeenNamespace[], ask: AskNumber): Map<NamespaceId, Link[]> {
  const pairs = pointBack(namespaces);
  for (const { id, links, numbers } of namespaces) {
    for (const { link, other } of links) {
      if (other?.namespaceId === undefined || numbers.has(other.namespaceId)) continue;
      const candidates = pairs.get(pairKey(other.index, link.index)) ?? [];
      for (const candidate of candidates) {
        if (candidate.id === id) continue;
        // Its own number of us, where it is known, proves the pair without asking.
        const known = candidate.numbers.get(candidate.number);
        if (known !== undefined ? known === id : ask(id, candidate.id) === other.namespaceId) {
          numbers.set(other.namespaceId, candidate.id);
          candidate.numbers.set(candidate.number, id);
          break;
        }
      }
    }
  }
  return new Map(namespaces.map((namespace) => [namespace.id, namespace.links.map((seen) => join(seen, namespace))]));
}

interface Candidate extends SeenNamespace {
  /** Its number of the namespace that its link points to. */
  readonly number: number;
}

/** Links that point to another namespace, by their own index and the one they point to. */
function pointBack(namespaces: readonly SeenNamespace[]): Map<string, Candidate[]> {
  const pairs = new Map<string, Candidate[]>();
  for (const namespace of namespaces) {
    for (const { link, other } of namespace.links) {
      if (other?.as !== 'peer' || other.namespaceId === undefined) continue;
      const key = pairKey(link.index, other.index);
      const list = pairs.get(key);
      const candidate = { ...namespace, number: other.namespaceId };
      if (list === undefined) pairs.set(key, [candidate]);
      else list.push(candidate);
    }
  }
  return pairs;
}

function pairKey(index: number, otherIndex: number): string {
  return `${index} ${otherIndex}`;
}

function join({ link, other }: SeenLink, { id, numbers }: SeenNamespace): Link {
  if (other === undefined) return link;
  const namespace = other.namespaceId === undefined ? id : numbers.get(other.namespaceId);
  const reference: LinkReference = { ...(namespace === undefined ? {} : { namespace }), index: other.index };
  return { ...link, [other.as]: reference };
}
