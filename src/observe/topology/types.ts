/**
 * @module The picture of a host: who is joined to whom, and by what. A hub is a namespace with something behind it (a
 * bridge, a cable); a segment is one of these things; a member is who hangs on it.
 *
 * Everything has a name that stays when the namespace's number changes, and everything is sorted by such names: one more
 * container adds a line to a picture and moves nothing else about.
 */

export interface Topology {
  readonly format: 'pontoon-topology';
  readonly version: 1;
  /** The host's own name. */
  readonly host: string;
  /** When the snapshot was taken. */
  readonly takenAt: string;
  /** The host first. */
  readonly hubs: readonly Hub[];
  /** Namespaces that nothing leads to. */
  readonly alone: readonly Station[];
}

/** A namespace, and who is in it. */
export interface Station {
  /** The namespace's name: unique. */
  readonly name: string;
  readonly owner: string;
  /** All containers in it, where they are more than the one that it is named after, or others. */
  readonly containers: readonly string[];
  /** '0.0.0.0:8080 → 80/tcp' */
  readonly published: readonly string[];
}

export interface Hub extends Station {
  readonly forwarding: boolean;
  /** The links that lead out of what is known; only of the host. */
  readonly uplinks: readonly Uplink[];
  readonly segments: readonly Segment[];
  /** Links that neither belong to a segment nor lead out: tunnels, dummies, VLANs. */
  readonly others: readonly Interface[];
}

export interface Interface {
  readonly name: string;
  /** The driver's word: 'veth', 'bridge', 'device', … */
  readonly kind: string;
  /** With prefix lengths; IPv6 link-local ones are left out, everybody has them. */
  readonly addresses: readonly string[];
  readonly up: boolean;
}

export interface Uplink extends Interface {
  /** The default route by it: 'default via 192.0.2.1'. */
  readonly routes: readonly string[];
  /** The namespace at its other end, where that is in the snapshot. */
  readonly beyond: Far | undefined;
}

/** The interface at the other end, in another namespace or (a veth pair in one) the same. */
export interface Far extends Interface {
  readonly station: Station;
}

export interface Segment {
  /** Unique: 'host/docker0'. */
  readonly id: string;
  /** 'cable': a veth pair on no bridge. 'macvlan' and 'ipvlan': links on top of one of the hub's. */
  readonly kind: 'bridge' | 'cable' | 'macvlan' | 'ipvlan';
  /** The bridge, the near end of the cable, or the link below. */
  readonly interface: Interface;
  readonly network: SegmentNetwork | undefined;
  readonly members: readonly Member[];
}

export interface SegmentNetwork {
  readonly name: string;
  readonly engine: string;
  readonly internal: boolean;
}

export interface Member {
  /** The bridge's port in the hub; absent for a cable and on top of a link. */
  readonly port: Interface | undefined;
  /** Who is there; absent where the port leads out of what is known. */
  readonly far: Far | undefined;
}
