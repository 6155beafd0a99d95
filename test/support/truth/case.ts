/**
 * @module One case of the truth: a network, and who asks whom over it.
 */

import type { Random } from './random.ts';
import type { Station, Topology } from './topology.ts';
import type { WayName } from './ways.ts';

/** Who asks whom, and how. */
export interface Asked {
  readonly from: string;
  /** What it must leave by. */
  readonly interface?: string;
  /** The source address that it must have. */
  readonly source?: string;
  readonly to: string;
  /** The namespace that is meant. */
  readonly meant: string | undefined;
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  readonly port?: number;
  readonly fromPort?: number;
  /** Of the IP packet. */
  readonly lengthBytes: number;
}

export interface Case {
  readonly topology: Topology;
  readonly random: Random;
  readonly family: 4 | 6;
  readonly a: Station;
  readonly b: Station;
  way: WayName;
  /** Changed by ways, and by faults that need another question. */
  asked: Asked;
  /** Where the packet begins. */
  near: { readonly namespace: string; readonly interface: string };
  /** Where it is to arrive. */
  far: { readonly namespace: string; readonly interface: string; readonly address: string };
  /** Between the hub and the far end. */
  routers: readonly string[];
  /** Whether the path is there before anything is broken: only then can one fault be told from another. */
  isWhole: boolean;
  /** Where a listener is to be, for TCP and UDP. */
  listener:
    | { readonly namespace: string; readonly protocol: 'tcp' | 'udp'; readonly address: string; readonly port: number }
    | undefined;
}
