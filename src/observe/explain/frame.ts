/**
 * @module Layer 2: which interfaces a frame comes to, and where it is lost. Bridges with their ports and databases
 * (net/bridge/br_input.c, br_forward.c, br_fdb.c, br_vlan.c), veth pairs, macvlans (drivers/net/macvlan.c), vxlan.
 */

import type { BridgePort, Link, PortVlan } from '../snapshot/types.ts';
import type { CauseCode } from './causes.ts';
import { type At, downFacts, inNamespace, labelOf, type Model, type Stack } from './model.ts';
import type { Evidence, Facts } from './outcome.ts';

export interface Frame {
  readonly sourceMac: string;
  /** 'ff:ff:ff:ff:ff:ff' for a broadcast. */
  readonly destinationMac: string;
  /** What the frame carries: the IP packet's length. */
  readonly lengthBytes: number;
  /** An ARP or ND question, which bridges may answer themselves. */
  readonly asks?: boolean;
  /** What the IP filters of a bridge say (br_netfilter): throws where they drop. Only for IP packets. */
  readonly filter?: (stack: Stack, bridge: Link, inputPort: Link, outputPort: Link | undefined) => void;
}

export interface Step {
  readonly at: At;
  readonly evidence: readonly Evidence[];
}

/** A frame that came to an interface whose stack takes it. */
export interface Delivery {
  readonly at: At;
  /** The port that it came by, when `at` is a bridge. */
  readonly port: Link | undefined;
  /** The places on its way, without the first and with the last. */
  readonly trail: readonly Step[];
}

export interface Loss {
  readonly at: At;
  readonly cause: CauseCode;
  readonly facts: Facts;
  readonly trail: readonly Step[];
}

export interface Carried {
  readonly deliveries: readonly Delivery[];
  readonly losses: readonly Loss[];
  /** Where it leaves what the snapshot knows. */
  readonly beyond: readonly { readonly at: At; readonly reason: string; readonly trail: readonly Step[] }[];
}

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** More places than a frame comes to in any network, with all its copies, and more than there are on the way of one. */
const PLACES_MAX = 20_000;
const TRAIL_MAX = 256;

