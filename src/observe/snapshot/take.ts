/**
 * @module Takes the snapshot: one pass over all network namespaces of the host, with what their containers' engines say.
 *
 * It changes nothing: it opens sockets that read, loads no module, and starts a program only to print rules that no
 * library reads (see filters.ts). A namespace that ends while it is read is left out; what cannot be read, or is too
 * long, is noted. Everything is synchronous within one namespace, as `NetworkNamespace.enter` wants it.
 */

import { readFileSync } from 'node:fs';
import { arch, hostname, release } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { PontoonError } from '../../errors.ts';
import { listConntrack } from '../../kernel/conntrack.ts';
import { NetworkNamespace } from '../../kernel/namespace.ts';
import { openNetfilter } from '../../kernel/netlink/nfnetlink.ts';
import { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { getNamespaceId } from '../../kernel/rtnetlink/namespace-id.ts';
import { NETLINK_ROUTE } from '../../kernel/uapi/netlink.ts';
import { readAddresses, readNeighbours, readRoutes, readRules } from './addressing.ts';
import { readFdb, readMdb } from './bridges.ts';
import { type ContainerSources, readContainers } from './containers/read.ts';
import { type FoundNamespace, findNamespaces, HOST_PATH, nameProcesses, namespaceIdOf } from './discover.ts';
import { hasTables, readFilters } from './filters.ts';
import { readLinks, type SeenLink } from './links.ts';
import { type NamedNamespace, nameNamespaces } from './names.ts';
import { joinPeers } from './peers.ts';
import { readResolver } from './resolver.ts';
import { readNumber, readSettings } from './settings.ts';
import { nameOwners } from './socket-owners.ts';
import { readSockets } from './sockets.ts';
import { sparse } from './sparse.ts';
import {
  type Container,
  type Flow,
  type Namespace,
  type NamespaceId,
  type Note,
  SNAPSHOT_FORMAT,
  SNAPSHOT_VERSION,
  type Snapshot,
} from './types.ts';

export interface SnapshotOptions {
  /** Lists the tracked flows, too: there can be many. Default: only their number. */
  readonly conntrack?: boolean;
  /** Names the processes that own listening sockets, which means to look at the descriptors of all. Default: true. */
  readonly owners?: boolean;
  /** Of which namespaces the filter rules are read; that of others costs time where iptables must be called. Default: all. */
  readonly rulesOf?: (namespace: NamedNamespace) => boolean;
  /** Where container engines answer or keep their state. Default: where they usually do; false: nobody is asked. */
  readonly containers?: ContainerSources | false;
  /** Pontoon's directory in /run. Default: /run/pontoon. */
  readonly runRoot?: string;
}

/** More of a kind in one namespace is cut off, and noted. */
const ENTRIES_MAX = 200_000;
const NAMESPACES_AT_ONCE = 16;

/** What was read of one namespace while its sockets were open. */
interface Dump {
  readonly found: FoundNamespace;
  readonly links: readonly SeenLink[];
  /** The numbers that the namespace has for others, as far as known. */
  readonly numbers: Map<number, NamespaceId>;
  readonly rest: Omit<Namespace, 'id' | 'name' | 'owner' | 'names' | 'links'>;
}

/** @throws PontoonError no-privilege; KernelError when the host's own namespace cannot be read */
export async function takeSnapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
  const notes: Note[] = [];
  const takenAt = new Date().toISOString();
  const engines =
    options.containers === false
      ? { containers: [], networks: [], notes: [] }
      : await readContainers(options.containers ?? {});
  notes.push(...engines.notes);
  const found = findNamespaces();
  const containers = engines.containers.map(({ path, ...container }): Container => {
    const namespace = path === undefined ? undefined : namespaceIdOf(path);
    const resolver = container.pid === undefined ? undefined : readResolver(`/proc/${container.pid}/root`);
    return { ...container, ...(namespace === undefined ? {} : { namespace }), ...(resolver && { resolver }) };
  });
  const named = nameNamespaces(found, containers, options.runRoot ?? '/run/pontoon');
  const dumps = await readAll(found, named, options, notes);
  const links = joinLinks(dumps);
  const namespaces = dumps.map(({ found: { id }, rest }): Namespace => {
    const { name, owner, names } = named.get(id) as NamedNamespace;
    const { paths, processes, processCount, ...state } = rest;
    return { id, name, owner, names, paths, processes, processCount, links: links.get(id) ?? [], ...state };
  });
  return {
    format: SNAPSHOT_FORMAT,
    version: SNAPSHOT_VERSION,
    takenAt,
    pontoonVersion: readVersion(),
    host: { name: hostname(), kernel: release(), architecture: arch() },
    namespaces: options.owners === false ? namespaces : nameOwners(namespaces, found, notes),
    containers,
    networks: engines.networks,
    notes,
  };
}

async function readAll(
  found: readonly FoundNamespace[],
  named: ReadonlyMap<NamespaceId, NamedNamespace>,
  options: SnapshotOptions,
  notes: Note[],
): Promise<Dump[]> {
  using host = NetworkNamespace.open(HOST_PATH);
  const dumps: Dump[] = [];
  for (const [index, one] of found.entries()) {
    // Others in this process get their turn, and closing what was opened gets done.
    if (index % NAMESPACES_AT_ONCE === NAMESPACES_AT_ONCE - 1) await setImmediate();
    using namespace = openNamespace(one, notes);
    if (namespace !== undefined) dumps.push(readNamespace(one, namespace, host, named, options, notes));
  }
  return dumps;
}

