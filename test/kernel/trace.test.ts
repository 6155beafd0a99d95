/**
 * @module trace on the real kernel: the path with the ARP question that floods, NAT, where a packet dies and why; and that
 * nothing is left behind.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseQuestion, type QuestionOptions } from '../../src/observe/endpoints/index.ts';
import { takeSnapshot } from '../../src/observe/snapshot/take.ts';
import { captureFile, disagreement, follow, type TraceResult, trace } from '../../src/observe/trace/index.ts';

/** a and b on one bridge, c on another; the host routes and translates. */
const BUILD = `
  ip link set lo up
  for n in 1 2; do ip link add br$n type bridge; ip link set br$n up; ip addr add 10.$n.0.1/24 dev br$n; done
  mk() { ip netns add $1; ip netns exec $1 sysctl -qw net.ipv6.conf.default.disable_ipv6=1
         ip link add p$1 type veth peer name eth0 netns $1; ip link set p$1 master br$2 up; ip -n $1 link set lo up
         ip -n $1 link set eth0 up; ip -n $1 addr add 10.$2.0.$3/24 dev eth0; ip -n $1 route add default via 10.$2.0.1; }
  mk a 1 2; mk b 1 3; mk c 2 2
  sysctl -qw net.ipv4.ip_forward=1`;
const UNDO = `
  for n in a b c; do ip netns pids $n | xargs -r kill; ip link del p$n; ip netns del $n; done
  for n in 1 2; do ip link del br$n; done
  nft flush ruleset`;

const sh = (script: string) => execFileSync('sh', ['-ec', script], { encoding: 'utf8' });

async function ask(from: string, to: string, options: QuestionOptions = {}): Promise<TraceResult> {
  const result = await trace(
    await takeSnapshot({ containers: false, owners: false }),
    parseQuestion(from, to, options),
  );
  assert.equal(disagreement(result), undefined);
  return result;
}

const way = ({ events }: TraceResult, kind: string) => [
  ...new Set(events.filter((event) => event.kind === kind).map(({ label }) => label)),
];
const times = ({ events }: TraceResult) => events.map(({ atUs }) => atUs);

before(() => sh('ip link set lo up'));
beforeEach(() => sh(BUILD));
afterEach(() => sh(UNDO));

test('a ping on one bridge: the question floods, the answer teaches, the packet goes to one port', async () => {
  const result = await ask('netns:a', 'netns:b');
  assert.equal(result.verdict, 'answered');
  const questions = way(result, 'question');
  for (const place of ['eth0@a', 'pa', 'br1', 'pb', 'eth0@b'])
    assert.ok(questions.includes(place), `${place}: ${questions}`);
  assert.deepEqual(way(result, 'probe').toSorted(), ['eth0@a', 'eth0@b', 'pa', 'pb']);
  assert.deepEqual(way(result, 'reply').toSorted(), ['eth0@a', 'eth0@b', 'pa', 'pb']);
  assert.deepEqual(
    times(result),
    times(result).toSorted((x, y) => x - y),
  );
  assert.deepEqual(result.notes, []);
});

test('across the host: two bridges, and the MAC is asked for on each', async () => {
  const result = await ask('netns:a', 'netns:c', {});
  assert.equal(result.verdict, 'answered');
  assert.deepEqual(way(result, 'probe'), ['eth0@a', 'pa', 'br1', 'br2', 'pc', 'eth0@c']);
  assert.ok(
    result.events.some(
      ({ kind, label, summary }) => kind === 'question' && label === 'br2' && summary.includes('who has 10.2.0.2'),
    ),
  );
});

test('a rewrite shows up between two places', async () => {
  sh(`ip netns exec c busybox httpd -p 80 -h /bin
      nft add table ip n; nft 'add chain ip n pre { type nat hook prerouting priority -100; }'
      nft add rule ip n pre tcp dport 8080 dnat to 10.2.0.2:80`);
  const result = await ask('netns:a', '10.1.0.1', { port: 8080 });
  assert.equal(result.verdict, 'answered');
  const seen = (label: string) =>
    result.events.find((event) => event.kind === 'probe' && event.label === label)?.summary;
  assert.match(seen('pa') ?? '', /→ 10\.1\.0\.1:8080 SYN/);
  assert.match(seen('br2') ?? '', /→ 10\.2\.0\.2:80 SYN/);
});

test('nobody listens: refused, and the kernel says that there is no socket', async () => {
  const result = await ask('netns:a', 'netns:b', { port: 81 });
  assert.equal(result.verdict, 'refused');
  assert.ok(
    result.drops.some(({ reason }) => reason === 'NO_SOCKET'),
    JSON.stringify(result.drops),
  );
});

