/**
 * @module From what happened to why: which of the causes a dropped packet or a lost frame is.
 */

import type { Address } from '../../ipam/index.ts';
import type { Container, ContainerNetwork } from '../snapshot/types.ts';
import { ownerOf, placeOf, removalOf } from './filter/owner.ts';
import type { Hook, RuleReference } from './filter/packet.ts';
import type { Loss } from './frame.ts';
import { type At, inNamespace, labelOf, type Model, type Stack } from './model.ts';
import { stopAt } from './neighbour.ts';
import { Stop } from './outcome.ts';
import type { Packet } from './packet.ts';

const ENGINES: ReadonlySet<string> = new Set(['Pontoon', 'Docker', 'Podman', 'CNI']);

interface Drop {
  readonly stack: Stack;
  readonly hook: Hook;
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly rule: RuleReference;
  readonly packet: Packet;
  readonly from: Stack;
  readonly port: number | undefined;
}

/** A rule dropped the packet: an engine's rule keeps networks apart and ports closed, any other is just a rule. */
export function droppedByRule(model: Model, drop: Drop): Stop {
  const { stack, rule, input, output } = drop;
  const place = { namespace: stack.name, interface: output ?? input ?? '' };
  return (ENGINES.has(ownerOf(rule)) ? keptApart(model, drop, place) : undefined) ?? byRule(drop, place);
}

function byRule({ stack, rule }: Drop, place: Stop['at']): Stop {
  return new Stop('rule-drop', place, {
    owner: ownerOf(rule) === 'unknown' ? 'somebody' : ownerOf(rule),
    namespace: stack.name,
    place: placeOf(rule),
    rule: rule.text === '' ? 'drop' : rule.text,
    command: inNamespace(stack, removalOf(rule)),
  });
}

function keptApart(model: Model, { input, output, packet, from, port }: Drop, place: Stop['at']): Stop | undefined {
  const { networks } = model.snapshot;
  const inside = networks.find(({ bridge }) => bridge !== undefined && bridge === input);
  const target = networks.find(({ bridge }) => bridge !== undefined && bridge === output);
  if (inside === undefined && target === undefined) return undefined;
  const owner = model.owners(packet.destination)[0];
  const receiver = owner === undefined ? undefined : model.containerIn(owner.stack);
  const sender = model.containerIn(from);
  const to = receiver?.name ?? packet.destination.toString();
  if (inside !== undefined && target !== undefined) {
    if (inside.id === target.id) return undefined;
    const [internal] = [inside, target].filter((network) => network.internal);
    return new Stop(internal === undefined ? 'network-isolated' : 'network-internal', place, {
      from: sender?.name ?? from.name,
      to,
      network: internal?.name ?? target.name,
      fromNetwork: inside.name,
      toNetwork: target.name,
      connect: connectCommand(target, sender?.name ?? from.name),
    });
  }
  const only = (inside ?? target) as ContainerNetwork;
  if (only.internal) return new Stop('network-internal', place, { network: only.name });
  if (target === undefined) return undefined;
  const published = receiver?.ports.find(({ containerPort }) => containerPort === packet.destinationPort);
  if (published?.hostPort !== undefined) {
    return new Stop('published-elsewhere', place, {
      container: to,
      port: String(packet.destinationPort),
      binding: `${published.hostAddress}:${published.hostPort}`,
      asked: `${packet.destination}:${packet.destinationPort}`,
    });
  }
  return new Stop('not-published', place, {
    container: to,
    port: String(packet.destinationPort ?? port ?? ''),
    ...(packet.destinationPort === undefined ? {} : publishCommand(receiver, to, packet.destinationPort)),
  });
}

/** A container whose networks are all internal has no route to the outside, by design; undefined: that is not it. */
export function keptInside(model: Model, stop: Stop): Stop | undefined {
  const stack = model.stacks.find(({ name }) => name === stop.at.namespace);
  const container = stack === undefined ? undefined : model.containerIn(stack);
  if (container === undefined) return undefined;
  const networks = model.snapshot.networks.filter(({ engine }) => engine === container.engine);
  const joined = container.networks.map(({ network }) => networks.find(({ name }) => name === network));
  const [internal] = joined;
  if (internal === undefined || !joined.every((network) => network?.internal === true)) return undefined;
  const open = networks.find(({ internal: closed, bridge }) => closed !== true && bridge !== undefined);
  return new Stop('network-internal', stop.at, {
    network: internal.name,
    ...(open === undefined ? {} : { connect: connectCommand(open, container.name) }),
  });
}

