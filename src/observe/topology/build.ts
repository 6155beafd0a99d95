/**
 * @module From a snapshot to the picture: a pure function, linear in the number of links.
 */

import type {
  Container,
  ContainerNetwork,
  Link,
  LinkReference,
  Namespace,
  NamespaceId,
  PublishedPort,
  Snapshot,
} from '../snapshot/types.ts';
import type { Far, Hub, Interface, Member, Segment, SegmentNetwork, Station, Topology, Uplink } from './types.ts';

/** A number in a name counts as one: 'web2' before 'web10'. */
const ORDER = new Intl.Collator('en', { numeric: true });

interface Place {
  readonly namespace: Namespace;
  readonly link: Link;
}

export function buildTopology(snapshot: Snapshot): Topology {
  const picture = new Picture(snapshot);
  return {
    format: 'pontoon-topology',
    version: 1,
    host: snapshot.host.name,
    takenAt: snapshot.takenAt,
    hubs: picture.hubs(),
    alone: picture.alone(),
  };
}

class Picture {
  readonly #namespaces: readonly Namespace[];
  readonly #links = new Map<string, Place>();
  readonly #addresses = new Map<string, string[]>();
  readonly #above = new Map<string, Place[]>();
  readonly #ports = new Map<string, Place[]>();
  readonly #stations: ReadonlyMap<NamespaceId, Station>;
  readonly #networks: ReadonlyMap<string | undefined, ContainerNetwork>;
  /** Ends of cables that are drawn already. */
  readonly #drawn = new Set<Link>();
  readonly #reached = new Set<NamespaceId>();

  constructor({ namespaces, containers, networks }: Snapshot) {
    // Whoever has bridges is drawn with what is behind them, before those who only have cables.
    this.#namespaces = namespaces.toSorted((a, b) => rankOf(a) - rankOf(b) || ORDER.compare(a.name, b.name));
    this.#networks = new Map(networks.filter(({ bridge }) => bridge !== undefined).map((one) => [one.bridge, one]));
    const inside = Map.groupBy(containers, ({ namespace }) => namespace);
    this.#stations = new Map(namespaces.map((one) => [one.id, stationOf(one, inside.get(one.id) ?? [])]));
    for (const namespace of namespaces) this.#index(namespace);
  }

