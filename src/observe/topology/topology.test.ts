import { expect, test } from 'vitest';
import { HOST, sampleSnapshot } from '../../../test/support/sample-snapshot.ts';
import type { Container, Link, Namespace, Snapshot } from '../snapshot/types.ts';
import { buildTopology, drawDot, drawMermaid, drawSvg, drawTree } from './index.ts';
import { layOut } from './layout.ts';

const DRAWERS = { drawTree, drawSvg, drawMermaid, drawDot };

/** The sample's host with so many more containers on its bridge, as 'shop1', 'shop2', …, and without those in `without`. */
function crowd(count: number, without: readonly number[] = []): Snapshot {
  const base = sampleSnapshot();
  const [host, web] = base.namespaces as [Namespace, Namespace];
  const numbers = Array.from({ length: count }, (_, at) => at + 1).filter((one) => !without.includes(one));
  const idOf = (one: number): string => `net:[${500_000 - one}]`;
  const ports = numbers.map((one): Link => {
    const port = host.links.find(({ master }) => master !== undefined) as Link;
    return { ...port, index: 1000 + one, name: `veth${one}`, peer: { namespace: idOf(one), index: 2 } };
  });
  const stations = numbers.map((one): Namespace => {
    const links = web.links.map((link) => ({ ...link, peer: { namespace: HOST, index: 1000 + one } }));
    const addresses = [{ link: 2, family: 4, address: `172.18.1.${one}`, prefixLength: 16, scope: 'global' } as const];
    return { ...web, id: idOf(one), name: `shop${one}`, links, addresses };
  });
  const containers = numbers.map((one): Container => {
    return { ...(base.containers[0] as Container), id: `${one}`, name: `shop${one}`, namespace: idOf(one), ports: [] };
  });
  return {
    ...base,
    namespaces: [{ ...host, links: [...host.links, ...ports] }, ...base.namespaces.slice(1), ...stations],
    containers: [...base.containers, ...containers],
  };
}

test('a bridge with its network and members, a cable, the uplink and what is published', () => {
  expect(drawTree(buildTopology(sampleSnapshot()))).toBe(
    [
      'host builder.acme.example  does not forward',
      '├─ eth0 to the outside  93.184.216.34/24  default via 93.184.216.1',
      '├─ br-ffffffffffff  bridge  172.18.0.1/16  docker network front',
      '│  ├─ veth000003 ── eth0@db   172.18.0.3/16 fd00:18::2/64',
      '│  └─ veth000002 ── eth0@web  172.18.0.2/16 fd00:18::2/64  0.0.0.0:8080 → 80/tcp',
      '├─ cable ── cable@blue  cable             10.9.0.1/24               10.9.0.2/24',
      '└─ uplink-acme          vlan',
    ].join('\n'),
  );
});

test('whatever the order of a snapshot, the picture is the same', () => {
  const snapshot = crowd(20);
  const shuffled = {
    ...snapshot,
    containers: snapshot.containers.toReversed(),
    namespaces: snapshot.namespaces.toReversed().map((one) => ({ ...one, links: one.links.toReversed() })),
  };
  for (const draw of Object.values(DRAWERS)) {
    expect(draw(buildTopology(shuffled))).toBe(draw(buildTopology(snapshot)));
  }
});

test('a hundred containers: a line for each, and one that goes moves no other line', () => {
  const lines = drawTree(buildTopology(crowd(100))).split('\n');
  expect(lines.filter((line) => /veth\d+ +── eth0@shop\d+ |veth\d+ ── eth0@shop\d+/.test(line))).toHaveLength(100);
  expect(lines.findIndex((line) => line.includes('@shop2 '))).toBeLessThan(
    lines.findIndex((line) => line.includes('@shop10 ')),
  );
  const fewer = drawTree(buildTopology(crowd(100, [50]))).split('\n');
  expect(lines.filter((line) => !fewer.includes(line))).toEqual([expect.stringContaining('@shop50 ')]);
});

test('in the drawing no two members overlap, and none that stands before a new one moves', () => {
  const places = (snapshot: Snapshot) => layOut(buildTopology(snapshot)).boxes.filter(({ look }) => look === 'member');
  const all = places(crowd(100));
  for (const [at, one] of all.entries()) {
    for (const other of all.slice(at + 1)) {
      const apart = one.x + one.width <= other.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
      expect(apart || other.x + other.width <= one.x).toBe(true);
    }
  }
  const fewer = places(crowd(99));
  const title = (box: (typeof all)[number]) => `${box.lines[0]} ${box.x} ${box.y}`;
  const [known, before] = [new Set(all.map(title)), fewer.filter(({ lines }) => /@(?:db|shop)/.test(lines[0] ?? ''))];
  expect(before.filter((box) => !known.has(title(box)))).toEqual([]);
});

test("a stranger's names cannot break out of any picture", () => {
  const base = sampleSnapshot();
  const evil = '"]; <script>alert(1)</script> & \u001b[31m\n';
  const text = JSON.stringify(base).replaceAll('"name":"web"', `"name":${JSON.stringify(evil)}`);
  const topology = buildTopology(JSON.parse(text) as Snapshot);
  for (const draw of Object.values(DRAWERS)) expect(draw(topology)).not.toContain('\u001b');
  const svg = drawSvg(topology);
  expect(svg).not.toMatch(/<script/);
  expect(svg).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)|@font-face|url\(/);
  expect(drawMermaid(topology)).not.toMatch(/"\];|<script/);
  expect(drawDot(topology)).toMatch(/\\"\]; <script>/);
});

test('namespaces that nothing leads to stand apart', () => {
  const base = sampleSnapshot();
  const lonely = { ...(base.namespaces[3] as Namespace), id: 'net:[9]', name: 'lonely', links: [], addresses: [] };
  const topology = buildTopology({ ...base, namespaces: [...base.namespaces, lonely] });
  expect(topology.alone.map(({ name }) => name)).toEqual(['lonely']);
  expect(drawTree(topology)).toMatch(/not joined to anything\n└─ lonely$/);
});
