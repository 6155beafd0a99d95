/**
 * @module Which link in which namespace is the other end of each.
 *
 * A namespace knows the others by numbers of its own, and tells the number of any that it is shown. To show every
 * namespace to every other would be quadratic, so only those are shown that can be it: first the host's, then those with
 * a link that points back. Of a veth pair one end is enough: the other one is where it points to.
 */

import type { SeenLink } from './links.ts';
import type { Link, LinkReference, NamespaceId } from './types.ts';

/** Each question opens a socket. The host's own namespace, where links below mostly are, is known without one. */
const ASKED_MAX = 100;

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
  for (const namespace of namespaces) {
    const { id, links, numbers } = namespace;
    for (const { link, other } of links) {
      if (other?.namespaceId === undefined || numbers.has(other.namespaceId)) continue;
      const number = other.namespaceId;
      const found =
        other.as === 'peer'
          ? pairs.get(pairKey(other.index, link.index))?.find((candidate) => isPair(namespace, number, candidate, ask))
          : havingLink(namespaces, other.index).find((candidate) => ask(id, candidate.id) === number);
      if (found !== undefined) numbers.set(number, found.id);
    }
  }
  return new Map(namespaces.map((namespace) => [namespace.id, namespace.links.map((seen) => join(seen, namespace))]));
}

interface Candidate extends SeenNamespace {
  /** Its number of the namespace that its link points to. */
  readonly number: number;
}

/** Whether the candidate is the one that the namespace has the number for. */
function isPair({ id }: SeenNamespace, number: number, candidate: Candidate, ask: AskNumber): boolean {
  if (candidate.id === id) return false;
  // Its own number of us, where it is known, proves the pair without asking.
  const known = candidate.numbers.get(candidate.number);
  if (known !== undefined ? known !== id : ask(id, candidate.id) !== number) return false;
  candidate.numbers.set(candidate.number, id);
  return true;
}

/** Where a link below can be: nothing in there points back, so that only the index is known. */
function havingLink(namespaces: readonly SeenNamespace[], index: number): readonly SeenNamespace[] {
  const having = namespaces.filter(({ links }) => links.some(({ link }) => link.index === index));
  return having.slice(0, ASKED_MAX);
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