  #index(namespace: Namespace): void {
    for (const link of namespace.links) {
      const place = { namespace, link };
      this.#links.set(keyOf(namespace.id, link.index), place);
      if (link.master !== undefined) append(this.#ports, keyOf(namespace.id, link.master), place);
      if ((link.kind === 'macvlan' || link.kind === 'ipvlan') && link.lower !== undefined) {
        append(this.#above, keyOf(link.lower.namespace ?? namespace.id, link.lower.index), place);
      }
    }
    for (const { link, address, prefixLength, scope } of namespace.addresses) {
      if (scope !== 'link') append(this.#addresses, keyOf(namespace.id, link), `${address}/${prefixLength}`);
    }
  }

  hubs(): Hub[] {
    const drawn = this.#namespaces.map((namespace): Hub => this.#hub(namespace));
    return drawn.filter(
      ({ owner, segments, uplinks }) => owner === 'host' || segments.length > 0 || uplinks.length > 0,
    );
  }

  /** After `hubs`. */
  alone(): Station[] {
    return this.#namespaces
      .filter(({ id, owner }) => owner !== 'host' && !this.#reached.has(id))
      .map(({ id }) => this.#station(id));
  }

  #hub(namespace: Namespace): Hub {
    const links = namespace.links.toSorted((a, b) => ORDER.compare(a.name, b.name));
    const uplinks = links.filter((link) => this.#isUplink(namespace, link));
    for (const link of uplinks) this.#draw(namespace, link);
    const segments = links.flatMap((link) => this.#segmentsOf(namespace, link));
    const known = new Set([...uplinks.map(({ name }) => name), ...segments.map((segment) => segment.interface.name)]);
    if (segments.length > 0) this.#reached.add(namespace.id);
    return {
      ...this.#station(namespace.id),
      forwarding: namespace.settings.ipv4.all.forwarding === true,
      uplinks: uplinks.map((link) => this.#uplink(namespace, link)),
      segments,
      others: links
        .filter(
          (link) =>
            link.kind !== 'loopback' && link.master === undefined && !known.has(link.name) && !this.#drawn.has(link),
        )
        .map((link) => this.#interface({ namespace, link })),
    };
  }

  /** The host's way out: what a default route leaves by, and hardware; but not a bridge, which is shown as such. */
  #isUplink({ id, owner, routes }: Namespace, link: Link): boolean {
    if (owner !== 'host' || link.kind === 'bridge' || link.kind === 'loopback' || link.master !== undefined)
      return false;
    if (link.kind === 'device') return link.up === true || this.#addresses.has(keyOf(id, link.index));
    return routes.some(
      (route) => isDefault(route.destination) && route.nextHops.some((hop) => hop.link === link.index),
    );
  }

  #uplink(namespace: Namespace, link: Link): Uplink {
    const routes = namespace.routes.flatMap(({ destination, nextHops }) =>
      isDefault(destination)
        ? nextHops.filter((hop) => hop.link === link.index).map(({ via }) => (via ? `default via ${via}` : 'default'))
        : [],
    );
    return { ...this.#interface({ namespace, link }), routes: [...new Set(routes)], beyond: this.#far(link.peer) };
  }

  #segmentsOf(namespace: Namespace, link: Link): Segment[] {
    const place = { namespace, link };
    const above = this.#above.get(keyOf(namespace.id, link.index)) ?? [];
    const segments: Segment[] = [];
    if (link.kind === 'bridge') {
      const ports = this.#ports.get(keyOf(namespace.id, link.index)) ?? [];
      segments.push(
        this.#segment(
          'bridge',
          place,
          ports.map((port) => this.#member(port)),
        ),
      );
    } else if (link.kind === 'veth' && link.master === undefined && !this.#drawn.has(link)) {
      const far = this.#placeAt(link.peer);
      if (far !== undefined && far.link.master === undefined) {
        this.#draw(namespace, link);
        segments.push(this.#segment('cable', place, [{ port: undefined, far: this.#far(link.peer) }]));
      }
    }
    for (const kind of ['macvlan', 'ipvlan'] as const) {
      const members = above
        .filter((one) => one.link.kind === kind)
        .map(
          (one): Member => ({
            port: undefined,
            far: this.#far({ namespace: one.namespace.id, index: one.link.index }),
          }),
        );
      if (members.length > 0) segments.push(this.#segment(kind, place, members));
    }
    return segments;
  }

  #segment(kind: Segment['kind'], place: Place, members: readonly Member[]): Segment {
    const { namespace, link } = place;
    const network = namespace.owner === 'host' && kind === 'bridge' ? this.#networks.get(link.name) : undefined;
    return {
      id: `${namespace.name}/${link.name}${kind === 'bridge' || kind === 'cable' ? '' : `/${kind}`}`,
      kind,
      interface: this.#interface(place),
      network: network && networkOf(network),
      members: members.toSorted((a, b) => ORDER.compare(memberName(a), memberName(b))),
    };
  }

  #member({ namespace, link }: Place): Member {
    this.#draw(namespace, link);
    return { port: this.#interface({ namespace, link }), far: this.#far(link.peer) };
  }

  /** The link and its other end are in the picture now. */
  #draw({ id }: Namespace, link: Link): void {
    const far = this.#placeAt(link.peer);
    this.#drawn.add(link);
    if (far === undefined) return;
    this.#drawn.add(far.link);
    this.#reached.add(id).add(far.namespace.id);
  }

  #far(reference: LinkReference | undefined): Far | undefined {
    const place = this.#placeAt(reference);
    if (place === undefined) return undefined;
    this.#reached.add(place.namespace.id);
    this.#drawn.add(place.link);
    return { ...this.#interface(place), station: this.#station(place.namespace.id) };
  }

  #placeAt(reference: LinkReference | undefined): Place | undefined {
    return reference?.namespace === undefined
      ? undefined
      : this.#links.get(keyOf(reference.namespace, reference.index));
  }

  #interface({ namespace, link }: Place): Interface {
    const { name, kind, up = false } = link;
    return { name, kind, up, addresses: this.#addresses.get(keyOf(namespace.id, link.index)) ?? [] };
  }

  #station(id: NamespaceId): Station {
    return this.#stations.get(id) as Station;
  }
}

function rankOf({ owner, links }: Namespace): number {
  return owner === 'host' ? 0 : links.some(({ kind }) => kind === 'bridge') ? 1 : 2;
}

function stationOf({ name, owner }: Namespace, containers: readonly Container[]): Station {
  const names = containers.map((one) => one.name).sort(ORDER.compare);
  const published = containers.flatMap(({ ports }) => ports.map(describePort)).sort(ORDER.compare);
  return { name, owner, containers: names.length === 1 && names[0] === name ? [] : names, published };
}

function describePort({ protocol, hostAddress, hostPort, containerPort }: PublishedPort): string {
  const address = hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress;
  return `${address}:${hostPort ?? '?'} → ${containerPort}/${protocol}`;
}

function networkOf({ name, engine, internal = false }: ContainerNetwork): SegmentNetwork {
  return { name, engine, internal };
}

function memberName({ far, port }: Member): string {
  return `${far?.station.name ?? ''}/${port?.name ?? far?.name ?? ''}`;
}

function isDefault(destination: string): boolean {
  return destination === '0.0.0.0/0' || destination === '::/0';
}

function keyOf(namespace: NamespaceId, index: number): string {
  return `${namespace} ${index}`;
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
