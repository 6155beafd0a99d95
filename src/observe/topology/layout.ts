/**
 * @module Where each box of the drawing goes. Layers from the top: the uplinks, the hub, its segments below each other,
 * and in each segment its members in a grid. A box's place depends on what stands before it in the order only, so a new
 * container moves those behind it on its own segment and pushes down what is below; widths never change.
 */

import type { Hub, Interface, Member, Segment, Station, Topology } from './types.ts';
import { describeGuests, describeNetwork, isDown, memberLabel } from './words.ts';

/** In pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly look: 'outside' | 'hub' | 'segment' | 'member' | 'alone';
  readonly down: boolean;
  /** The first one is the title. */
  readonly lines: readonly string[];
}

/** From above to below: down, then to the right. */
export interface Line {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

export const LINE_HEIGHT = 16;
const PADDING = 8;
const GAP = 12;
const COLUMNS = 4;
const MEMBER_WIDTH = 230;
const INDENT = 32;
const SEGMENT_WIDTH = COLUMNS * (MEMBER_WIDTH + GAP) + GAP;
const WIDTH = GAP + INDENT + SEGMENT_WIDTH + GAP;

export function layOut({ hubs, alone, host }: Topology): Layout {
  const canvas: Canvas = { boxes: [], lines: [], y: GAP };
  for (const hub of hubs) placeHub(canvas, hub, host);
  if (alone.length > 0) {
    const cards = alone.map((one) => ({ look: 'alone' as const, down: false, lines: stationLines(one) }));
    canvas.y = placeGrid(canvas, cards, GAP + INDENT + GAP, canvas.y) + GAP;
  }
  return { width: WIDTH, height: canvas.y, boxes: canvas.boxes, lines: canvas.lines };
}

interface Canvas {
  readonly boxes: Box[];
  readonly lines: Line[];
  /** The first free row. */
  y: number;
}

type Card = Pick<Box, 'look' | 'down' | 'lines'>;

function placeHub(canvas: Canvas, hub: Hub, host: string): void {
  const uplinks = hub.uplinks.map((one): Card => {
    const beyond = one.beyond === undefined ? 'outside' : `${one.beyond.name}@${one.beyond.station.name}`;
    return {
      look: 'outside',
      down: isDown(one, one.beyond),
      lines: [beyond, one.name, ...one.addresses, ...one.routes],
    };
  });
  const above = canvas.boxes.length;
  if (uplinks.length > 0) canvas.y = placeGrid(canvas, uplinks, GAP, canvas.y) + GAP;
  const title = hub.owner === 'host' ? `host ${host}` : hub.name;
  const lines = [
    title,
    hub.forwarding ? 'forwards' : 'does not forward',
    ...stationLines(hub).slice(1),
    ...hub.others.map(describeInterface),
  ];
  const box = {
    x: GAP,
    y: canvas.y,
    width: MEMBER_WIDTH * 2,
    height: heightOf(lines),
    look: 'hub' as const,
    down: false,
    lines,
  };
  for (const { x, y, height } of canvas.boxes.slice(above)) {
    canvas.lines.push({ fromX: x + PADDING, fromY: y + height, toX: x + PADDING, toY: box.y });
  }
  canvas.boxes.push(box);
  canvas.y += box.height + GAP;
  const trunk = { fromX: GAP + INDENT / 2, fromY: box.y + box.height };
  for (const segment of hub.segments) {
    canvas.lines.push({ ...trunk, toX: GAP + INDENT, toY: canvas.y + PADDING + LINE_HEIGHT / 2 });
    placeSegment(canvas, segment);
  }
  canvas.y += GAP;
}

function placeSegment(canvas: Canvas, segment: Segment): void {
  const lines = [
    [segment.interface.name, segment.kind, ...segment.interface.addresses, describeNetwork(segment)]
      .filter(Boolean)
      .join('  '),
  ];
  const x = GAP + INDENT;
  const { y } = canvas;
  const at = canvas.boxes.length;
  const bottom = placeGrid(canvas, segment.members.map(memberCard), x + GAP, y + heightOf(lines));
  const height = bottom - y + (segment.members.length > 0 ? GAP - PADDING : 0);
  // Below its members in the drawing, so before them in the list.
  canvas.boxes.splice(at, 0, {
    x,
    y,
    width: SEGMENT_WIDTH,
    height,
    look: 'segment',
    down: isDown(segment.interface),
    lines,
  });
  canvas.y = y + height + GAP;
}

function memberCard(member: Member): Card {
  const { port, far } = member;
  const cable = port === undefined || far === undefined ? [] : [`cable ${port.name}`];
  const station = far === undefined ? ['leads out'] : stationLines(far.station).slice(1);
  return {
    look: 'member',
    down: isDown(port, far),
    lines: [memberLabel(member), ...(far?.addresses ?? []), ...cable, ...station],
  };
}

function stationLines(station: Station): string[] {
  return [station.name, describeGuests(station), ...station.published].filter(Boolean);
}

function describeInterface({ name, kind, addresses }: Interface): string {
  return [name, kind, ...addresses].join('  ');
}

/** Rows of cards, each as high as its highest; the first free row below. */
function placeGrid({ boxes }: Canvas, cards: readonly Card[], x: number, top: number): number {
  let y = top;
  for (let at = 0; at < cards.length; at += COLUMNS) {
    const row = cards.slice(at, at + COLUMNS);
    const height = Math.max(...row.map(({ lines }) => heightOf(lines)));
    row.forEach((card, column) => {
      boxes.push({ ...card, x: x + column * (MEMBER_WIDTH + GAP), y, width: MEMBER_WIDTH, height });
    });
    y += height + PADDING;
  }
  return y;
}

function heightOf(lines: readonly string[]): number {
  return lines.length * LINE_HEIGHT + 2 * PADDING;
}