export function isGroup(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/** Sends a frame out of an interface, and follows every copy of it. */
export function carry(model: Model, from: At, frame: Frame): Carried {
  const carrier = new Carrier(model, frame);
  carrier.transmit(from, [], undefined);
  return carrier;
}

class Carrier implements Carried {
  readonly deliveries: Delivery[] = [];
  readonly losses: Loss[] = [];
  readonly beyond: { at: At; reason: string; trail: readonly Step[] }[] = [];
  readonly #model: Model;
  readonly #frame: Frame;
  /** Where a copy came in already: a second one, that goes round in a loop, changes nothing. */
  readonly #entered = new Set<string>();
  #budget = PLACES_MAX;

  constructor(model: Model, frame: Frame) {
    this.#model = model;
    this.#frame = frame;
  }

  /** The interface sends. `vlan`: the frame's tag, undefined for none. */
  transmit(at: At, trail: readonly Step[], vlan: number | undefined): void {
    const { stack, link } = at;
    if (this.#isTooFar(at, trail)) return;
    if (!link.up) {
      this.#lose(at, trail, 'link-down', downFacts(at));
      return;
    }
    switch (link.kind) {
      case 'bridge':
        this.#switch(at, undefined, trail, vlan);
        return;
      case 'veth': {
        if (link.peer === undefined) {
          this.#lose(at, trail, 'peer-gone', { interface: labelOf(at) });
          return;
        }
        const peer = this.#model.at(link.peer);
        if (peer === undefined) {
          this.beyond.push({
            at,
            trail,
            reason: `the other end of ${labelOf(at)} is in a namespace that the snapshot does not have`,
          });
          return;
        }
        this.enter(peer, trail, vlan);
        return;
      }
      case 'macvlan':
        this.#sendMacvlan(at, trail, vlan);
        return;
      case 'vxlan':
        this.#sendVxlan(at, trail, vlan);
        return;
      case 'loopback':
        this.deliveries.push({ at, port: undefined, trail });
        return;
      case 'dummy':
      case 'ifb':
        this.#lose(at, trail, 'different-segment', {
          interface: labelOf(at),
          reason: `${labelOf(at)} leads nowhere: it is a ${link.kind}`,
        });
        return;
      case 'tun':
        this.beyond.push({ at, trail, reason: `a program behind ${labelOf(at)} decides` });
        return;
      default:
        if (link.carrier !== true) {
          this.#lose(at, trail, 'link-down', {
            interface: labelOf(at),
            command: inNamespace(stack, `ip link show ${link.name}`),
          });
          return;
        }
        this.beyond.push({ at, trail, reason: `the network behind ${labelOf(at)} decides` });
    }
  }

  /** The interface receives. */
  enter(at: At, before: readonly Step[], vlan: number | undefined): void {
    const { stack, link } = at;
    if (this.#isTooFar(at, before)) return;
    const key = `${stack.namespace.id} ${link.index} ${vlan ?? ''}`;
    if (this.#entered.has(key)) return;
    this.#entered.add(key);
    const trail = [...before, { at, evidence: [] }];
    if (!link.up) {
      this.#lose(at, trail, 'link-down', downFacts(at));
      return;
    }
    if (this.#tooLong(at, trail)) return;
    const master = stack.link(link.master);
    if (master?.kind === 'bridge') {
      this.#switch({ stack, link: master }, link, trail, vlan);
      return;
    }
    this.#deliverMacvlans(at, trail, vlan);
    this.#accept(at, undefined, trail);
  }

  /** A stranger's snapshot may hold a network without an end. */
  #isTooFar(at: At, trail: readonly Step[]): boolean {
    this.#budget -= 1;
    if (this.#budget >= 0 && trail.length < TRAIL_MAX) return false;
    if (this.beyond.length === 0) this.beyond.push({ at, trail, reason: 'the network is too large to be followed' });
    return true;
  }

  /** The stack of the interface takes what is for its MAC, and what is for all. */
  #accept(at: At, port: Link | undefined, trail: readonly Step[]): void {
    const { destinationMac } = this.#frame;
    if (isGroup(destinationMac) || destinationMac === at.link.mac || at.link.mac === undefined) {
      this.deliveries.push({ at, port, trail });
      return;
    }
    this.losses.push({ at, cause: 'neighbour-wrong', facts: { interface: labelOf(at), mac: destinationMac }, trail });
  }

  /** A bridge decides. `port`: where the frame came in; undefined when the host sends it through the bridge. */
  #switch(bridgeAt: At, port: Link | undefined, trail: readonly Step[], tag: number | undefined): void {
    const { stack, link: bridge } = bridgeAt;
    const frame = this.#frame;
    const entrance = { stack, link: port ?? bridge };
    if (!bridge.up) {
      this.#lose(bridgeAt, trail, 'link-down', downFacts(bridgeAt));
      return;
    }
    if (port?.port !== undefined && port.port.state !== 'forwarding') {
      this.#blocked({ stack, link: port }, port.port, trail);
      return;
    }
    const vlan = this.#vlanAtEntrance(bridge, port, tag);
    if (vlan === false) {
      this.#lose(entrance, trail, 'vlan-mismatch', vlanFacts(entrance, tag, 'enter'));
      return;
    }
    if (port?.port?.locked && !this.#knows(stack, bridge, frame.sourceMac, port)) {
      this.#lose(entrance, trail, 'port-isolated', {
        interface: labelOf(entrance),
        reason: `${labelOf(entrance)} is locked to MACs that it knows`,
      });
      return;
    }
    if (port?.port?.learning && (bridge.bridge?.ageingSeconds ?? 300) > 0) this.#learn(stack, bridge, port, vlan);
    if (port !== undefined) frame.filter?.(stack, bridge, port, undefined);

    const target = isGroup(frame.destinationMac) ? undefined : this.#lookUp(stack, bridge, frame.destinationMac, vlan);
    if (target === 'here') {
      const evidence = [fdbEvidence(bridgeAt, `${frame.destinationMac} is ${bridge.name}'s own`)];
      const step = { at: bridgeAt, evidence };
      // A frame that the host itself sends to its own MAC does not come back.
      if (port !== undefined) {
        frame.filter?.(stack, bridge, port, undefined);
        this.deliveries.push({ at: bridgeAt, port, trail: [...trail, step] });
      }
      return;
    }
    if (target !== undefined) {
      const step = {
        at: bridgeAt,
        evidence: [fdbEvidence(bridgeAt, `${frame.destinationMac} is behind ${target.name}`)],
      };
      this.#forward(bridgeAt, port, target, port === undefined ? trail : [...trail, step], vlan, false);
      return;
    }
    const ports = stack.portsOf(bridge);
    const floods = ports.filter((one) => one !== port && this.#floodsTo(one));
    const what = isGroup(frame.destinationMac) ? 'broadcast' : `${frame.destinationMac} unknown`;
    const step = {
      at: bridgeAt,
      evidence: [
        {
          kind: 'flood' as const,
          text: `${what}: flooded to ${
            floods.length === 0
              ? 'no port'
              : floods
                  .slice(0, 8)
                  .map(({ name }) => name)
                  .join(', ')
          }${floods.length > 8 ? ` and ${floods.length - 8} more` : ''}`,
          command: inNamespace(stack, `bridge link show master ${bridge.name}`),
        },
      ],
    };
    const onward = port === undefined ? trail : [...trail, step];
    if (isGroup(frame.destinationMac) && port !== undefined) this.#accept(bridgeAt, port, onward);
    for (const one of ports) {
      if (one === port && !one.port?.hairpin) {
        if (this.#servesMacvlans(one)) this.#noHairpin(bridgeAt, one, onward);
        continue;
      }
      if (!this.#floodsTo(one)) {
        if (one !== port)
          this.#lose({ stack, link: one }, onward, 'fdb-wrong', {
            interface: one.name,
            bridge: bridge.name,
            mac: frame.destinationMac,
            reason: `${one.name} gets no flooded frames`,
          });
        continue;
      }
      this.#forward(bridgeAt, port, one, onward, vlan, true);
    }
  }

  #floodsTo({ port }: Link): boolean {
    const { destinationMac } = this.#frame;
    if (port === undefined) return true;
    if (destinationMac === BROADCAST) return port.broadcastFlood === true;
    return isGroup(destinationMac)
      ? port.multicastFlood === true || port.multicastRouter === 2
      : port.unicastFlood === true;
  }

  #forward(
    bridgeAt: At,
    from: Link | undefined,
    to: Link,
    trail: readonly Step[],
    vlan: number | undefined,
    flooded: boolean,
  ): void {
    const { stack, link: bridge } = bridgeAt;
    const exit = { stack, link: to };
    const onward = [...trail, { at: exit, evidence: [] }];
    if (from === to && !to.port?.hairpin) {
      this.#noHairpin(bridgeAt, to, onward);
      return;
    }
    if (from?.port?.isolated && to.port?.isolated) {
      this.#lose(exit, onward, 'port-isolated', {
        interface: labelOf(exit),
        bridge: bridge.name,
        from: from.name,
        command: inNamespace(stack, `bridge link set dev ${to.name} isolated off`),
      });
      return;
    }
    if (to.port !== undefined && to.port.state !== 'forwarding') {
      this.#blocked(exit, to.port, onward);
      return;
    }
    const tag = this.#vlanAtExit(bridge, to, vlan);
    if (tag === false) {
      this.#lose(exit, onward, 'vlan-mismatch', vlanFacts(exit, vlan, 'leave'));
      return;
    }
    if (from !== undefined) this.#frame.filter?.(stack, bridge, from, to);
    if (this.#frame.lengthBytes > to.mtuBytes) {
      // br_forward.c: a frame longer than the port's MTU is dropped, and nobody is told.
      if (!flooded || from !== undefined) {
        this.#lose(exit, onward, 'mtu-too-small', mtuFacts(exit, this.#frame.lengthBytes));
        return;
      }
    }
    if (!to.up) {
      this.#lose(exit, onward, 'link-down', downFacts(exit));
      return;
    }
    this.transmit(exit, onward, tag);
  }

  #noHairpin({ stack, link: bridge }: At, port: Link, trail: readonly Step[]): void {
    const exit = { stack, link: port };
    this.#lose(exit, trail, 'hairpin-off', {
      interface: labelOf(exit),
      bridge: bridge.name,
      command: inNamespace(stack, `bridge link set dev ${port.name} hairpin on`),
    });
  }

  /** Behind the port is the parent of several macvlans, which may leave what they say to each other to the bridge. */
  #servesMacvlans(port: Link): boolean {
    const parent = this.#model.at(port.peer);
    return parent !== undefined && this.#model.macvlansOn(parent).length > 1;
  }

  #blocked(at: At, { state }: BridgePort, trail: readonly Step[]): void {
    const bridge = at.stack.link(at.link.master);
    // A port whose carrier is gone is 'disabled'; that is the carrier's fault.
    if (state === 'disabled' && (!at.link.up || at.link.carrier !== true)) {
      const peer = this.#model.at(at.link.peer);
      const down = at.link.up && peer !== undefined && !peer.link.up ? peer : at;
      if (at.link.kind === 'veth' && at.link.peer === undefined) {
        this.#lose(at, trail, 'peer-gone', { interface: labelOf(at) });
        return;
      }
      this.#lose(down, trail, 'link-down', downFacts(down));
      return;
    }
    this.#lose(at, trail, 'port-blocked', {
      interface: labelOf(at),
      bridge: bridge?.name ?? '',
      state,
      command: inNamespace(at.stack, `bridge link set dev ${at.link.name} state 3`),
    });
  }

  #learn(stack: Stack, bridge: Link, port: Link, vlan: number | undefined): void {
    const { sourceMac } = this.#frame;
    const known = stack.namespace.fdb.find(
      (entry) => entry.bridge === bridge.index && entry.mac === sourceMac && sameVlan(entry.vlan, vlan),
    );
    // br_fdb.c: an entry set by hand moves like a learned one, unless it is sticky; the bridge's own never do.
    if (known?.type === 'local' || known?.sticky) return;
    this.#model.learn(stack, bridge, sourceMac, port.index);
  }

  #knows(stack: Stack, bridge: Link, mac: string, port: Link): boolean {
    return stack.namespace.fdb.some(
      (entry) => entry.bridge === bridge.index && entry.mac === mac && entry.link === port.index,
    );
  }

  /** 'here': it goes up the host's stack. Undefined: unknown. */
  #lookUp(stack: Stack, bridge: Link, mac: string, vlan: number | undefined): Link | 'here' | undefined {
    const entries = stack.namespace.fdb.filter((entry) => entry.bridge === bridge.index && entry.mac === mac);
    if (
      mac === bridge.mac ||
      entries.some(({ type, vlan: own }) => type === 'local' && (own === undefined || sameVlan(own, vlan)))
    )
      return 'here';
    const learned = this.#model.learnedPort(stack, bridge, mac);
    if (learned !== undefined) return stack.link(learned);
    const fixed = entries.find(({ type, vlan: own }) => type === 'static' && sameVlan(own, vlan));
    if (fixed !== undefined) return stack.link(fixed.link);
    const ageing = bridge.bridge?.ageingSeconds ?? 300;
    const entry = entries.find(
      ({ type, vlan: own, updatedSeconds = 0, usedSeconds = updatedSeconds }) =>
        type === 'learned' && sameVlan(own, vlan) && Math.min(usedSeconds, updatedSeconds) <= ageing,
    );
    return stack.link(entry?.link);
  }

  /** The VLAN that a frame is in once it has entered; undefined where the bridge knows none; false: it may not enter. */
  #vlanAtEntrance(bridge: Link, port: Link | undefined, tag: number | undefined): number | undefined | false {
    if (!bridge.bridge?.vlanFiltering) return tag;
    const vlans = (port ?? bridge).vlans ?? defaultVlans(bridge);
    const vlan = tag ?? vlans.find(({ pvid }) => pvid)?.first;
    if (vlan === undefined) return false;
    return vlans.some(({ first, last }) => vlan >= first && vlan <= last) ? vlan : false;
  }

  /** The tag that it leaves with; undefined: none; false: it may not leave. */
  #vlanAtExit(bridge: Link, port: Link, vlan: number | undefined): number | undefined | false {
    if (!bridge.bridge?.vlanFiltering) return vlan;
    const member = (port.vlans ?? defaultVlans(bridge)).find(
      ({ first, last }) => vlan !== undefined && vlan >= first && vlan <= last,
    );
    if (member === undefined) return false;
    return member.untagged ? undefined : vlan;
  }

  #sendMacvlan(at: At, trail: readonly Step[], vlan: number | undefined): void {
    const { link, stack } = at;
    const lower = this.#model.at({
      namespace: link.lower?.namespace ?? stack.namespace.id,
      index: link.lower?.index ?? 0,
    });
    if (lower === undefined) {
      this.beyond.push({ at, trail, reason: `the interface below ${labelOf(at)} is not in the snapshot` });
      return;
    }
    if (!lower.link.up) {
      this.#lose(lower, trail, 'link-down', downFacts(lower));
      return;
    }
    const onward = [...trail, { at: lower, evidence: [] }];
    if (link.macvlan?.mode === 'bridge') {
      const { destinationMac } = this.#frame;
      const siblings = this.#model
        .macvlansOn(lower)
        .filter((one) => one.link !== link && one.link.macvlan?.mode === 'bridge');
      const known = siblings.find((one) => one.link.mac === destinationMac);
      if (known !== undefined) {
        this.enter(known, onward, vlan);
        return;
      }
      if (isGroup(destinationMac)) for (const sibling of siblings) this.enter(sibling, onward, vlan);
    }
    this.transmit(lower, onward, vlan);
  }

  #deliverMacvlans(at: At, trail: readonly Step[], vlan: number | undefined): void {
    const { destinationMac } = this.#frame;
    for (const above of this.#model.macvlansOn(at)) {
      if (above.link.mac === destinationMac || isGroup(destinationMac) || above.link.macvlan?.mode === 'passthru')
        this.enter(above, trail, vlan);
    }
  }

  /** To every end of the same VXLAN that has an address it sends to; how the packets get there is taken for granted. */
  #sendVxlan(at: At, trail: readonly Step[], vlan: number | undefined): void {
    const { vxlan } = at.link;
    const remotes = new Set(
      at.stack.namespace.fdb
        .filter(
          ({ link, remote, mac }) =>
            link === at.link.index &&
            remote !== undefined &&
            (mac === '00:00:00:00:00:00' || mac === this.#frame.destinationMac),
        )
        .map(({ remote }) => remote as string),
    );
    if (vxlan?.remote !== undefined) remotes.add(vxlan.remote);
    const ends = this.#model.stacks.flatMap((stack) =>
      [...stack.links]
        .filter(
          (link) =>
            link.kind === 'vxlan' &&
            link !== at.link &&
            link.vxlan?.vni === vxlan?.vni &&
            link.vxlan?.port === vxlan?.port,
        )
        .filter(() => stack.owned.some(({ address }) => remotes.has(address.toString())))
        .map((link) => ({ stack, link })),
    );
    if (ends.length === 0) {
      this.beyond.push({ at, trail, reason: `the host at the other end of the VXLAN ${labelOf(at)} decides` });
      return;
    }
    for (const end of ends) this.enter(end, trail, vlan);
  }

  #tooLong(at: At, trail: readonly Step[]): boolean {
    if (this.#frame.lengthBytes <= at.link.mtuBytes) return false;
    // dev.c, is_skb_forwardable: a veth drops what is longer than the receiving end's MTU.
    this.#lose(at, trail, 'mtu-too-small', mtuFacts(at, this.#frame.lengthBytes));
    return true;
  }

  #lose(at: At, trail: readonly Step[], cause: CauseCode, facts: Facts): void {
    this.losses.push({ at, cause, facts, trail });
  }
}

export function mtuFacts(at: At, lengthBytes: number): Facts {
  return {
    interface: labelOf(at),
    mtu: String(at.link.mtuBytes),
    size: String(lengthBytes),
    command: inNamespace(at.stack, `ip link set ${at.link.name} mtu ${lengthBytes}`),
  };
}

function vlanFacts(at: At, vlan: number | undefined, verb: string): Facts {
  const vid = vlan ?? 1;
  return {
    interface: labelOf(at),
    vlan: vlan === undefined ? 'no VLAN' : `VLAN ${vlan}`,
    verb,
    command: inNamespace(at.stack, `bridge vlan add dev ${at.link.name} vid ${vid} pvid untagged`),
  };
}

function defaultVlans(bridge: Link): readonly PortVlan[] {
  const pvid = bridge.bridge?.defaultPvid ?? 1;
  return pvid === 0 ? [] : [{ first: pvid, last: pvid, pvid: true, untagged: true }];
}

function sameVlan(a: number | undefined, b: number | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

function fdbEvidence({ stack, link }: At, text: string): Evidence {
  return { kind: 'fdb', text, command: inNamespace(stack, `bridge fdb show br ${link.name}`) };
}
