/**
 * @module `pontoon topology` of a host made by hand: bridges, cables and macvlans over several namespaces, in every format.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Topology } from '../../src/observe/topology/index.ts';

const MAIN = join(import.meta.dirname, '../../bin/pontoon');

const BUILD = `
  ip link set lo up
  for one in web db router far lan lonely; do ip netns add $one; done
  ip link add up0 type veth peer name eth0 netns lan
  ip addr add 192.0.2.2/24 dev up0
  ip link set up0 up
  ip -n lan link set eth0 up
  ip -n lan addr add 192.0.2.1/24 dev eth0
  ip route add default via 192.0.2.1
  ip link add br0 type bridge
  ip link set br0 up
  ip addr add 10.20.0.1/24 dev br0
  for one in web db router; do
    ip link add p$one type veth peer name eth0 netns $one
    ip link set p$one master br0 up
    ip -n $one link set eth0 up
  done
  ip -n web addr add 10.20.0.2/24 dev eth0
  ip -n db addr add 10.20.0.3/24 dev eth0
  ip -n router link add br1 type bridge
  ip -n router link set br1 up
  ip -n router link add pfar type veth peer name eth0 netns far
  ip -n router link set pfar master br1 up
  ip -n far link set eth0 up
  ip -n far addr add 10.30.0.2/24 dev eth0
  ip link add cable0 netns web type veth peer name cable1 netns db
  ip link add mac0 link up0 type macvlan mode bridge
  ip link set mac0 netns far`;

before(() => {
  execFileSync('sh', ['-ec', BUILD], { stdio: ['ignore', 'ignore', 'inherit'] });
});

function draw(format: string): string {
  const { status, stdout, stderr } = spawnSync(MAIN, ['topology', '--format', format], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('everything is in the tree once, below what it hangs on', () => {
  const tree = draw('text');
  assert.match(
    tree,
    /^host .*\n├─ up0 to the outside {2}192\.0\.2\.2\/24 {2}default via 192\.0\.2\.1\n│ {2}└─ eth0@lan {2}192\.0\.2\.1\/24\n/,
  );
  assert.match(tree, /─ br0 {2}bridge {2}10\.20\.0\.1\/24\n[│ ] {2}├─ pdb ── eth0@db .*10\.20\.0\.3\/24\n/);
  assert.match(tree, /\nrouter .*\n.*br1 {2}bridge\n.*pfar ── eth0@far {2}10\.30\.0\.2\/24/);
  assert.match(tree, /cable[01] ── cable[01]@(?:db|web) {2}cable/);
  assert.match(tree, /up0 {2}macvlan on top.*\n.*mac0@far/);
  assert.match(tree, /not joined to anything\n└─ lonely\n$/);
  assert.equal(tree.match(/eth0@web/g)?.length, 1);
});

test('the same again draws the same; JSON holds what the tree shows', () => {
  for (const format of ['text', 'svg', 'mermaid', 'dot']) {
    const [first, second] = [draw(format), draw(format)].map((one) => one.replace(/, \d{4}-[^<]*/, ''));
    assert.equal(first, second);
  }
  const { hubs, alone } = JSON.parse(draw('json')) as Topology;
  assert.deepEqual(
    hubs.map(({ name }) => name),
    ['host', 'router', 'db'],
  );
  const host = hubs[0];
  assert.deepEqual(
    host?.segments.find(({ id }) => id === 'host/br0')?.members.map(({ far }) => far?.station.name),
    ['db', 'router', 'web'],
  );
  assert.equal(host?.uplinks[0]?.beyond?.station.name, 'lan');
  assert.deepEqual(
    alone.map(({ name }) => name),
    ['lonely'],
  );
});

test('SVG is well-formed XML that needs nothing else', () => {
  const svg = draw('svg');
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
  const tags = svg.match(/<(?!\/)\w+(?:[^>]*[^/])?>/g)?.length;
  assert.equal(tags, svg.match(/<\/\w+>/g)?.length);
  assert.doesNotMatch(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|url\(|<script|<image|<use/);
});
