/**
 * @module `pontoon watch` beside what is done by hand: each change has its line, under the right name; namespaces that come
 * later are watched, too; Ctrl-C ends it; and while it watches, nothing changes by it.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../src/observe/watch/index.ts';
import { hostFingerprint } from '../support/host-fingerprint.ts';

const MAIN = join(import.meta.dirname, '../../bin/pontoon');
/** Only to see a hang. */
const PATIENCE_MS = 20_000;

const changes: Change[] = [];
let watching: ChildProcess;

before(async () => {
  sh('ip link set lo up; ip netns add blue; ip netns add red');
  sh('for one in blue red; do ip -n $one link set lo up; done');
  sh('ip link add br0 type bridge && ip link set br0 up && ip addr add 10.20.0.1/24 dev br0');
  sh('ip link add pblue type veth peer name eth0 netns blue && ip link set pblue master br0 up');
  sh('ip -n blue addr add 10.20.0.2/24 dev eth0 && ip -n blue link set eth0 up');
  watching = spawn(MAIN, ['watch', '--format', 'json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let pending = '';
  watching.stdout?.setEncoding('utf8').on('data', (part: string) => {
    const lines = `${pending}${part}`.split('\n');
    pending = lines.pop() ?? '';
    changes.push(...lines.map((line) => JSON.parse(line) as Change));
  });
  let complaints = '';
  watching.stderr?.setEncoding('utf8').on('data', (part: string) => {
    complaints += part;
  });
  const end = performance.now() + PATIENCE_MS;
  while (!complaints.includes('watching 3 namespaces')) {
    assert.ok(performance.now() < end, `it does not begin: ${complaints}`);
    await sleep(50);
  }
});
after(() => {
  if (watching.exitCode === null && watching.signalCode === null) watching.kill('SIGKILL');
});

function sh(command: string): void {
  execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Waits for a change like this one since the last call that cleared the ledger. */
async function told(namespace: string, kind: Change['kind'], action: Change['action'], text: RegExp): Promise<Change> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = changes.find(
      (one) => one.namespace === namespace && one.kind === kind && one.action === action && text.test(one.text),
    );
    if (found !== undefined) return found;
    const seen = changes.map((one) => `${one.namespace} ${one.kind} ${one.action} ${one.text}`).join('\n');
    assert.ok(performance.now() < end, `${namespace} ${kind} ${action} ${text} is not in\n${seen}`);
    await sleep(20);
  }
}

test('links, addresses, routes and rules', async () => {
  sh('ip link set pblue mtu 1400 && ip link set pblue mtu 1500');
  await told('host', 'link', 'changed', /^pblue mtu 1500 → 1400$/);
  sh('ip -n blue addr add 10.20.0.3/24 dev eth0 && ip -n blue addr del 10.20.0.3/24 dev eth0');
  assert.equal((await told('blue', 'address', 'added', /^10\.20\.0\.3\/24$/)).interface, 'eth0');
  await told('blue', 'address', 'removed', /^10\.20\.0\.3\/24$/);
  sh('ip route add 10.30.0.0/24 via 10.20.0.2 && ip route del 10.30.0.0/24');
  await told('host', 'route', 'added', /^10\.30\.0\.0\/24 via 10\.20\.0\.2 dev br0$/);
  await told('host', 'route', 'removed', /^10\.30\.0\.0\/24/);
  sh('ip rule add from 10.20.0.2 lookup 77 priority 500 && ip rule del priority 500');
  await told('host', 'rule', 'added', /^500: from 10\.20\.0\.2\/32 lookup 77$/);
  await told('host', 'rule', 'removed', /^500:/);
});

test('what bridges and neighbours learn, what moves, who does not answer', async () => {
  sh('ip neigh flush dev br0; ip netns exec blue ping -c 1 -W 5 10.20.0.1');
  const learned = await told('host', 'neighbour', 'added', /^10\.20\.0\.2 is at /);
  const mac = learned.text.split(' ').at(-1) ?? '';
  sh('ip link add pred type veth peer name eth0 netns red && ip link set pred master br0 up');
  sh('ip -n red link set eth0 address 02:00:00:00:00:0a && ip -n red addr add 10.20.0.4/24 dev eth0');
  sh('ip -n red link set eth0 up && ip netns exec red ping -c 1 -W 5 10.20.0.1');
  await told('host', 'fdb', 'added', /^br0 has 02:00:00:00:00:0a behind pred \(learned\)$/);
  // The MAC of another one.
  sh(`ip -n red link set eth0 address ${mac} && (ip netns exec red ping -c 1 -W 2 10.20.0.1 || true)`);
  await told('host', 'fdb', 'moved', new RegExp(`^br0 has ${mac} behind pred \\(learned\\), no longer behind pblue$`));
  sh('ping -c 1 -W 1 10.20.0.99 || true');
  await told('host', 'neighbour', 'failed', /^10\.20\.0\.99 does not answer$/);
});

test('nftables, and whose transaction it was', async () => {
  sh("nft 'add table ip t; add chain ip t c; add set ip t s { type ipv4_addr; }; add rule ip t c drop'");
  sh("nft 'add element ip t s { 10.0.0.1 }' && nft 'delete table ip t'");
  await told('host', 'table', 'added', /^ip t$/);
  await told('host', 'chain', 'added', /^ip t c$/);
  await told('host', 'filter-rule', 'added', /^ip t c handle \d+$/);
  await told('host', 'element', 'added', /^ip t s$/);
  await told('host', 'table', 'removed', /^ip t$/);
  await told('host', 'transaction', 'changed', /^by nft \(process \d+\)$/);
});

test('a namespace that comes later, and goes', async () => {
  sh('ip netns add green');
  await told('green', 'namespace', 'added', /^with lo/);
  sh('ip -n green link set lo up');
  await told('green', 'link', 'changed', /^lo set up/);
  sh('ip netns del green');
  await told('green', 'namespace', 'removed', /./);
});

test('it changes nothing, and Ctrl-C ends it at once with status 0', async () => {
  sh('while ip -6 addr | grep -q tentative; do sleep 0.1; done');
  const fingerprint = hostFingerprint();
  await sleep(2500);
  assert.deepEqual(hostFingerprint(), fingerprint);
  const ended = once(watching, 'exit');
  watching.kill('SIGINT');
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(hostFingerprint(), fingerprint);
});
