/**
 * @module Some packets that must get through on a healthy host, explained: between two members of each network, from each
 * network to the outside, and from the outside to each published port. What stops them is a finding: a rule of somebody
 * else, masquerading that is missing, and all that the other checks do not see.
 */

import type { Address } from '../../../ipam/index.ts';
import { tryAddress } from '../../explain/filter/nft-data.ts';
import { type CauseCode, type Explanation, explainFlow, type FlowQuestion } from '../../explain/index.ts';
import type { Stack } from '../../explain/model.ts';
import type { ContainerNetwork } from '../../snapshot/types.ts';
import { condition, type Finding } from '../finding.ts';
import type { Patient, Uplink } from '../patient.ts';

/** Of each kind: the doctor is to answer within seconds. */
const QUESTIONS_MAX = 64;
const PING_BYTES = 84;
const SYN_BYTES = 60;
/** What other checks judge, or what is no fault. */
const ELSEWHERE: ReadonlySet<CauseCode> = new Set([
  'no-listener',
  'listener-loopback',
  'listener-elsewhere',
  'echo-ignored',
  'network-internal',
]);

interface Member {
  readonly stack: Stack;
  readonly address: Address;
}

export function checkFlows(patient: Patient): Finding[] {
  const networks = patient.snapshot.networks.filter(({ driver }) => driver === 'bridge').slice(0, QUESTIONS_MAX);
  const members = new Map(networks.map((network) => [network, membersOf(patient, network)]));
  const inside = networks.flatMap((network) => between(network, members.get(network) ?? []));
  const found = [
    ...inside.flatMap((asked) => ask(patient, asked)),
    ...networks.flatMap((network) => outward(patient, network, members.get(network) ?? [])),
    ...inward(patient)
      .slice(0, QUESTIONS_MAX)
      .flatMap((asked) => ask(patient, asked)),
  ];
  // One rule that drops everything is one finding: the first flow that it stops stands for all.
  return [...new Map(found.toReversed().map((one) => [one.reason, one])).values()]
    .reverse()
    .map(({ finding }) => finding);
}

function membersOf({ model, snapshot }: Patient, { engine, name }: ContainerNetwork): Member[] {
  return snapshot.containers.flatMap((container) => {
    const stack = model.stack(container.namespace);
    if (container.engine !== engine || stack === undefined || stack.isHost) return [];
    const endpoint = container.networks.find(({ network }) => network === name);
    return (endpoint?.addresses ?? []).flatMap((text) => {
      const address = tryAddress(text.replace(/\/\d+$/, ''));
      return address === undefined ? [] : [{ stack, address }];
    });
  });
}

/** A finding, and why, whichever flow it was. */
interface Stopped {
  readonly reason: string;
  readonly finding: Finding;
}

type Asked = readonly [what: string, question: FlowQuestion];

function between({ name, interContainer }: ContainerNetwork, members: readonly Member[]): Asked[] {
  const [first] = members;
  const second = members.find((one) => one.stack !== first?.stack && one.address.family === first?.address.family);
  if (first === undefined || second === undefined || interContainer === false) return [];
  const question: FlowQuestion = {
    namespace: first.stack.namespace.id,
    destination: second.address,
    meant: second.stack.namespace.id,
    protocol: 'icmp',
    lengthBytes: PING_BYTES,
  };
  return [[`${first.stack.name} does not reach ${second.stack.name} on the network ${name}`, question]];
}

/** To the router beyond the uplink; and under the host's address, where the member's own is of no use outside. */
function outward(patient: Patient, network: ContainerNetwork, members: readonly Member[]): Stopped[] {
  if (network.internal === true) return [];
  return ([4, 6] as const).flatMap((family) => {
    const uplink = patient.uplink(family);
    const member = members.find(({ address }) => address.family === family);
    if (uplink?.router === undefined || member === undefined) return [];
    const explanation = explainFlow(patient.snapshot, {
      namespace: member.stack.namespace.id,
      destination: uplink.router,
      source: member.address,
      protocol: 'icmp',
      lengthBytes: PING_BYTES,
    });
    const failed = stopped(
      `${member.stack.name} does not get from the network ${network.name} to the outside`,
      explanation,
    );
    return failed.length > 0 ? failed : unmasqueraded(network, member, uplink, explanation);
  });
}

function unmasqueraded(
  network: ContainerNetwork,
  member: Member,
  { stack, link }: Uplink,
  { hops }: Explanation,
): Stopped[] {
  const left = hops.some(
    (hop) => hop.direction === 'forward' && hop.namespace === stack.name && hop.interface === link.name,
  );
  const rewritten = hops.some(
    ({ direction, evidence }) => direction === 'forward' && evidence.some(({ kind }) => kind === 'nat'),
  );
  if (!left || rewritten || member.address.family !== 4) return [];
  const isMeant = network.masquerade === false;
  const sentence =
    `Packets of the network ${network.name} leave by ${link.name} with their own addresses (${member.address}): ` +
    'nobody outside answers them unless its router has a route back.';
  const subnet = network.subnets.find((one) => !one.subnet.includes(':'))?.subnet ?? member.address.toString();
  const remedy = `iptables -t nat -A POSTROUTING -s ${subnet} -o ${link.name} -j MASQUERADE`;
  const at = { namespace: stack.name, interface: link.name };
  const finding = isMeant
    ? condition('notice', 'masquerade-missing', at, sentence)
    : condition('warning', 'masquerade-missing', at, sentence, [remedy]);
  return [{ reason: sentence, finding }];
}

/** Somebody beyond the uplink opens each port that is published there. */
function inward(patient: Patient): Asked[] {
  const uplink = patient.uplink(4);
  const { router } = uplink ?? {};
  if (uplink === undefined || router === undefined) return [];
  const own = uplink.stack.addressesOf(uplink.link, 4).map(({ address }) => address);
  return patient.snapshot.containers.flatMap(({ name, ports, namespace }): Asked[] => {
    if (namespace === undefined || patient.model.stack(namespace)?.isHost !== false) return [];
    return ports.flatMap(({ hostAddress, hostPort, protocol }): Asked[] => {
      const destination = own.find((one) => hostAddress === '0.0.0.0' || one.toString() === hostAddress);
      if (hostPort === undefined || destination === undefined) return [];
      const question: FlowQuestion = {
        namespace: uplink.stack.namespace.id,
        interface: uplink.link.name,
        source: router,
        entersFromOutside: true,
        destination,
        meant: namespace,
        protocol,
        port: hostPort,
        lengthBytes: SYN_BYTES,
      };
      return [[`port ${hostPort}/${protocol} of ${name} is not reached from outside`, question]];
    });
  });
}

function ask({ snapshot }: Patient, [what, question]: Asked): Stopped[] {
  return stopped(what, explainFlow(snapshot, question));
}

function stopped(what: string, { verdict, cause, at, sentence, remedy }: Explanation): Stopped[] {
  if (verdict !== 'unreachable' || cause === null || at === null || ELSEWHERE.has(cause)) return [];
  return [
    { reason: `${cause} ${sentence}`, finding: condition('error', cause, at, `${sentence} So ${what}.`, remedy) },
  ];
}
