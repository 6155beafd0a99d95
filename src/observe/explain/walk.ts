/**
 * @module Takes one packet through the network stacks of a snapshot as the kernel would, and its answer back.
 *
 * Each step leaves evidence at the hop where it was taken. A packet that goes no further ends in a thrown Stop, one that
 * leaves what the snapshot knows in a thrown Beyond.
 */

import type { Address } from '../../ipam/index.ts';
import type { Link, Flow as TrackedFlow } from '../snapshot/types.ts';
import { tryAddress } from './filter/nft-data.ts';
import { placeOf, removalOf } from './filter/owner.ts';
import type { Hook, Rewrite } from './filter/packet.ts';
import { type Carried, carry, type Delivery, type Loss } from './frame.ts';
import { droppedByRule, refineLoss } from './judge.ts';
import { checkListener } from './listener.ts';
import { type At, downFacts, inNamespace, labelOf, type Model, type Stack } from './model.ts';
import { resolveNeighbour, sourceFacts, worst } from './neighbour.ts';
import { Beyond, type Direction, type Evidence, type Hop, Stop } from './outcome.ts';
import { Packet, PROTOCOL_NUMBERS, type Tuple } from './packet.ts';
import {
  chooseSource,
  describeRoute,
  isLoopback,
  kindOfAddress,
  LEADS_NOWHERE,
  lookUpRoute,
  type RouteResult,
  refusesSource,
} from './route.ts';

export interface Flow {
  readonly from: Stack;
  /** The interface that it must leave by. */
  readonly outgoing?: Link | undefined;
  /** The source address that it must have. */
  readonly source?: Address | undefined;
  /** It comes from beyond `outgoing`: the walk begins where it enters `from`. */
  readonly entersFromOutside?: boolean | undefined;
  readonly destination: Address;
  readonly protocol: 'icmp' | 'tcp' | 'udp' | 'sctp';
  readonly port?: number | undefined;
  readonly fromPort?: number | undefined;
  /** The IP packet's length. */
  readonly lengthBytes: number;
}

/** How many routers a packet may pass: more is a loop. */
const ROUTERS_MAX = 32;

interface Tracked {
  readonly stack: Stack;
  readonly original: Tuple;
  reply: Tuple | undefined;
}

export class Walk {
  readonly hops: Hop[] = [];
  readonly doubts = new Set<string>();
  /** Others who claim an address or a MAC on the way. */
  readonly rivals: { readonly address: Address; readonly first: At; readonly second: At }[] = [];
  /** Stacks that forwarded the packet on its way there. */
  readonly routers: { readonly stack: Stack; readonly input: Link; readonly output: Link }[] = [];
  readonly packet: Packet;
  /** A flow that is tracked from before and goes elsewhere than the rules would send it now. */
  stale: { readonly stack: Stack; readonly destination: string; readonly command: string } | undefined;
  /** The rule that rewrote the destination. */
  dnatRule: string | undefined;
  direction: Direction = 'forward';
  readonly #model: Model;
  readonly #flow: Flow;
  readonly #tracked: Tracked[] = [];
  #passed = 0;

  constructor(model: Model, flow: Flow) {
    this.#model = model;
    this.#flow = flow;
    this.packet = new Packet(flow);
  }

  /** The way there. @throws Stop; Beyond */
  go(): At {
    const { from, outgoing, source, entersFromOutside } = this.#flow;
    if (!entersFromOutside || outgoing === undefined) return this.#send(from, outgoing, source);
    const at = { stack: from, link: outgoing };
    this.#arriveAt(at);
    if (!outgoing.up) {
      throw new Stop('link-down', place(from, outgoing), downFacts(at));
    }
    return this.#receive(at);
  }