/** How to bring a container onto a network, by its own engine. */
export function connectCommand({ engine, name }: ContainerNetwork, container: string): string {
  return `${engine} network connect ${name} ${container}`;
}

/** Only Pontoon publishes on a container that runs. */
export function publishCommand(container: Container | undefined, name: string, port: number): { command?: string } {
  if (container === undefined || container.engine === 'pontoon')
    return { command: `pontoon publish ${name} ${port}:${port}` };
  return { command: `${container.engine} run -p ${port}:${port} ${container.image ?? 'IMAGE'}` };
}

interface Sent {
  readonly at: At;
  readonly mac: string;
  readonly next: Address;
}

/** A frame was lost: what the tables that led it there have to do with it. */
export function refineLoss(model: Model, loss: Loss, { at, mac, next }: Sent): Stop {
  if (loss.cause !== 'neighbour-wrong' && loss.cause !== 'hairpin-off' && loss.cause !== 'fdb-wrong')
    return stopAt(loss);
  const holders = model.stacks.flatMap((stack) =>
    [...stack.links].filter((link) => link.mac === mac && link.kind !== 'bridge').map((link) => ({ stack, link })),
  );
  const [first, second] = holders.filter(({ stack, link }) => !sharesMac(model, { stack, link }, holders));
  if (first !== undefined && second !== undefined) {
    return new Stop(
      'duplicate-mac',
      { namespace: second.stack.name, interface: second.link.name },
      {
        first: labelOf(first),
        second: labelOf(second),
        mac,
        command: inNamespace(second.stack, `ip link set ${second.link.name} address ${localMac(mac)}`),
      },
    );
  }
  for (const { at: passed } of [...loss.trail, { at: loss.at }]) {
    const bridge = passed.link.kind === 'bridge' ? passed.link : passed.stack.link(passed.link.master);
    if (bridge === undefined) continue;
    const entry = passed.stack.namespace.fdb.find(
      (one) =>
        one.bridge === bridge.index &&
        one.mac === mac &&
        one.type !== 'learned' &&
        one.link !== bridge.index &&
        passed.stack.link(one.link)?.mac !== mac,
    );
    if (entry === undefined) continue;
    const port = passed.stack.link(entry.link);
    return new Stop(
      'fdb-wrong',
      { namespace: passed.stack.name, interface: port?.name ?? bridge.name },
      {
        bridge: bridge.name,
        mac,
        interface: port?.name ?? '',
        command: inNamespace(passed.stack, `bridge fdb del ${mac} dev ${port?.name ?? ''} master`),
      },
    );
  }
  if (loss.cause === 'hairpin-off') return stopAt(loss);
  if (loss.cause === 'fdb-wrong' && holders.length > 0)
    return stopAt({
      ...loss,
      facts: {
        command: inNamespace(loss.at.stack, `bridge link set dev ${loss.at.link.name} flood on`),
        ...loss.facts,
      },
    });
  return new Stop(
    'neighbour-wrong',
    { namespace: at.stack.name, interface: at.link.name },
    {
      namespace: at.stack.name,
      address: next.toString(),
      mac,
      command: inNamespace(at.stack, `ip neigh del ${next} dev ${at.link.name}`),
    },
  );
}

/** A macvlan in passthru mode and its parent have one MAC by design. */
function sharesMac(model: Model, { link, stack }: At, holders: readonly At[]): boolean {
  if (link.macvlan?.mode !== 'passthru') return false;
  const lower = model.at({ namespace: link.lower?.namespace ?? stack.namespace.id, index: link.lower?.index ?? 0 });
  return holders.some((other) => other.link === lower?.link);
}

/** Another locally administered address in place of a taken one. */
function localMac(mac: string): string {
  const bytes = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const last = ((bytes[5] ?? 0) + 1) & 0xff;
  return [0x02, ...bytes.slice(1, 5), last].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