test('a rule drops: where it was last seen, the reason, the rule by its handle', async () => {
  sh(`nft add table inet f; nft 'add chain inet f fw { type filter hook forward priority 0; }'
      nft add rule inet f fw ip daddr 10.2.0.2 drop`);
  const result = await ask('netns:a', 'netns:c');
  assert.equal(result.verdict, 'unanswered');
  assert.equal(result.lastSeen?.label, 'br1');
  assert.ok(
    result.drops.some(({ reason, function: name }) => reason === 'NETFILTER_DROP' && name === 'nft_do_chain'),
    JSON.stringify(result.drops),
  );
  assert.deepEqual(
    result.rules.map(({ namespace, table, chain, verdict }) => [namespace, table, chain, verdict]),
    [['host', 'f', 'fw', 'drop']],
  );
  const handle = /daddr 10\.2\.0\.2 drop # handle (\d+)/.exec(sh('nft -a list table inet f'))?.[1];
  assert.equal(result.rules[0]?.handle, Number(handle));
});

test('the reverse path: the kernel names it', async () => {
  sh(`ip netns exec b ip route add 10.1.0.2/32 dev lo; ip netns exec b sysctl -qw net.ipv4.conf.eth0.rp_filter=1
      ip -n a neigh add 10.1.0.3 lladdr $(ip netns exec b cat /sys/class/net/eth0/address) dev eth0`);
  const result = await ask('netns:a', 'netns:b');
  assert.equal(result.lastSeen?.label, 'eth0@b');
  assert.ok(
    result.drops.some(({ reason }) => reason === 'IP_RPFILTER'),
    JSON.stringify(result.drops),
  );
});

test('no route: the kernel does not even send it', async () => {
  sh('ip -n a route del default');
  const result = await ask('netns:a', 'netns:c');
  assert.deepEqual([result.verdict, result.explanation.cause], ['unsent', 'no-route']);
  assert.match(result.error ?? '', /ENETUNREACH/);
});

test('the capture file is one that tcpdump reads, with a packet for each place', async () => {
  const result = await ask('netns:a', 'netns:b');
  const file = captureFile({ captured: result.captured, comment: 'a test' });
  const path = `${process.env.TMPDIR ?? '/tmp'}/trace.pcapng`;
  await import('node:fs/promises').then(({ writeFile }) => writeFile(path, file));
  const read = execFileSync('tcpdump', ['-nr', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  assert.equal(read.trim().split('\n').length, result.events.length);
  assert.match(read, /Request who-has 10\.1\.0\.3 tell 10\.1\.0\.2/);
  assert.match(read, /10\.1\.0\.2 > 10\.1\.0\.3: ICMP echo request/);
});

test('followed: real traffic is shown as it comes, and nothing is sent', async () => {
  const end = new AbortController();
  const labels: string[] = [];
  const snapshot = await takeSnapshot({ containers: false, owners: false });
  sh('ip netns exec a ping -c 1 -W 1 10.1.0.3');
  const watching = (async () => {
    for await (const { event } of follow(snapshot, parseQuestion('netns:a', 'netns:b'), end.signal)) {
      labels.push(`${event.kind} ${event.label}`);
      if (event.kind === 'reply' && event.label === 'eth0@a') end.abort();
    }
  })();
  await sleep(200);
  assert.deepEqual(
    labels.filter((label) => label.startsWith('probe')),
    [],
  );
  const child = spawn('ip', ['netns', 'exec', 'a', 'ping', '-i', '0.2', '-w', '20', '10.1.0.3'], { stdio: 'ignore' });
  await watching;
  child.kill();
  await once(child, 'exit');
  for (const place of ['eth0@a', 'pa', 'pb', 'eth0@b']) assert.ok(labels.includes(`probe ${place}`), labels.join(', '));
});

test('a killed trace leaves no rule, no socket and no trace flag', async () => {
  sh("nft add table inet own; nft 'add chain inet own in { type filter hook input priority 0; }'");
  const ruleset = () => sh('nft list ruleset; for n in a b c; do ip netns exec $n nft list ruleset; done');
  const packetSockets = () => readFileSync('/proc/net/packet', 'utf8').trim().split('\n').length;
  const before = ruleset();
  const sockets = packetSockets();
  const child = spawn(process.execPath, ['bin/start.js', 'trace', 'netns:a', '10.1.0.77', '--wait', '60000'], {
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 1000 && !sh('nft list tables').includes('pontoon-trace'); tries += 1) await sleep(10);
  assert.match(sh('nft list tables'), /pontoon-trace/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (let tries = 0; tries < 1000 && packetSockets() !== sockets; tries += 1) await sleep(10);
  assert.equal(ruleset(), before);
  assert.equal(packetSockets(), sockets);
});