  /** The answer's way, from where the packet arrived. @throws Stop; Beyond */
  comeBack(arrived: At): At {
    this.direction = 'return';
    this.#passed = 0;
    this.packet.turnBack(this.#flow.lengthBytes);
    return this.#send(arrived.stack, undefined, this.packet.source);
  }

  // ---- a packet of the namespace's own ----

  #send(stack: Stack, outgoing: Link | undefined, fixed: Address | undefined): At {
    const { packet } = this;
    this.#requireFamily(stack);
    let route = this.#route(stack, { outgoing, source: fixed });
    const source = fixed ?? chooseSource(stack, route, packet.destination);
    if (source === undefined) throw this.#familyMissing(stack, route.link);
    if (kindOfAddress(stack, source) !== 'local') {
      throw new Stop('wrong-source', place(stack, route.link), {
        namespace: stack.name,
        source: source.toString(),
        command: inNamespace(stack, 'ip addr show'),
      });
    }
    packet.source = source;
    const link = route.link ?? stack.linkNamed('lo');
    if (link === undefined) throw this.#noRoute(stack);
    this.#arriveAt({ stack, link: route.type === 'local' ? (stack.linkNamed('lo') ?? link) : link });
    this.#note({
      kind: 'route',
      text: describeRoute(route),
      command: inNamespace(stack, `ip route get ${packet.destination}`),
    });
    if (fixed === undefined)
      this.#note({
        kind: 'source',
        text: `source ${source}`,
        command: inNamespace(stack, `ip route get ${packet.destination}`),
      });

    this.#beginTracking(stack);
    const { destination } = packet;
    this.#hook('output', stack, undefined, route.type === 'local' ? 'lo' : link.name);
    this.#followTracked(stack);
    if (!packet.destination.equals(destination)) {
      // ip_route_me_harder: the destination was rewritten, so the way is another.
      route = this.#route(stack, { source });
      this.#note({
        kind: 'route',
        text: describeRoute(route),
        command: inNamespace(stack, `ip route get ${packet.destination}`),
      });
      const out = route.link;
      if (route.type !== 'local' && out !== undefined) {
        this.#requireLocalnet(stack, out, source);
        this.#arriveAt({ stack, link: out });
      }
    }
    if (route.type === 'local') {
      const lo = stack.linkNamed('lo');
      if (lo === undefined || !lo.up) {
        throw new Stop('link-down', place(stack, lo), {
          interface: lo === undefined ? 'lo' : labelOf({ stack, link: lo }),
          command: inNamespace(stack, 'ip link set lo up'),
        });
      }
      this.#hook('postrouting', stack, undefined, 'lo');
      this.#endTracking(stack);
      return this.#deliver({ stack, link: lo });
    }
    return this.#leave(stack, route, undefined);
  }

  #requireFamily(stack: Stack): void {
    const { family } = this.packet;
    const some = stack.owned.some(({ address }) => address.family === family);
    if (!some) throw this.#familyMissing(stack, undefined);
  }

  #familyMissing(stack: Stack, link: Link | undefined): Stop {
    const { family, destination } = this.packet;
    return new Stop('family-missing', place(stack, link), {
      namespace: stack.name,
      family: `IPv${family}`,
      destination: destination.toString(),
      command: inNamespace(stack, `ip -${family} addr show`),
    });
  }

  #route(
    stack: Stack,
    { outgoing, source }: { outgoing?: Link | undefined; source?: Address | undefined },
  ): RouteResult {
    const { packet } = this;
    const route = lookUpRoute(stack, {
      destination: packet.destination,
      source,
      outgoing,
      mark: packet.mark,
      protocolNumber: PROTOCOL_NUMBERS[packet.protocol],
    });
    const leads = route !== undefined && !LEADS_NOWHERE.has(route.type);
    // net/ipv4/route.c: with an interface given and no way found, the destination is taken to be on its link.
    if (!leads && outgoing !== undefined && packet.family === 4)
      return { type: 'unicast', route: undefined, link: outgoing, via: undefined, table: 0 };
    if (route === undefined) throw this.#noRoute(stack);
    if (LEADS_NOWHERE.has(route.type)) throw this.#blackhole(stack, route);
    return route;
  }

  #noRoute(stack: Stack): Stop {
    const { packet } = this;
    const usable = stack.owned.some(
      ({ address, link }) =>
        address.family === packet.family &&
        link.name !== 'lo' &&
        !(packet.family === 6 && address.value >> 118n === 0x3fan),
    );
    const down = [...stack.links].find(
      (link) =>
        link.name !== 'lo' &&
        !link.up &&
        stack.addressesOf(link, packet.family).some(({ prefix }) => prefix.contains(packet.destination)),
    );
    // The kernel takes the routes of an interface away when it goes down.
    if (down !== undefined) {
      return new Stop('link-down', place(stack, down), downFacts({ stack, link: down }));
    }
    const lone = [...stack.links].filter(({ name }) => name !== 'lo');
    const [only] = lone;
    if (only !== undefined && lone.every(({ up }) => !up)) {
      return new Stop('link-down', place(stack, only), downFacts({ stack, link: only }));
    }
    if (!usable && this.direction === 'forward') return this.#familyMissing(stack, only);
    const [link] = lone;
    return new Stop(this.direction === 'return' ? 'no-return-route' : 'no-route', place(stack, link), {
      namespace: stack.name,
      destination: packet.destination.toString(),
      command: inNamespace(
        stack,
        `ip route add ${packet.destination} ${this.#gatewayHint(stack) ?? `dev ${link?.name ?? 'eth0'}`}`,
      ),
    });
  }

  /** A router that the namespace could use: another namespace's address on one of its subnets that forwards. */
  #gatewayHint(stack: Stack): string | undefined {
    for (const { address, prefix, link } of stack.owned) {
      if (address.family !== this.packet.family || link.name === 'lo') continue;
      for (const other of this.#model.stacks) {
        if (other === stack) continue;
        const gateway = other.owned.find(
          (one) =>
            one.address.family === address.family &&
            prefix.contains(one.address) &&
            (one.link.ipv4?.forwarding ?? one.link.kind === 'bridge'),
        );
        if (gateway !== undefined) return `via ${gateway.address}`;
      }
    }
    return undefined;
  }

  #blackhole(stack: Stack, { type, route, rule, table }: RouteResult): Stop {
    const { destination, family } = this.packet;
    const removal =
      route === undefined
        ? `ip -${family} rule del priority ${rule?.priority ?? 0}`
        : `ip route del ${type} ${route.destination}${table === 254 ? '' : ` table ${table}`}`;
    return new Stop('blackhole-route', place(stack, undefined), {
      namespace: stack.name,
      destination: destination.toString(),
      type,
      command: inNamespace(stack, removal),
    });
  }

  // ---- a packet that comes in ----

  #receive(at: At): At {
    const { packet } = this;
    const { stack, link } = at;
    if (packet.family === 6 && (link.ipv6 === undefined || link.ipv6.disabled)) throw this.#familyMissing(stack, link);
    this.#hook('ingress', stack, link.name, undefined);
    this.#beginTracking(stack);
    this.#hook('prerouting', stack, link.name, undefined);
    this.#translateAnswerDestination(stack);
    this.#followTracked(stack);
    const refused = refusesSource(stack, link, packet.source, packet.destination, packet.mark);
    if (refused !== undefined)
      throw new Stop(
        refused,
        place(stack, link),
        refused === 'martian' ? martianFacts(at, packet.source) : sourceFacts(at, packet.source),
      );
    if (link.name !== 'lo' && isLoopback(packet.destination)) this.#requireLocalnet(stack, link, packet.destination);
    const route = lookUpRoute(stack, {
      destination: packet.destination,
      source: packet.source,
      incoming: link.name,
      mark: packet.mark,
      protocolNumber: PROTOCOL_NUMBERS[packet.protocol],
    });
    if (route === undefined) throw this.#noRoute(stack);
    if (LEADS_NOWHERE.has(route.type)) throw this.#blackhole(stack, route);
    if (route.type === 'local' || route.type === 'anycast') return this.#deliver(at);
    return this.#forward(at, route);
  }

  #requireLocalnet(stack: Stack, link: Link, address: Address): void {
    if (address.family !== 4 || !isLoopback(address) || link.name === 'lo') return;
    if (stack.namespace.settings.ipv4.all.routeLocalnet || link.ipv4?.routeLocalnet) return;
    throw new Stop('route-localnet-off', place(stack, link), {
      interface: labelOf({ stack, link }),
      command: inNamespace(stack, `sysctl -w net.ipv4.conf.${link.name}.route_localnet=1`),
    });
  }

  #forward({ stack, link: input }: At, route: RouteResult): At {
    const { packet } = this;
    const output = route.link;
    if (output === undefined) throw this.#noRoute(stack);
    const on = packet.family === 4 ? input.ipv4?.forwarding : (stack.namespace.settings.ipv6?.all.forwarding ?? 0) > 0;
    if (!on) {
      const command =
        packet.family === 4
          ? `sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.${input.name}.forwarding=1`
          : 'sysctl -w net.ipv6.conf.all.forwarding=1';
      throw new Stop('forwarding-off', place(stack, input), {
        namespace: stack.name,
        command: inNamespace(stack, command),
      });
    }
    this.#passed += 1;
    if (this.#passed > ROUTERS_MAX)
      throw new Stop('routing-loop', place(stack, input), {
        namespace: stack.name,
        command: inNamespace(stack, `ip route get ${packet.destination}`),
      });
    if (this.direction === 'forward') this.routers.push({ stack, input, output });
    this.#note({
      kind: 'route',
      text: describeRoute(route),
      command: inNamespace(stack, `ip route get ${packet.destination} from ${packet.source} iif ${input.name}`),
    });
    this.#hook('forward', stack, input.name, output.name);
    return this.#leave(stack, route, input.name);
  }

  // ---- out ----

  #leave(stack: Stack, route: RouteResult, input: string | undefined): At {
    const { packet } = this;
    const link = route.link as Link;
    const at = { stack, link };
    if (this.hops.at(-1)?.label !== labelOf(at)) this.#arriveAt(at);
    this.#hook('postrouting', stack, input, link.name, route);
    this.#translateAnswerSource(stack);
    this.#endTracking(stack);
    if (input === undefined) this.#requireLocalnet(stack, link, packet.source);
    if (!link.up) throw new Stop('link-down', place(stack, link), downFacts(at));
    const limit = Math.min(link.mtuBytes, route.route?.mtuBytes ?? link.mtuBytes);
    if (packet.lengthBytes > limit) {
      this.#note({
        kind: 'mtu',
        text: `${packet.lengthBytes} bytes do not fit the MTU of ${limit}: sent in pieces, or the sender is told to make them smaller`,
        command: inNamespace(stack, `ip link show ${link.name}`),
      });
      packet.lengthBytes = limit;
    }
    const next = route.via ?? packet.destination;
    const mac = this.#macOf(at, next);
    return this.#receiveOne(at, mac, next);
  }

  #macOf(at: At, next: Address): { mac: string; known: boolean } {
    const { link } = at;
    if (link.mac === undefined || link.noArp || link.pointToPoint || link.kind === 'tun' || link.kind === 'loopback')
      return { mac: '', known: false };
    const source =
      kindOfAddress(at.stack, this.packet.source) === 'local'
        ? this.packet.source
        : (at.stack.addressesOf(link, this.packet.family)[0]?.address ?? this.packet.source);
    const resolved = resolveNeighbour(this.#model, at, next, source);
    for (const evidence of resolved.evidence) this.#note(evidence);
    const [rival] = resolved.rivals;
    if (rival !== undefined) {
      const owner = this.#model.owners(next)[0];
      this.rivals.push({
        address: next,
        first: owner === undefined ? at : { stack: owner.stack, link: owner.owned.link },
        second: rival,
      });
    }
    return { mac: resolved.mac, known: resolved.entry !== undefined };
  }

  /** Sends the frame; the stack that takes it goes on. */
  #receiveOne(at: At, { mac }: { mac: string; known: boolean }, next: Address): At {
    const { packet } = this;
    const carried = carry(this.#model, at, {
      sourceMac: at.link.mac ?? '',
      destinationMac: mac === '' ? (this.#model.at(at.link.peer)?.link.mac ?? '') : mac,
      lengthBytes: packet.lengthBytes,
      filter: (stack, bridge, inputPort, outputPort) => this.#bridgeFilter(stack, bridge, inputPort, outputPort),
    });
    const delivery = this.#choose(carried);
    if (delivery === undefined) throw this.#undelivered(at, mac, next, carried);
    for (const { at: passed, evidence } of delivery.trail) {
      this.#arriveAt(passed);
      for (const one of evidence) this.#note(one);
    }
    if (this.hops.at(-1)?.label !== labelOf(delivery.at)) this.#arriveAt(delivery.at);
    return this.#receive(delivery.at);
  }

  #choose({ deliveries }: Carried): Delivery | undefined {
    const owning = deliveries.find(({ at: { stack } }) => kindOfAddress(stack, this.packet.destination) === 'local');
    return owning ?? deliveries[0];
  }

  #undelivered(at: At, mac: string, next: Address, { losses, beyond }: Carried): Stop | Beyond {
    const loss: Loss | undefined = worst(losses) ?? losses[0];
    if (loss !== undefined) {
      for (const { at: passed, evidence } of loss.trail) {
        this.#arriveAt(passed);
        for (const one of evidence) this.#note(one);
      }
      return refineLoss(this.#model, loss, { at, mac, next });
    }
    const [further] = beyond;
    if (further !== undefined) {
      for (const { at: passed } of further.trail) this.#arriveAt(passed);
      return new Beyond(place(further.at.stack, further.at.link), further.reason);
    }
    return refineLoss(this.#model, { at, cause: 'neighbour-wrong', facts: {}, trail: [] }, { at, mac, next });
  }

  // ---- packet filters and connection tracking ----

  #hook(hook: Hook, stack: Stack, input: string | undefined, output: string | undefined, route?: RouteResult): void {
    const { filter } = stack;
    if (!filter.has(hook)) return;
    const { packet } = this;
    packet.visit(stack, input, output);
    const result = filter.run(hook, packet, {
      mayTranslate: packet.state === 'new' && !(hook === 'prerouting' && input === 'lo'),
      ...(input === undefined ? {} : { device: input }),
      rewritten: (rewrite) => this.#rewrite(stack, rewrite, hook, route, input, output),
    });
    for (const doubt of result.doubts) this.doubts.add(`${stack.name}: ${doubt.text}`);
    if (result.rewrite !== undefined) {
      const { rule } = result.rewrite;
      if (hook === 'prerouting' || hook === 'output') this.dnatRule = `${rule.table} ${rule.chain}: ${rule.text}`;
      this.#note({
        kind: 'nat',
        text: `${packet.describeLastRewrite()} (${rule.family} ${rule.table} ${rule.chain}${rule.handle === undefined ? '' : ` handle ${rule.handle}`})`,
        command: inNamespace(
          stack,
          removalOf(rule)
            .replace('delete rule', 'list chain')
            .replace(/ handle \d+$/, ''),
        ),
      });
    }
    if (result.verdict === 'unknown')
      throw new Beyond(
        place(stack, stack.linkNamed(output ?? input ?? '')),
        `${result.rule?.text ?? 'a rule'} hands the packet to somebody else`,
      );
    if (result.verdict === 'drop' && result.rule !== undefined) {
      this.#note({
        kind: 'filter',
        text: `${hook}: dropped by ${placeOf(result.rule)}: ${result.rule.text}`,
        command: undefined,
      });
      throw droppedByRule(this.#model, {
        stack,
        hook,
        input,
        output,
        rule: result.rule,
        packet,
        from: this.#flow.from,
        port: this.#flow.port,
      });
    }
    const last = result.passed.at(-1);
    if (last !== undefined && result.rewrite === undefined)
      this.#note({
        kind: 'filter',
        text: `${hook}: let through by ${placeOf(last)}: ${last.text}`,
        command: undefined,
      });
  }

  /** br_netfilter hands a bridge's IP packets to the same hooks. */
  #bridgeFilter(stack: Stack, bridge: Link, inputPort: Link, outputPort: Link | undefined): void {
    const { packet } = this;
    const settings = stack.namespace.settings.bridge;
    const asked =
      packet.family === 4
        ? (settings?.callIptables ?? false) || bridge.bridge?.callIptables
        : (settings?.callIp6tables ?? false) || bridge.bridge?.callIp6tables;
    if (settings === undefined || !asked || outputPort === undefined) return;
    packet.ports(inputPort.name, outputPort.name);
    try {
      this.#beginTracking(stack);
      this.#hook('prerouting', stack, bridge.name, undefined);
      this.#hook('forward', stack, bridge.name, bridge.name);
      this.#hook('postrouting', stack, bridge.name, bridge.name);
      this.#translateAnswerSource(stack);
      this.#endTracking(stack);
    } finally {
      packet.ports(undefined, undefined);
    }
  }

  #rewrite(
    stack: Stack,
    rewrite: Rewrite,
    hook: Hook,
    route: RouteResult | undefined,
    input: string | undefined,
    output: string | undefined,
  ): void {
    const { packet } = this;
    if (rewrite.kind === 'dnat' || rewrite.kind === 'redirect') {
      const incoming = stack.linkNamed(input ?? '');
      const own =
        rewrite.kind === 'redirect'
          ? hook === 'output'
            ? tryAddress(packet.family === 4 ? '127.0.0.1' : '::1')
            : incoming === undefined
              ? undefined
              : stack.addressesOf(incoming, packet.family)[0]?.address
          : rewrite.address;
      packet.rewriteDestination(own, rewrite.ports);
      return;
    }
    const link = stack.linkNamed(output ?? '');
    const masqueraded =
      route === undefined || link === undefined
        ? undefined
        : chooseSource(stack, { ...route, route: undefined, link }, packet.destination);
    packet.rewriteSource(rewrite.kind === 'snat' ? rewrite.address : masqueraded);
  }

  #beginTracking(stack: Stack): void {
    const { packet } = this;
    if (!stack.filter.tracks) {
      packet.state = 'untracked';
      return;
    }
    const known = this.#tracked.find((one) => one.stack === stack && packet.matches(one.reply));
    const begun = this.#tracked.find((one) => one.stack === stack && packet.matches(one.original));
    packet.state =
      known !== undefined || (begun !== undefined && this.direction === 'return')
        ? 'established'
        : this.direction === 'return' && packet.protocol !== 'udp'
          ? 'invalid'
          : 'new';
    if (known === undefined && begun === undefined)
      this.#tracked.push({ stack, original: packet.tuple, reply: undefined });
  }

  #endTracking(stack: Stack): void {
    const entry = this.#tracked.findLast((one) => one.stack === stack);
    if (entry !== undefined && entry.reply === undefined && this.direction === 'forward')
      entry.reply = this.packet.reversedTuple;
  }

  #translateAnswerDestination(stack: Stack): void {
    const { packet } = this;
    if (this.direction !== 'return') return;
    const entry = this.#tracked.find((one) => one.stack === stack && packet.matches(one.reply));
    packet.answering = entry?.original;
    if (entry === undefined || packet.destination.equals(entry.original.source)) return;
    packet.rewriteDestination(
      entry.original.source,
      entry.original.sourcePort === undefined ? undefined : [entry.original.sourcePort, entry.original.sourcePort],
    );
    this.#note({
      kind: 'nat',
      text: `${packet.describeLastRewrite()} (the answer is translated back)`,
      command: inNamespace(stack, 'conntrack -L'),
    });
  }

  #translateAnswerSource(stack: Stack): void {
    const { packet } = this;
    if (this.direction !== 'return') return;
    const original =
      packet.answering ?? this.#tracked.find((one) => one.stack === stack && packet.matches(one.reply))?.original;
    packet.answering = undefined;
    if (original === undefined || packet.source.equals(original.destination)) return;
    packet.rewriteSource(original.destination, original.destinationPort);
    this.#note({
      kind: 'nat',
      text: `${packet.describeLastRewrite()} (the answer is translated back)`,
      command: inNamespace(stack, 'conntrack -L'),
    });
  }

  /** A flow that is tracked already goes where it went, whatever the rules say now. */
  #followTracked(stack: Stack): void {
    const { packet } = this;
    if (this.direction === 'return' || packet.state !== 'new') return;
    const { original } = this.#tracked.findLast((one) => one.stack === stack) ?? {};
    const flow = original === undefined ? undefined : findTracked(stack, packet.protocol, original);
    if (flow === undefined) return;
    const server = tryAddress(flow.reply.source);
    if (
      server === undefined ||
      (server.equals(packet.destination) && flow.reply.sourcePort === (packet.destinationPort ?? 0))
    )
      return;
    const command = inNamespace(
      stack,
      `conntrack -D -p ${packet.protocol} --orig-dst ${flow.original.destination} --dport ${flow.original.destinationPort}`,
    );
    this.stale = { stack, destination: server.toString(), command };
    packet.rewriteDestination(server, [flow.reply.sourcePort, flow.reply.sourcePort]);
    this.#note({
      kind: 'nat',
      text: `tracked already: goes to ${server}`,
      command: inNamespace(stack, 'conntrack -L'),
    });
  }

  // ---- arrival ----

  #deliver(at: At): At {
    this.#translateAnswerSource(at.stack);
    this.#hook('input', at.stack, at.link.name, undefined);
    this.#endTracking(at.stack);
    if (this.direction === 'forward') {
      const evidence = checkListener(at, this.packet);
      if (evidence !== undefined) this.#note(evidence);
    }
    return at;
  }

  #arriveAt(at: At): void {
    const label = labelOf(at);
    if (this.hops.at(-1)?.label === label && this.hops.at(-1)?.direction === this.direction) return;
    this.hops.push({
      direction: this.direction,
      namespace: at.stack.name,
      interface: at.link.name,
      label,
      evidence: [],
    });
  }

  #note(evidence: Evidence): void {
    this.hops.at(-1)?.evidence.push(evidence);
  }
}

function findTracked({ namespace }: Stack, protocol: Packet['protocol'], original: Tuple): TrackedFlow | undefined {
  if (original.sourcePort === undefined || original.destinationPort === undefined) return undefined;
  return namespace.conntrack?.find(
    (flow) =>
      flow.protocol === PROTOCOL_NUMBERS[protocol] &&
      flow.original.source === original.source.toString() &&
      flow.original.destination === original.destination.toString() &&
      flow.original.sourcePort === original.sourcePort &&
      flow.original.destinationPort === original.destinationPort,
  );
}

function martianFacts({ stack, link }: At, source: Address): Record<string, string> {
  return {
    interface: labelOf({ stack, link }),
    source: source.toString(),
    command: inNamespace(stack, `ip addr show to ${source}`),
  };
}

function place(stack: Stack, link: Link | undefined): { namespace: string; interface: string } {
  return { namespace: stack.name, interface: link?.name ?? '' };
}
