/**
 * @module Links by themselves: down, without another end, blocked as ports, left behind.
 */

import { type At, inNamespace, labelOf } from '../../explain/model.ts';
import { caused, condition, type Finding } from '../finding.ts';
import { addressesAt, type Patient } from '../patient.ts';

/** The groups of Pontoon's links: those that stay, and those that are to go (src/network/ownership.ts). */
const OWNED_GROUP = 0x706f_6e74;
const REAPED_GROUP = 0x706f_6e75;
const OWNER = /^pontoon:/;

export function checkCabling(patient: Patient): Finding[] {
  return patient.model.stacks.flatMap((stack) =>
    [...stack.links].flatMap((link) => {
      const at = { stack, link };
      return [
        ...downLink(patient, at),
        ...missingPeer(patient, at),
        ...blockedPort(at),
        ...leakedInterface(patient, at),
      ];
    }),
  );
}

/** A link is meant to be up when it has an address, is a port, or has an other end that is up. */
function downLink(patient: Patient, at: At): Finding[] {
  const { stack, link } = at;
  if (link.up === true) return [];
  const command = inNamespace(stack, `ip link set ${link.name} up`);
  if (link.kind === 'loopback') {
    return patient.model.containerIn(stack) === undefined
      ? []
      : [caused('warning', 'link-down', at, { interface: labelOf(at), command })];
  }
  const isMeant =
    addressesAt(at).length > 0 || stack.link(link.master)?.bridge !== undefined || patient.peerOf(at)?.link.up === true;
  if (!isMeant) return [];
  return [caused(link.kind === 'device' ? 'warning' : 'error', 'link-down', at, { interface: labelOf(at), command })];
}

/** An end in a namespace that cannot be found is fine as long as there is a carrier: somebody is there. */
function missingPeer(patient: Patient, at: At): Finding[] {
  const { link, stack } = at;
  if (link.kind !== 'veth' || patient.peerOf(at) !== undefined) return [];
  if (link.peer !== undefined && (link.carrier === true || link.up !== true)) return [];
  return [caused('warning', 'peer-gone', { namespace: stack.name, interface: link.name }, { interface: link.name })];
}

function blockedPort(at: At): Finding[] {
  const { stack, link } = at;
  const bridge = stack.link(link.master);
  const state = link.port?.state;
  if (bridge === undefined || state === undefined || state === 'forwarding') return [];
  if (link.up !== true || link.carrier !== true) return [];
  // A spanning tree blocks what would be a loop, and lets new ports wait; without one, nobody will ever unblock it.
  const severity = bridge.bridge?.stp === undefined ? 'error' : 'notice';
  const command = inNamespace(stack, `bridge link set dev ${link.name} state 3`);
  const facts = { interface: labelOf(at), bridge: bridge.name, state };
  return [caused(severity, 'port-blocked', at, severity === 'error' ? { ...facts, command } : facts)];
}

function leakedInterface(patient: Patient, at: At): Finding[] {
  const { stack, link } = at;
  const owned = link.alias !== undefined && OWNER.test(link.alias);
  const leaked = (why: string): Finding[] => [
    condition('warning', 'leaked-interface', at, `${labelOf(at)} is of Pontoon's making, and ${why}.`, [
      inNamespace(stack, `ip link del ${link.name}`),
    ]),
  ];
  if (link.group === REAPED_GROUP) return leaked('was to be removed');
  if (link.group !== OWNED_GROUP && !owned) return [];
  if (!owned) return stack.isHost ? leaked('bears no owner') : [];
  if (link.kind === 'veth' && stack.isHost && patient.peerOf(at) === undefined && link.carrier !== true)
    return leaked('its sandbox is gone');
  const id = link.alias?.replace(OWNER, '') ?? '';
  const known = patient.snapshot.networks.filter(({ engine }) => engine === 'pontoon');
  if (
    link.kind === 'bridge' &&
    known.length > 0 &&
    known.every((network) => network.id !== id && network.bridge !== link.name)
  )
    return leaked('no network of that ID is known');
  return [];
}
