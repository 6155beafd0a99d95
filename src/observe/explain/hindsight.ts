/**
 * @module What a stop becomes in the light of the whole way: where the packet went no further is not always where the fault
 * is.
 */

import type { Address } from '../../ipam/index.ts';
import type { FlowQuestion } from './explain.ts';
import { keptInside, publishCommand } from './judge.ts';
import { type At, downFacts, inNamespace, labelOf, type Model, type Stack } from './model.ts';
import { type Facts, Stop } from './outcome.ts';
import { endpointText } from './packet.ts';
import type { Walk } from './walk.ts';

/** What a stop becomes in the light of the whole way. */
export function inHindsight(model: Model, walk: Walk, stop: Stop, question: FlowQuestion): Stop {
  const { stale, packet, direction } = walk;
  // Two answered, and what stops the packet on the way to one may not on the way to the other.
  const [rival] = walk.rivals;
  if (rival !== undefined) return duplicate(rival.address, rival.first, rival.second);
  if (stale !== undefined && stop.cause !== 'conntrack-stale') {
    return new Stop(
      'conntrack-stale',
      { namespace: stale.stack.name, interface: stop.at.interface },
      { namespace: stale.stack.name, destination: stale.destination, command: stale.command },
    );
  }
  const nobody = stop.cause === 'neighbour-failed' || stop.cause === 'different-segment' || stop.cause === 'no-route';
  const cut = nobody && direction === 'forward' ? cutOff(model, packet.destination, question.meant) : undefined;
  if (cut !== undefined) return cut;
  if (
    nobody &&
    direction === 'forward' &&
    packet.connection.dnat &&
    walk.dnatRule !== undefined &&
    model.owners(packet.destination).length === 0
  ) {
    return new Stop('dnat-nowhere', stop.at, {
      destination: endpointText(packet.destination, packet.destinationPort),
      place: walk.dnatRule,
      command: 'pontoon doctor',
    });
  }
  const shadow = behindDownLink(model, walk);
  if (shadow !== undefined && (nobody || stop.cause === 'no-return-route')) return shadow;
  if (stop.cause === 'no-route') return keptInside(model, stop) ?? stop;
  if (stop.cause === 'hairpin-off') return duplicateMac(model, walk, stop) ?? stop;
  if (stop.cause === 'no-listener' || stop.cause === 'listener-loopback')
    return closedPort(model, stop, walk, question) ?? stop;
  if (stop.cause === 'no-return-route')
    return lacksMasquerade(model, walk, stop) ?? wrongPrefix(model, walk, stop) ?? stop;
  if (stop.cause === 'neighbour-failed')
    return wrongPrefix(model, walk, stop) ?? duplicateMac(model, walk, stop) ?? stop;
  if (stop.cause === 'different-segment') return duplicateMac(model, walk, stop) ?? stop;
  return stop;
}

/** The kernel takes the routes of a link that is down away; the packet then went by another one, or by none. */
function behindDownLink(model: Model, { hops, packet, direction }: Walk): Stop | undefined {
  const passed = new Set(hops.filter((hop) => hop.direction === direction).map(({ namespace }) => namespace));
  for (const stack of model.stacks) {
    if (!passed.has(stack.name)) continue;
    const owned = stack.owned.find(({ prefix, link }) => !link.up && prefix.contains(packet.destination));
    if (owned === undefined) continue;
    return linkDown({ stack, link: owned.link });
  }
  return undefined;
}

/**
 * The one who is meant is cut off: its interface is down, or the other end of its cable, or the bridge behind that. IPv6
 * addresses go with a link that goes down, so that nothing else may be left to tell.
 */
function cutOff(model: Model, destination: Address, meant: string | undefined): Stop | undefined {
  const stack = model.stack(meant);
  if (stack === undefined) return undefined;
  const owned = stack.owner(destination);
  const links = owned === undefined ? [...stack.links].filter(({ kind }) => kind !== 'loopback') : [owned.link];
  for (const link of links) {
    const peer = model.at(link.peer);
    const bridge = peer?.stack.link(peer.link.master);
    const chain: At[] = [
      { stack, link },
      ...(peer === undefined ? [] : [peer]),
      ...(peer === undefined || bridge === undefined ? [] : [{ stack: peer.stack, link: bridge }]),
    ];
    const down = chain.find((at) => !at.link.up);
    if (down !== undefined) return linkDown(down);
  }
  return undefined;
}

function linkDown(at: At): Stop {
  const { stack, link } = at;
  return new Stop('link-down', { namespace: stack.name, interface: link.name }, downFacts(at));
}

/** Nobody listens at the host's address: perhaps a container does, behind a port that is not published, or elsewhere. */
function closedPort(model: Model, stop: Stop, { packet }: Walk, { port }: FlowQuestion): Stop | undefined {
  const stack = model.stacks.find(({ name }) => name === stop.at.namespace);
  if (stack?.isHost !== true || port === undefined) return undefined;
  const { containers } = model.snapshot;
  const asked = endpointText(packet.destination, port);
  for (const container of containers) {
    const binding =
      container.ports.find(({ hostPort, protocol }) => hostPort === port && protocol === packet.protocol) ??
      container.ports.find(
        ({ containerPort, hostPort, protocol }) =>
          containerPort === port && hostPort !== undefined && protocol === packet.protocol,
      );
    if (binding?.hostPort === undefined) continue;
    return new Stop('published-elsewhere', stop.at, {
      container: container.name,
      port: String(binding.containerPort),
      binding: `${binding.hostAddress}:${binding.hostPort}`,
      asked,
    });
  }
  const listening = containers.find((container) =>
    model
      .stack(container.namespace)
      ?.namespace.sockets.some((socket) => socket.port === port && socket.protocol === packet.protocol),
  );
  if (listening === undefined || listening.networkMode === 'host') return undefined;
  return new Stop('not-published', stop.at, {
    container: listening.name,
    port: String(port),
    ...publishCommand(listening, listening.name, port),
  });
}

