/**
 * @module A fingerprint of the whole world: what the kernel has, what is on disk, what the store says and what this
 * process holds open. Where two are equal, nothing has changed in between.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { listAddresses } from '../../src/kernel/rtnetlink/address.ts';
import { listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { listRoutes } from '../../src/kernel/rtnetlink/route.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';
import { hasOwnStack } from './kill-inventory.ts';
import { ROOTS } from './kill-operations.ts';
import { inside, type Lab, type Place } from './lab.ts';

const SETTINGS = 'net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.route_localnet';
const TABLES = ['networks', 'sandboxes', 'endpoints', 'events', 'settings'];

/** Everything, by kind, as text that compares well. The engine must be open. */
export async function fingerprint(lab: Lab): Promise<Record<string, unknown>> {
  await lab.engine.settled();
  const stacks = lab.engine.listSandboxes().filter(hasOwnStack);
  const places: [string, Place][] = [['host', 'host'], ...stacks.map((one): [string, Place] => [one.name, one])];
  const kernel = places.map(([name, place]) => [name, inside(place, readStack)]);
  return {
    kernel: Object.fromEntries(kernel),
    rules: await lab.sh('host', 'nft -s list ruleset'),
    settings: await lab.sh('host', `sysctl ${SETTINGS}`),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n'),
    files: [...listFiles(ROOTS.runRoot), ...listFiles(ROOTS.dataRoot)],
    store: dumpStore(),
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

function readStack(): unknown {
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  const addresses = listAddresses(rt).map(({ link, address }) => `${link} ${address}`);
  const routes = listRoutes(rt).map(({ destination, via, link, table, metric }) => {
    return [destination, via, link, table, metric].join(' ');
  });
  return { links: listLinks(rt), addresses: addresses.sort(), routes: routes.sort() };
}

/** Each file with what it holds; the store's own are dumped instead. */
function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('engine.db') && !statSync(path).isDirectory())
    .map((path) => `${path}: ${path.includes('/netns/') ? statSync(path).ino : readFileSync(path, 'utf8')}`)
    .sort();
}

function dumpStore(): unknown {
  using database = new DatabaseSync(join(ROOTS.dataRoot, 'engine.db'), { readOnly: true });
  return Object.fromEntries(TABLES.map((table) => [table, database.prepare(`SELECT * FROM ${table}`).all()]));
}