/** Undefined for one that is gone, or that may not be entered, which is noted. */
function openNamespace({ id, open }: FoundNamespace, notes: Note[]): NetworkNamespace | undefined {
  try {
    const namespace = NetworkNamespace.open(open);
    if (`net:[${namespace.inode}]` === id) return namespace;
    namespace[Symbol.dispose](); // the process ended, and another one has its number
  } catch (error) {
    if (!PontoonError.is(error, 'namespace-not-found', 'no-privilege')) throw error;
    if (namespaceIdOf(open) === id) {
      notes.push({ kind: 'unreadable', what: 'namespaces', namespace: id, message: error.message });
    }
  }
  return undefined;
}

function readNamespace(
  found: FoundNamespace,
  namespace: NetworkNamespace,
  host: NetworkNamespace,
  named: ReadonlyMap<NamespaceId, NamedNamespace>,
  options: SnapshotOptions,
  notes: Note[],
): Dump {
  const note = (kind: Note['kind'], what: string, message: string): void => {
    notes.push({ kind, what, namespace: found.id, message });
  };
  const bounded = <T>(what: keyof Namespace, list: T[]): T[] => {
    if (list.length <= ENTRIES_MAX) return list;
    note('truncated', what, `${list.length} ${what}, of which the first ${ENTRIES_MAX} are here`);
    return list.slice(0, ENTRIES_MAX);
  };
  const inside = namespace.enter(() => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const links = readLinks(socket);
    const hasBridges = links.some(({ link }) => link.bridge !== undefined || link.vxlan !== undefined);
    const hostNumber = found.isHost ? undefined : getNamespaceId(socket, host.fd);
    const trackedFlows = readNumber('net.netfilter.nf_conntrack_count');
    return {
      links,
      numbers: new Map<number, NamespaceId>(hostNumber === undefined ? [] : [[hostNumber, `net:[${host.inode}]`]]),
      rest: {
        addresses: bounded('addresses', readAddresses(socket)),
        rules: bounded('rules', readRules(socket)),
        routes: bounded('routes', readRoutes(socket)),
        neighbours: bounded('neighbours', readNeighbours(socket)),
        fdb: hasBridges ? bounded('fdb', readFdb(socket)) : [],
        mdb: hasBridges ? bounded('mdb', readMdb(socket)) : [],
        settings: readSettings(socket),
        sockets: bounded('sockets', readSockets()),
        trackedFlows,
        conntrack:
          options.conntrack === true && trackedFlows !== undefined ? bounded('conntrack', readFlows()) : undefined,
      },
    };
  });
  return {
    found,
    links: inside.links,
    numbers: inside.numbers,
    rest: sparse<Dump['rest']>({
      paths: found.paths,
      processes: nameProcesses(found.pids),
      processCount: found.pids.length,
      ...inside.rest,
      ...readRuleset(namespace, named.get(found.id) as NamedNamespace, options, note),
      resolver: readNamespaceResolver(found),
    }),
  };
}

function readRuleset(
  namespace: NetworkNamespace,
  named: NamedNamespace,
  options: SnapshotOptions,
  note: (kind: Note['kind'], what: string, message: string) => void,
): Pick<Namespace, 'nftables' | 'xtables'> {
  const none = { nftables: { ruleset: [] }, xtables: [] };
  if (!namespace.enter(hasTables)) return none;
  if (options.rulesOf?.(named) === false) {
    note('skipped', 'nftables', `the rules of ${named.name} were not asked for`);
    return none;
  }
  try {
    const { ruleset, xtables, missing } = readFilters(namespace);
    for (const message of missing) note('unreadable', 'xtables', message);
    if (ruleset.length <= ENTRIES_MAX) return { nftables: { ruleset }, xtables };
    // Half a ruleset would say something else.
    note('truncated', 'nftables', `${ruleset.length} rules and the like, more than ${ENTRIES_MAX}: none is here`);
    return { nftables: { ruleset: [] }, xtables };
  } catch (error) {
    if (!PontoonError.is(error)) throw error;
    note('unreadable', 'nftables', error.message);
    return none;
  }
}

function readFlows(): Flow[] {
  using socket = openNetfilter();
  return listConntrack(socket).map((flow) => sparse<Flow>({ ...flow, mark: flow.mark || undefined }));
}

/** As a process in the namespace has them; those of ip-netns(8) lie in a directory of their own, for its own commands. */
function readNamespaceResolver({ isHost, pids, paths }: FoundNamespace): Namespace['resolver'] {
  if (isHost) return readResolver('/');
  const name = paths
    .map((path) => /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(path)?.[1])
    .find((one) => one !== undefined);
  const own = name === undefined ? undefined : readResolver('/', `/etc/netns/${name}`);
  if (own !== undefined) return own;
  return pids[0] === undefined ? undefined : readResolver(`/proc/${pids[0]}/root`);
}

/** Joins the ends of links; what must be asked for again is asked by a socket opened for it. */
function joinLinks(dumps: readonly Dump[]): Map<NamespaceId, Namespace['links']> {
  const paths = new Map(dumps.map(({ found }) => [found.id, found.open]));
  return joinPeers(
    dumps.map(({ found, links, numbers }) => ({ id: found.id, links, numbers })),
    (asked, of) => {
      try {
        using there = NetworkNamespace.open(paths.get(asked) as string);
        using other = NetworkNamespace.open(paths.get(of) as string);
        using socket = there.enter(() => new NetlinkSocket(NETLINK_ROUTE));
        return getNamespaceId(socket, other.fd);
      } catch (error) {
        if (PontoonError.is(error, 'namespace-not-found')) return undefined; // it ended meanwhile
        throw error;
      }
    },
  );
}

function readVersion(): string {
  const file = join(import.meta.dirname, '../../../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
