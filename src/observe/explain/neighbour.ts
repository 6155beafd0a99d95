/**
 * @module Who has an address on a link: the neighbour table, else the question by ARP or ND, whom it reaches and who
 * answers (net/ipv4/arp.c, net/ipv6/ndisc.c).
 */

import type { Address } from '../../ipam/index.ts';
import type { CauseCode } from './causes.ts';
import { BROADCAST, type Carried, carry, type Loss } from './frame.ts';
import { type At, inNamespace, labelOf, type Model, type Stack } from './model.ts';
import { Beyond, type Evidence, type Facts, Stop } from './outcome.ts';
import { kindOfAddress, lookUpRoute, refusesSource } from './route.ts';

export interface Resolved {
  readonly mac: string;
  readonly evidence: readonly Evidence[];
  /** More than one interface claims the address. */
  readonly rivals: readonly At[];
  /** It comes from the table, not from a question. */
  readonly entry: string | undefined;
}

/** States in which the kernel uses an entry without asking first (include/net/neighbour.h, NUD_VALID). */
const USABLE = new Set(['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'NOARP']);
const FIXED = new Set(['PERMANENT', 'NOARP']);
const ASK_BYTES = 46;

/** Finds the MAC for an address on a link. @throws Stop when nobody answers */
export function resolveNeighbour(model: Model, at: At, target: Address, source: Address): Resolved {
  const { stack, link } = at;
  const entry = stack.namespace.neighbours.find(
    (one) => one.link === link.index && one.address === target.toString() && one.proxy !== true,
  );
  const command = inNamespace(stack, `ip neigh show ${target} dev ${link.name}`);
  if (entry?.mac !== undefined && USABLE.has(entry.state)) {
    const text = `${target} is at ${entry.mac} (${entry.state}${FIXED.has(entry.state) ? ', set by hand' : ''})`;
    return { mac: entry.mac, entry: entry.state, rivals: [], evidence: [{ kind: 'neighbour', text, command }] };
  }
  const learned = stack.learnedNeighbours.get(`${link.index} ${target}`);
  if (learned !== undefined) {
    return {
      mac: learned,
      entry: undefined,
      rivals: [],
      evidence: [{ kind: 'neighbour', text: `${target} is at ${learned}, as its question told`, command }],
    };
  }
  return ask(model, at, target, source, command);
}

function ask(model: Model, at: At, target: Address, source: Address, command: string): Resolved {
  const { stack, link } = at;
  const sourceMac = link.mac ?? BROADCAST;
  const protocol = target.family === 4 ? 'ARP' : 'ND';
  const asked = carry(model, at, {
    sourceMac,
    destinationMac: target.family === 4 ? BROADCAST : solicitedNodeMac(target),
    lengthBytes: ASK_BYTES,
    asks: true,
  });
  const question: Evidence = {
    kind: 'neighbour',
    text: `${protocol} who has ${target}, tell ${source}: reaches ${asked.deliveries.length} interface${asked.deliveries.length === 1 ? '' : 's'}`,
    command,
  };
  const refusals: Refusal[] = [];
  const answers: { from: At; mac: string; back: Carried; home: boolean }[] = [];
  for (const { at: there } of asked.deliveries) {
    if (there.stack === stack && there.link === link) continue;
    const refusal = refusesToAnswer(there, target, source);
    if (refusal !== undefined) {
      refusals.push({ at: there, ...refusal });
      continue;
    }
    const mac = there.link.mac ?? BROADCAST;
    if (there.stack.owner(target) !== undefined)
      there.stack.learnedNeighbours.set(`${there.link.index} ${source}`, sourceMac);
    const back = carry(model, there, { sourceMac: mac, destinationMac: sourceMac, lengthBytes: ASK_BYTES });
    answers.push({
      from: there,
      mac,
      back,
      home: back.deliveries.some((one) => one.at.stack === stack && one.at.link === link),
    });
  }
  const heard = answers.filter(({ home }) => home);
  const [first] = heard;
  if (first !== undefined) {
    const answer = `answer: ${target} is at ${first.mac} (${labelOf(first.from)})`;
    return {
      mac: first.mac,
      entry: undefined,
      rivals: heard
        .slice(1)
        .filter(({ from: { stack: other } }) => other !== first.from.stack)
        .map(({ from }) => from),
      evidence: [question, { kind: 'neighbour', text: answer, command }],
    };
  }
  const [unheard] = answers;
  const [further] = asked.beyond;
  if (unheard === undefined && further !== undefined && refusals.every(({ cause }) => cause === undefined)) {
    throw new Beyond({ namespace: further.at.stack.name, interface: further.at.link.name }, further.reason);
  }
  if (unheard !== undefined) throw unheardAnswer(at, target, unheard);
  throw unanswered(model, at, target, asked, refusals);
}

interface Refusal {
  readonly at: At;
  readonly cause: CauseCode | undefined;
  readonly facts: Facts;
}

/** Why an interface that hears the question does not answer it; undefined: it answers. `cause` undefined: not its own. */
function refusesToAnswer(
  there: At,
  target: Address,
  source: Address,
): { cause: CauseCode | undefined; facts: Facts } | undefined {
  const { stack, link } = there;
  const owned = stack.owner(target);
  if (target.family === 6) {
    if (owned === undefined || owned.link.index !== link.index) {
      const proxied =
        (link.ipv6?.proxyNdp ?? false) &&
        stack.namespace.neighbours.some(
          ({ proxy, address, link: on }) => proxy && on === link.index && address === target.toString(),
        );
      return proxied ? undefined : { cause: undefined, facts: {} };
    }
    if (owned.entry.tentative || owned.entry.dadFailed) {
      return {
        cause: owned.entry.dadFailed ? 'duplicate-address' : 'neighbour-failed',
        facts: { interface: labelOf(there), address: target.toString() },
      };
    }
    return undefined;
  }
  const { all } = stack.namespace.settings.ipv4;
  const refusedSource = refusesSource(stack, link, source, target, 0);
  const kind = kindOfAddress(stack, target);
  if (kind !== 'local') {
    const proxy = (all.proxyArp ?? false) || (link.ipv4?.proxyArp ?? false);
    if (!proxy || !link.ipv4?.forwarding || refusedSource !== undefined) return { cause: undefined, facts: {} };
    const route = lookUpRoute(stack, { destination: target, source, incoming: link.name });
    return route?.type === 'unicast' && route.link?.index !== link.index ? undefined : { cause: undefined, facts: {} };
  }
  if (refusedSource !== undefined) {
    return { cause: refusedSource, facts: sourceFacts(there, source) };
  }
  const ignore = Math.max(all.arpIgnore ?? 0, link.ipv4?.arpIgnore ?? 0);
  const onLink = stack.addressesOf(link, 4);
  const here = onLink.find(({ address }) => address.equals(target));
  const ignored =
    (ignore === 1 && here === undefined) ||
    (ignore === 2 && (here === undefined || !here.prefix.contains(source))) ||
    (ignore === 3 && stack.owner(target)?.entry.scope === 'host') ||
    ignore === 8;
  const facts = { interface: labelOf(there), address: target.toString() };
  if (ignored) {
    return {
      cause: 'arp-ignored',
      facts: {
        ...facts,
        setting: `arp_ignore=${ignore}`,
        command: inNamespace(stack, `sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.${link.name}.arp_ignore=0`),
      },
    };
  }
  if ((all.arpFilter ?? false) || (link.ipv4?.arpFilter ?? false)) {
    const back = lookUpRoute(stack, { destination: source, source: target });
    if (back?.link?.index !== link.index) {
      return {
        cause: 'arp-ignored',
        facts: {
          ...facts,
          setting: 'arp_filter=1',
          command: inNamespace(
            stack,
            `sysctl -w net.ipv4.conf.all.arp_filter=0 net.ipv4.conf.${link.name}.arp_filter=0`,
          ),
        },
      };
    }
  }
  if (link.noArp)
    return {
      cause: 'arp-ignored',
      facts: { ...facts, setting: 'NOARP', command: inNamespace(stack, `ip link set ${link.name} arp on`) },
    };
  return undefined;
}

export function sourceFacts({ stack, link }: At, source: Address): Facts {
  return {
    interface: labelOf({ stack, link }),
    source: source.toString(),
    command: inNamespace(stack, `sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.${link.name}.rp_filter=0`),
  };
}

/** The answer was sent, and did not come to the one who asked. */
function unheardAnswer(at: At, target: Address, { from, back }: { from: At; back: Carried }): Stop {
  const { stack, link } = at;
  const bridge = stack.link(link.master);
  if (bridge !== undefined && back.deliveries.some((one) => one.at.stack === stack && one.at.link === bridge))
    return addressOnPort(at, bridge.name, target);
  const loss = worst(back.losses);
  if (loss !== undefined) return stopAt(loss);
  return new Stop(
    'neighbour-failed',
    { namespace: stack.name, interface: link.name },
    { address: target.toString(), interface: labelOf(at), owner: labelOf(from) },
  );
}

function addressOnPort({ stack, link }: At, bridge: string, target: Address): Stop {
  const owned = stack.addressesOf(link, target.family)[0];
  return new Stop(
    'address-on-port',
    { namespace: stack.name, interface: link.name },
    {
      interface: link.name,
      bridge,
      address: owned === undefined ? 'an address' : `${owned.address}/${owned.entry.prefixLength}`,
      target: target.toString(),
      command:
        owned === undefined
          ? inNamespace(stack, `ip route replace ${target} dev ${bridge}`)
          : inNamespace(stack, `ip addr del ${owned.address}/${owned.entry.prefixLength} dev ${link.name}`),
      ...(owned === undefined ? {} : { more: inNamespace(stack, `ip route add ${owned.prefix} dev ${bridge}`) }),
    },
  );
}

/** Nobody answered: because of what? */
function unanswered(model: Model, at: At, target: Address, asked: Carried, refusals: readonly Refusal[]): Stop {
  const { stack, link } = at;
  const here = { namespace: stack.name, interface: link.name };
  const refusal = refusals.find(({ cause }) => cause !== undefined);
  if (refusal?.cause !== undefined)
    return new Stop(
      refusal.cause,
      { namespace: refusal.at.stack.name, interface: refusal.at.link.name },
      refusal.facts,
    );
  const bridge = stack.link(link.master);
  const owners = model.owners(target).filter(({ stack: other }) => other !== stack);
  const facts = { address: target.toString(), interface: labelOf(at) };
  // Where the frame was lost on its way to somebody who has the address.
  const lost = asked.losses.filter((loss) =>
    owners.some(({ stack: other, owned }) => leadsTo(model, loss.at, { stack: other, link: owned.link })),
  );
  const loss =
    worst(lost) ??
    (owners.length > 0
      ? worst(asked.losses.filter(({ cause }) => cause !== 'neighbour-wrong'))
      : worst(asked.losses.filter(({ at: lostAt }) => lostAt.stack === stack)));
  if (loss !== undefined) return stopAt(loss);
  if (bridge !== undefined && stack.owner(target) === undefined && asked.deliveries.length === 0)
    return addressOnPort(at, bridge.name, target);
  const [owner] = owners;
  if (owner !== undefined) {
    return new Stop('different-segment', here, {
      ...facts,
      owner: labelOf({ stack: owner.stack, link: owner.owned.link }),
      ownerNamespace: owner.stack.name,
    });
  }
  return new Stop('neighbour-failed', here, facts);
}

/**
 * Whether a frame that was lost here was on its way to that interface: the same, its pair, or the bridge's port to it; for
 * a macvlan that of its parent.
 */
function leadsTo(model: Model, lostAt: At, end: At): boolean {
  const { lower } = end.link;
  const goal = model.at(lower && { ...lower, namespace: lower.namespace ?? end.stack.namespace.id }) ?? end;
  const peer = model.at(goal.link.peer);
  const same = (a: At | undefined, b: At) => a !== undefined && a.stack === b.stack && a.link === b.link;
  if (same(lostAt, end) || same(lostAt, goal) || same(peer, lostAt)) return true;
  const master = peer?.stack.link(peer.link.master) ?? goal.stack.link(goal.link.master);
  return master !== undefined && lostAt.link === master;
}

/** Of several losses the one that explains most: not a frame that was for somebody else. */
export function worst(losses: readonly Loss[]): Loss | undefined {
  return (
    losses.find(({ cause }) => cause !== 'neighbour-wrong' && cause !== 'fdb-wrong') ??
    losses.find(({ cause }) => cause === 'fdb-wrong')
  );
}

export function stopAt({ at, cause, facts }: Loss): Stop {
  return new Stop(cause, { namespace: at.stack.name, interface: at.link.name }, facts);
}

/** RFC 2464, 7; RFC 4291, 2.7.1: 33:33 and the last four bytes of the solicited-node address. */
function solicitedNodeMac({ bytes }: Address): string {
  const last = [...bytes.slice(-3)].map((byte) => byte.toString(16).padStart(2, '0'));
  return ['33', '33', 'ff', ...last].join(':');
}

export function neighbourOwner(stack: Stack, link: number, address: Address): string | undefined {
  return stack.learnedNeighbours.get(`${link} ${address}`);
}
