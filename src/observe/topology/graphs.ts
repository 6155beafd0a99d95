/**
 * @module The picture as a graph for other programs: Mermaid (mermaid.js.org) and DOT (graphviz.org).
 */

import type { Topology } from './types.ts';
import { describeNetwork, memberLabel, printable } from './words.ts';

/** What both languages draw: boxes, and lines between them. */
interface Graph {
  readonly boxes: readonly {
    readonly id: string;
    readonly shape: 'stack' | 'bridge' | 'outside';
    readonly lines: readonly string[];
  }[];
  readonly lines: readonly { readonly from: string; readonly to: string; readonly label: string }[];
}

export function drawMermaid(topology: Topology): string {
  const { boxes, lines } = graphOf(topology);
  const numbers = new Map(boxes.map(({ id }, at) => [id, `n${at}`]));
  const shapes = { stack: ['["', '"]'], bridge: ['{{"', '"}}'], outside: ['(("', '"))'] } as const;
  return [
    'flowchart LR',
    ...boxes.map(({ id, shape, lines: text }) => {
      const [open, close] = shapes[shape];
      return `  ${numbers.get(id)}${open}${text.map(escapeMarkup).join('<br/>')}${close}`;
    }),
    ...lines.map(({ from, to, label }) => {
      const text = label === '' ? '' : `|"${escapeMarkup(label)}"|`;
      return `  ${numbers.get(from)} ---${text} ${numbers.get(to)}`;
    }),
  ].join('\n');
}

export function drawDot(topology: Topology): string {
  const { boxes, lines } = graphOf(topology);
  const shapes = { stack: 'box', bridge: 'hexagon', outside: 'ellipse' } as const;
  return [
    'graph pontoon {',
    '  rankdir=LR;',
    '  node [fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];',
    ...boxes.map(
      ({ id, shape, lines: text }) => `  ${quote(id)} [shape=${shapes[shape]}, label=${quote(text.join('\n'))}];`,
    ),
    ...lines.map(
      ({ from, to, label }) => `  ${quote(from)} -- ${quote(to)}${label === '' ? '' : ` [label=${quote(label)}]`};`,
    ),
    '}',
  ].join('\n');
}

function graphOf({ hubs, alone, host }: Topology): Graph {
  const boxes = new Map<string, Graph['boxes'][number]>();
  const lines: Graph['lines'][number][] = [];
  const stack = (name: string, addresses: readonly string[]): string => {
    const id = `stack ${name}`;
    if (!boxes.has(id)) boxes.set(id, { id, shape: 'stack', lines: [name, ...addresses] });
    return id;
  };
  for (const hub of hubs) {
    const hubId = stack(hub.name, hub.owner === 'host' ? [host] : []);
    for (const uplink of hub.uplinks) {
      const id = uplink.beyond === undefined ? 'outside' : stack(uplink.beyond.station.name, []);
      if (uplink.beyond === undefined && !boxes.has(id)) boxes.set(id, { id, shape: 'outside', lines: ['outside'] });
      lines.push({ from: id, to: hubId, label: [uplink.name, ...uplink.addresses].join(' ') });
    }
    for (const segment of hub.segments) {
      const { kind, members } = segment;
      if (kind === 'cable') {
        const far = members[0]?.far;
        if (far === undefined) continue;
        const label = [segment.interface.name, ...segment.interface.addresses, '—', far.name, ...far.addresses].join(
          ' ',
        );
        lines.push({ from: hubId, to: stack(far.station.name, []), label });
        continue;
      }
      const id = `segment ${segment.id}`;
      const text = [segment.interface.name, kind, ...segment.interface.addresses, describeNetwork(segment)];
      boxes.set(id, { id, shape: 'bridge', lines: text.filter(Boolean) });
      lines.push({ from: hubId, to: id, label: '' });
      for (const member of members) {
        const { port, far } = member;
        const to = far === undefined ? 'outside' : stack(far.station.name, far.station.published);
        if (far === undefined && !boxes.has(to)) boxes.set(to, { id: to, shape: 'outside', lines: ['outside'] });
        const end = far === undefined ? memberLabel(member) : [far.name, ...far.addresses].join(' ');
        lines.push({ from: id, to, label: port === undefined ? end : `${port.name} — ${end}` });
      }
    }
  }
  for (const { name, published } of alone) stack(name, published);
  return { boxes: [...boxes.values()], lines };
}

/** Mermaid reads HTML entities written with '#'. */
function escapeMarkup(text: string): string {
  return printable(text).replaceAll(/[#"&<>|`]/g, (sign) => `#${sign.codePointAt(0)};`);
}

function quote(text: string): string {
  const lines = text.split('\n').map((line) => printable(line).replaceAll(/["\\]/g, '\\$&'));
  return `"${lines.join('\\n')}"`;
}
