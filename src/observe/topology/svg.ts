/**
 * @module The picture as one SVG file that needs nothing else: no script, no font, no other file. It follows the
 * reader's choice of light or dark.
 */

import { type Box, LINE_HEIGHT, type Line, layOut } from './layout.ts';
import type { Topology } from './types.ts';
import { printable } from './words.ts';

/** Wide enough for the widest common sans-serif at 12 pixels; longer lines are cut, and told in full when pointed at. */
const CHARACTER_WIDTH = 6.6;
const STYLE = `
  svg { background: #fff; color: #1d2733; font: 12px sans-serif }
  rect { stroke: #7a8899; fill: #fff }
  .outside rect { fill: #eef3f8 } .hub rect { fill: #dbe9f7 } .segment rect { fill: #f3f6f1 } .alone rect { fill: #f4f1ee }
  .down rect { stroke: #b3261e; stroke-dasharray: 4 3 }
  text { fill: currentColor } .title { font-weight: bold }
  path { fill: none; stroke: #7a8899 }
  @media (prefers-color-scheme: dark) {
    svg { background: #14191f; color: #dde5ee } rect { fill: #1a2129 }
    .outside rect { fill: #1d2730 } .hub rect { fill: #1f3247 } .segment rect { fill: #1b231c } .alone rect { fill: #26221e }
  }`;

export function drawSvg(topology: Topology): string {
  const { width, height, boxes, lines } = layOut(topology);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(`The network of ${topology.host}, ${topology.takenAt}`)}</title>`,
    `<style>${STYLE}</style>`,
    ...lines.map(drawLine),
    ...boxes.map(drawBox),
    '</svg>',
  ].join('\n');
}

function drawLine({ fromX, fromY, toX, toY }: Line): string {
  return `<path d="M${fromX} ${fromY}V${toY}H${toX}"/>`;
}

function drawBox({ x, y, width, height, look, down, lines }: Box): string {
  const room = Math.floor((width - 16) / CHARACTER_WIDTH);
  const text = lines.map((line, at) => {
    const cut = line.length > room ? `${line.slice(0, room - 1)}…` : line;
    const title = cut === line ? '' : `<title>${escapeXml(line)}</title>`;
    const className = at === 0 ? ' class="title"' : '';
    return `<text${className} x="${x + 8}" y="${y + 8 + (at + 1) * LINE_HEIGHT - 4}">${title}${escapeXml(cut)}</text>`;
  });
  return `<g class="${look}${down ? ' down' : ''}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>${text.join('')}</g>`;
}

function escapeXml(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
}