/** The receiver knows no way back to a source that a router on the way should have hidden. */
function lacksMasquerade(model: Model, walk: Walk, stop: Stop): Stop | undefined {
  const { direction } = walk;
  if (direction !== 'return') return undefined;
  const router = walk.routers.at(-1);
  const receiver = model.stacks.find(({ name }) => name === stop.at.namespace);
  if (router === undefined || receiver === undefined) return undefined;
  // A router between a bridge of its own and a link that is no bridge: the outside is beyond it.
  if (router.input.kind !== 'bridge' || router.output.kind === 'bridge') return undefined;
  return new Stop(
    'masquerade-missing',
    stop.at,
    masqueradeFacts(
      walk,
      model,
      { stack: receiver, link: [...receiver.links][0] ?? router.output },
      walk.packet.destination,
    ),
  );
}

export function masqueradeFacts(walk: Walk, model: Model, { stack: receiver }: At, source: Address): Facts {
  const router = walk.routers.at(-1);
  const network = model.snapshot.networks.find(({ bridge }) => bridge !== undefined && bridge === router?.input.name);
  const stack = router?.stack;
  const command =
    network?.engine === 'pontoon'
      ? 'pontoon reconcile'
      : stack === undefined
        ? undefined
        : inNamespace(stack, `nft add rule ip nat postrouting oifname ${router?.output.name ?? ''} masquerade`);
  return {
    receiver: receiver.name,
    source: source.toString(),
    namespace: stack?.name ?? 'the host',
    ...(command === undefined ? {} : { command }),
  };
}

/** Both are on one segment, and one of them has a prefix that leaves the other out. */
function wrongPrefix(model: Model, walk: Walk, stop: Stop): Stop | undefined {
  const { packet, routers } = walk;
  // With a router between them they need not take each other for neighbours.
  if (routers.length > 0) return undefined;
  const [near, far] = [packet.source, packet.destination];
  const nearOwner = model.owners(near)[0];
  const farOwner = model.owners(far)[0];
  if (nearOwner === undefined || farOwner === undefined || nearOwner.stack === farOwner.stack) return undefined;
  const nearHas = nearOwner.owned.prefix.contains(far);
  const farHas = farOwner.owned.prefix.contains(near);
  if (nearHas === farHas) return undefined;
  const [wide, narrow] = nearHas ? [nearOwner, farOwner] : [farOwner, nearOwner];
  const longer = narrow.owned.prefix.length > wide.owned.prefix.length;
  if (!longer || !wide.owned.prefix.contains(narrow.owned.address)) return undefined;
  return new Stop(
    'wrong-prefix',
    { namespace: narrow.stack.name, interface: narrow.owned.link.name },
    {
      near: labelOf({ stack: wide.stack, link: wide.owned.link }),
      far: narrow.owned.address.toString(),
      farAddress: `${narrow.owned.address}/${narrow.owned.prefix.length}`,
      command: inNamespace(
        narrow.stack,
        `ip addr replace ${narrow.owned.address}/${wide.owned.prefix.length} dev ${narrow.owned.link.name}`,
      ),
      ...(stop.facts.address === undefined ? {} : { address: stop.facts.address }),
    },
  );
}

/** Two interfaces with one MAC on one bridge. */
function duplicateMac(model: Model, { packet }: Walk, stop: Stop): Stop | undefined {
  const ends = [packet.source, packet.destination]
    .flatMap((address) => model.owners(address))
    .map(({ stack, owned: { link } }) => ({ stack, link }));
  for (const end of ends) {
    if (end.link.mac === undefined || end.link.kind === 'loopback') continue;
    const twin = model.stacks
      .flatMap((stack) => [...stack.links].map((link) => ({ stack, link })))
      .find(({ link }) => link !== end.link && link.mac === end.link.mac && link.kind === end.link.kind);
    if (twin === undefined) continue;
    return new Stop('duplicate-mac', stop.at, {
      first: labelOf(end),
      second: labelOf(twin),
      mac: end.link.mac,
      command: inNamespace(twin.stack, `ip link set ${twin.link.name} address 02:00:00:00:00:01`),
    });
  }
  return undefined;
}

/** It arrived, but not where it was meant to. */
export function elsewhere(model: Model, walk: Walk, arrived: At, meant: Stack, destination: Address): Stop {
  const rival = walk.rivals[0];
  const owner = meant.owner(walk.packet.destination);
  const place = { namespace: arrived.stack.name, interface: arrived.link.name };
  if (rival !== undefined || owner !== undefined) {
    return duplicate(
      walk.packet.destination,
      owner === undefined ? arrived : { stack: meant, link: owner.link },
      arrived,
    );
  }
  const container = model.containerIn(meant);
  if (container !== undefined && walk.packet.connection.dnat) {
    return new Stop('published-elsewhere', place, {
      container: container.name,
      port: String(walk.packet.destinationPort ?? ''),
      binding: 'another container',
      asked: destination.toString(),
    });
  }
  return new Stop('neighbour-failed', place, { interface: labelOf(arrived), address: destination.toString() });
}

export function duplicate(address: Address, first: At, second: At): Stop {
  return new Stop(
    'duplicate-address',
    { namespace: second.stack.name, interface: second.link.name },
    {
      address: address.toString(),
      first: labelOf(first),
      second: labelOf(second),
      command: inNamespace(
        second.stack,
        `ip addr del ${address}/${second.stack.owner(address)?.prefix.length ?? 32} dev ${second.link.name}`,
      ),
    },
  );
}
