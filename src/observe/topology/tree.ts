/**
 * @module The picture for a terminal: a tree, with a line for each interface, its columns aligned within each segment.
 */

import type { Hub, Interface, Member, Segment, Station, Topology, Uplink } from './types.ts';
import { describeGuests, describeNetwork, isDown, memberLabel, printable } from './words.ts';

interface Branch {
  /** Columns. */
  readonly cells: readonly string[];
  readonly below: readonly Branch[];
}

export function drawTree({ host, hubs, alone }: Topology): string {
  const roots = [...hubs.map((hub) => hubBranch(hub, host))];
  if (alone.length > 0) {
    roots.push({ cells: ['not joined to anything'], below: alone.map((one) => leaf(stationCells(one))) });
  }
  return roots.map((root) => [row(root.cells, []), ...draw(root.below, '')].join('\n')).join('\n\n');
}

function hubBranch(hub: Hub, host: string): Branch {
  const isHost = hub.owner === 'host';
  return {
    cells: [
      isHost ? `host ${host}` : hub.name,
      hub.forwarding ? 'forwards' : 'does not forward',
      ...stationCells(hub).slice(1),
    ],
    below: [
      ...hub.uplinks.map(uplinkBranch),
      ...hub.segments.map(segmentBranch),
      ...hub.others.map((one) => leaf([one.name, one.kind, ...interfaceCells(one)])),
    ],
  };
}

function uplinkBranch(uplink: Uplink): Branch {
  const { beyond } = uplink;
  return {
    cells: [`${uplink.name} to the outside`, ...interfaceCells(uplink), ...uplink.routes],
    below: beyond === undefined ? [] : [leaf([`${beyond.name}@${beyond.station.name}`, ...interfaceCells(beyond)])],
  };
}

function segmentBranch(segment: Segment): Branch {
  const { kind, members } = segment;
  const [only] = members;
  if (kind === 'cable' && only?.far !== undefined) {
    const near = segment.interface;
    return leaf([
      `${near.name} ── ${memberLabel(only)}`,
      'cable',
      near.addresses.join(' '),
      only.far.addresses.join(' '),
      ...down(near, only.far),
    ]);
  }
  const kindWord = kind === 'bridge' ? 'bridge' : `${kind} on top`;
  return {
    cells: [segment.interface.name, kindWord, ...interfaceCells(segment.interface), describeNetwork(segment)],
    below: members.map(memberBranch),
  };
}

function memberBranch(member: Member): Branch {
  const { port, far } = member;
  if (far === undefined) return leaf([memberLabel(member), 'leads out', ...down(port)]);
  return leaf([
    port === undefined ? memberLabel(member) : `${port.name} ── ${memberLabel(member)}`,
    far.addresses.join(' ') || 'no address',
    [...stationCells(far.station).slice(1), ...down(port, far)].filter(Boolean).join('  '),
  ]);
}

/** Name, who else is in it, what is published. */
function stationCells(station: Station): string[] {
  return [station.name, describeGuests(station), station.published.join(', ')];
}

function interfaceCells(one: Interface): string[] {
  return [one.addresses.join(' '), ...down(one)];
}

function down(...interfaces: readonly (Interface | undefined)[]): string[] {
  return isDown(...interfaces) ? ['DOWN'] : [];
}

function leaf(cells: readonly string[]): Branch {
  return { cells, below: [] };
}

function draw(branches: readonly Branch[], indent: string): string[] {
  // Leaves side by side are a table; a branch with something below has its own width.
  const leaves = branches.filter(({ below }) => below.length === 0);
  const widths = (leaves[0]?.cells ?? []).map((_, at) =>
    Math.max(...leaves.map(({ cells }) => widthOf(cells[at] ?? ''))),
  );
  return branches.flatMap(({ cells, below }, at) => {
    const isLast = at === branches.length - 1;
    return [
      `${indent}${isLast ? '└─ ' : '├─ '}${row(cells, below.length === 0 ? widths : [])}`,
      ...draw(below, `${indent}${isLast ? '   ' : '│  '}`),
    ];
  });
}

function row(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, at) => `${printable(cell)}${' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))}`)
    .filter((cell) => cell !== '')
    .join('  ')
    .trimEnd();
}

function widthOf(text: string): number {
  return [...text].length;
}
