/**
 * @module Names of containers: what is allowed, and two words for those that nobody named.
 */

import { randomInt } from 'node:crypto';
import { PontoonError } from '../errors.ts';

/** Docker's rule (daemon/names/names.go). */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const MOODS = (
  'amber bold brave breezy bright brisk calm clear clever coral crisp deep drifting eager early fair fresh gentle ' +
  'golden grand green happy hazel high honest idle ivory jolly keen kind light lively long lucky merry misty modest ' +
  'noble open patient placid plain proud quick quiet rapid ready round royal salty sandy sharp shiny silver sleek ' +
  'slow smooth sober solid steady still strong sunny sure swift tall tidal tidy true upright vivid warm white wide ' +
  'windy wise young'
).split(' ');

const PLACES = (
  'anchor barge bay beacon berth bollard bow bridge buoy canal canoe cape channel cliff coast cove crane current deck ' +
  'delta dock dory dune estuary ferry fjord float gale galley gangway gull harbour haven hull island jetty keel kelp ' +
  'ketch lagoon lantern ledge levee lighthouse lock lugger marina mast mooring narrows oar ocean otter outpost pearl ' +
  'pebble pier pilot pontoon port quay raft reef ridge rigging river rudder sail sandbar schooner shell shoal shore ' +
  'skiff sloop sound spray spur strait stream surf tern tide trawler tug wake wave wharf yacht yawl'
).split(' ');

/** @throws PontoonError bad-name, in Docker's words */
export function checkContainerName(name: string): string {
  if (NAME.test(name)) return name;
  throw new PontoonError(
    'bad-name',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed: use at least two of them`,
    { subject: name },
  );
}

/** Two words that nobody has, such as 'calm_harbour'; a number follows when they become rare. */
export function pickName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const words = `${MOODS[randomInt(MOODS.length)]}_${PLACES[randomInt(PLACES.length)]}`;
    const name = attempt < 6 ? words : `${words}${randomInt(10 ** (attempt - 4))}`;
    if (!isTaken(name)) return name;
  }
}
