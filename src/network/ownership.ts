/**
 * @module Whose a link is: the marks by which Pontoon knows its own, so that a leak can be found and named.
 */

import type { Link } from '../kernel/rtnetlink/link.ts';

/**
 * The group of all links that Pontoon makes ('pont' in ASCII): the mark that a link is born with. Whose it is stands
 * in its alias, which the kernel only takes afterwards; a link with the mark but without an owner is a leak.
 */
export const OWNED_GROUP = 0x706f_6e74;

/** The group of those that are to go. */
export const REAPED_GROUP = 0x706f_6e75;

/** Whether a link bears our mark, to stay or to go. */
export function isOurs({ group }: Link): boolean {
  return group === OWNED_GROUP || group === REAPED_GROUP;
}

/** The alias that names a link's owner. */
export function ownerAlias(id: string): string {
  return `pontoon:${id}`;
}

/** The owner's ID in an alias, or undefined for a link that is not ours. */
export function ownerOf(alias: string | undefined): string | undefined {
  return alias?.startsWith('pontoon:') === true ? alias.slice('pontoon:'.length) : undefined;
}
