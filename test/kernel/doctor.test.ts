/**
 * @module `pontoon doctor` on networks made by hand, without any container engine: the faults that engines do not make,
 * its exit status, saved snapshots; and that none of the commands that look changes anything.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Finding } from '../../src/observe/doctor/index.ts';
import { hostFingerprint } from '../support/host-fingerprint.ts';

const MAIN = join(import.meta.dirname, '../../bin/pontoon');
const SAVED = join(tmpdir(), 'saved.json');

const BUILD = `
  ip link set lo up
  for one in blue red; do ip netns add $one; ip -n $one link set lo up; done
  ip link add br0 type bridge
  ip link set br0 up
  ip addr add 10.20.0.1/24 dev br0
  ip addr add fd00:20::1/64 dev br0 nodad
  for one in blue red; do
    ip link add p$one type veth peer name eth0 netns $one
    ip link set p$one master br0 up
    ip -n $one link set eth0 up
  done
  ip -n blue addr add 10.20.0.2/24 dev eth0
  ip -n blue addr add fd00:20::2/64 dev eth0 nodad
  ip -n red addr add 10.20.0.3/24 dev eth0
  while ip netns exec red ip -6 addr | grep -q tentative; do sleep 0.1; done
  mac=$(ip netns exec blue cat /sys/class/net/eth0/address)`;

interface Fault {
  readonly does: string;
  readonly undoes: string;
  readonly codes: readonly Finding['code'][];
  readonly at: string;
}

const FAULTS: readonly Fault[] = [
  {
    does: 'ip -n red link set eth0 address $(ip netns exec blue cat /sys/class/net/eth0/address)',
    undoes: 'ip -n red link set eth0 address 02:00:00:00:00:0b',
    codes: ['duplicate-mac'],
    at: 'eth0@',
  },
  {
    does: 'ip -n red addr del 10.20.0.3/24 dev eth0; ip -n red addr add 10.20.0.3/32 dev eth0',
    undoes: 'ip -n red addr del 10.20.0.3/32 dev eth0; ip -n red addr add 10.20.0.3/24 dev eth0',
    codes: ['wrong-prefix'],
    at: 'eth0@red',
  },
  {
    does: 'ip link set pred down',
    undoes: 'ip link set pred up',
    codes: ['link-down'],
    at: 'pred@host',
  },
  {
    does: 'ip -n red link set eth0 mtu 1300',
    undoes: 'ip -n red link set eth0 mtu 1500',
    codes: ['mtu-too-small'],
    at: 'eth0@red',
  },
  {
    does: 'ip -n blue route add default via 10.20.0.1',
    undoes: 'ip -n blue route del default',
    codes: ['forwarding-off'],
    at: 'br0@host',
  },
  {
    // Duplicate address detection finds blue's.
    does: 'ip -n red addr add fd00:20::2/64 dev eth0; until ip -n red addr | grep -q dadfailed; do sleep 0.1; done',
    undoes: 'ip -n red addr del fd00:20::2/64 dev eth0',
    codes: ['duplicate-address'],
    at: 'eth0@',
  },
];

before(() => sh(BUILD));

function sh(command: string): void {
  execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function pontoon(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(MAIN, words, { encoding: 'utf8' });
}

function serious(): Finding[] {
  const { stdout } = pontoon('doctor', '--format', 'json');
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return findings.filter(({ severity }) => severity !== 'notice');
}

test('a healthy host: nothing to be said, and status 0', () => {
  assert.deepEqual(serious(), []);
  const { status, stdout } = pontoon('doctor');
  assert.match(stdout, /^(?:NOTICE bridge-netfilter [\s\S]*)?0 errors, 0 warnings, \d notices?\n$/);
  assert.equal(status, 0);
});

for (const { does, undoes, codes, at } of FAULTS) {
  test(`${codes[0]}: ${does.split(';')[0]}`, () => {
    sh(does);
    try {
      const found = serious();
      const codesFound = [...new Set(found.map(({ code }) => code))];
      assert.deepEqual(codesFound, codes, JSON.stringify(found));
      assert.ok(
        found.every((one) => `${one.at.interface}@${one.at.namespace}`.startsWith(at)),
        JSON.stringify(found),
      );
      assert.equal(pontoon('doctor').status, 1);
    } finally {
      sh(undoes);
    }
    assert.deepEqual(serious(), []);
  });
}

test('what the remedy says mends it', () => {
  sh('ip neigh replace 10.20.0.2 lladdr 02:00:00:00:00:99 dev br0 nud permanent');
  sh('ip addr add 10.99.0.1/24 dev pred');
  const found = serious();
  assert.deepEqual(found.map(({ code }) => code).sort(), ['address-on-port', 'neighbour-wrong']);
  for (const { remedy } of found) for (const command of remedy) sh(command);
  sh('ip addr del 10.99.0.1/24 dev br0');
  assert.deepEqual(serious(), []);
});

test("somebody else's host, and what is no snapshot", () => {
  sh('ip link set pred down');
  sh(`${MAIN} snapshot -o ${SAVED}`);
  sh('ip link set pred up');
  assert.deepEqual([pontoon('doctor', '--snapshot', SAVED).status, pontoon('doctor').status], [1, 0]);
  assert.match(pontoon('topology', '--snapshot', SAVED).stdout, /pred ── eth0@red .*DOWN/);
  writeFileSync(SAVED, '{"format":"something else"}');
  for (const command of ['doctor', 'topology']) {
    const { status, stderr } = pontoon(command, '--snapshot', SAVED);
    assert.equal(status, 2);
    assert.match(stderr, /^pontoon: this is no snapshot/);
    assert.equal(pontoon(command, '--snapshot', '/nowhere').status, 2);
  }
});

test('who only looks changes nothing', () => {
  sh('while ip -6 addr | grep -q tentative; do sleep 0.1; done');
  const fingerprint = hostFingerprint();
  pontoon('snapshot', '-o', SAVED);
  pontoon('doctor');
  for (const format of ['text', 'json', 'svg', 'mermaid', 'dot']) pontoon('topology', '--format', format);
  assert.equal(pontoon('explain', 'netns:blue', 'netns:red').status, 0);
  assert.deepEqual(hostFingerprint(), fingerprint);
});
