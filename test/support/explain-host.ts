/**
 * @module A host with a container engine, a neighbour on its LAN and four containers; and what explain says of it beside
 * what curl and ping do, healthy and broken in a dozen ways.
 *
 * web and db are on the network front, plain on the default one. web is published on 8080, plain on 127.0.0.1:8081. All
 * listen on port 80.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseQuestion, type QuestionOptions } from '../../src/observe/endpoints/index.ts';
import { type CauseCode, type Explanation, explain } from '../../src/observe/explain/index.ts';
import type { Snapshot } from '../../src/observe/snapshot/types.ts';

export interface EngineHost {
  /** 'docker:', 'podman:', 'pontoon:'. */
  readonly prefix: string;
  /** The process of a container. */
  readonly pidOf: (name: string) => number;
  readonly snapshot: () => Promise<Snapshot>;
  /** Takes the rules away that masquerade front's packets. */
  readonly unmasquerade: () => void;
  /** Whether containers of different networks are kept apart. */
  readonly isolates: boolean;
}

/** A host that is made when it is asked for, and taken down with the engine. */
export interface HostMaker {
  readonly open: () => Promise<EngineHost & AsyncDisposable>;
  /** Why it cannot be made here; false where it can. */
  readonly skip: string | false;
}

type Place = 'web' | 'db' | 'plain' | 'lan' | 'host';

interface Probe extends QuestionOptions {
  readonly from: Place;
  /** An address, or a place: its address. */
  readonly to: string;
}

const UPLINK = { host: '192.0.2.2', lan: '192.0.2.1' };

/** The uplink and the neighbour beyond it. Before the engine starts, so that its default route is there. */
export function prepareLan(): void {
  sh('ip netns add lan');
  sh('ip link add up0 type veth peer name eth0 netns lan');
  sh(`ip addr add ${UPLINK.host}/24 dev up0 && ip link set up0 up && ip link set lo up`);
  sh(`ip -n lan addr add ${UPLINK.lan}/24 dev eth0 && ip -n lan link set eth0 up && ip -n lan link set lo up`);
  sh(`ip route add default via ${UPLINK.lan}`);
}

/** Declares the tests of one engine. */
export function explainTests({ open, skip }: HostMaker): void {
  test('explain says what happens', { skip }, async (t) => {
    await using host = await open();
    const lab = new Lab(host);
    await lab.settle();
    await t.test('healthy', () => healthy(lab, host));
    for (const [name, fault] of Object.entries(FAULTS)) await t.test(name, () => broken(lab, fault));
  });
}

async function healthy(lab: Lab, { isolates }: EngineHost): Promise<void> {
  const cases: (readonly [Probe, CauseCode | null])[] = [
    [{ from: 'web', to: 'db' }, null],
    [{ from: 'web', to: 'db', port: 80 }, null],
    [{ from: 'db', to: 'web', port: 81 }, 'no-listener'],
    [{ from: 'web', to: 'plain', port: 80 }, isolates ? 'network-isolated' : null],
    [{ from: 'host', to: 'web', port: 80 }, null],
    [{ from: 'host', to: '127.0.0.1', port: 8080 }, null],
    [{ from: 'host', to: UPLINK.host, port: 8080 }, null],
    [{ from: 'host', to: '127.0.0.1', port: 8081 }, null],
    [{ from: 'lan', to: UPLINK.host, port: 8080 }, null],
    [{ from: 'lan', to: UPLINK.host, port: 8081 }, 'published-elsewhere'],
    [{ from: 'db', to: UPLINK.host, port: 8080 }, null],
    [{ from: 'web', to: UPLINK.lan }, null],
    [{ from: 'plain', to: UPLINK.lan }, null],
  ];
  for (const [probe, cause] of cases) await lab.check(probe, cause === null ? [null] : [cause]);
}

interface Fault {
  readonly probe: (lab: Lab) => Probe;
  readonly causes: readonly CauseCode[];
  readonly inject: (lab: Lab) => void;
  readonly undo: (lab: Lab) => void;
}

const toDb = (): Probe => ({ from: 'web', to: 'db' });
const toWeb = (): Probe => ({ from: 'lan', to: UPLINK.host, port: 8080 });
const outside = (): Probe => ({ from: 'web', to: UPLINK.lan });

const FAULTS: Readonly<Record<string, Fault>> = {
  "the receiver's port down": {
    probe: toDb,
    causes: ['link-down'],
    inject: (lab) => lab.onHost(`ip link set ${lab.portOf('db')} down`),
    undo: (lab) => lab.onHost(`ip link set ${lab.portOf('db')} up`),
  },
  'a neighbour entry that lies': {
    probe: toDb,
    causes: ['neighbour-wrong'],
    inject: (lab) =>
      lab.inside('web', `ip neigh replace ${lab.addressOf('db')} lladdr 02:de:ad:00:00:01 dev eth0 nud permanent`),
    undo: (lab) => lab.inside('web', `ip neigh del ${lab.addressOf('db')} dev eth0`),
  },
  'isolated ports': {
    probe: toDb,
    causes: ['port-isolated'],
    inject: (lab) => isolate(lab, 'on'),
    undo: (lab) => isolate(lab, 'off'),
  },
  'a blocked port': {
    probe: toDb,
    causes: ['port-blocked'],
    inject: (lab) => lab.onHost(`bridge link set dev ${lab.portOf('db')} state 1`),
    undo: (lab) => lab.onHost(`bridge link set dev ${lab.portOf('db')} state 3`),
  },
  'a sticky entry at the wrong port': {
    probe: toDb,
    causes: ['fdb-wrong'],
    inject: (lab) => lab.onHost(`bridge fdb replace ${lab.macOf('db')} dev ${lab.portOf('web')} master static sticky`),
    undo: (lab) => lab.onHost(`bridge fdb del ${lab.macOf('db')} dev ${lab.portOf('web')} master`),
  },
  'ARP ignored': {
    probe: toDb,
    causes: ['arp-ignored'],
    inject: (lab) => lab.inside('db', 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=8'),
    undo: (lab) => lab.inside('db', 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0'),
  },
  'an MTU too small': {
    probe: () => ({ from: 'web', to: 'db', sizeBytes: 1400 }),
    causes: ['mtu-too-small'],
    inject: (lab) => lab.inside('db', 'ip link set eth0 mtu 1000'),
    undo: (lab) => lab.inside('db', 'ip link set eth0 mtu 1500'),
  },
  'a rule in the receiver': {
    probe: () => ({ from: 'web', to: 'db', port: 80 }),
    causes: ['rule-drop'],
    inject: (lab) =>
      lab.inside(
        'db',
        'nft add table inet wall; nft "add chain inet wall in { type filter hook input priority 0; }"; nft add rule inet wall in tcp dport 80 drop',
      ),
    undo: (lab) => lab.inside('db', 'nft delete table inet wall'),
  },
  'no default route': {
    probe: outside,
    causes: ['no-route'],
    inject: (lab) => lab.inside('web', 'ip route save default > /run/default-route && ip route del default'),
    undo: (lab) => lab.inside('web', 'ip route restore < /run/default-route'),
  },
  'a rule of somebody in the host': {
    probe: toWeb,
    causes: ['rule-drop'],
    inject: (lab) =>
      lab.onHost(
        'nft add table inet fence; nft "add chain inet fence passing { type filter hook forward priority -5; }"; nft add rule inet fence passing iifname up0 drop',
      ),
    undo: (lab) => lab.onHost('nft delete table inet fence'),
  },
  'forwarding off': {
    probe: toWeb,
    causes: ['forwarding-off'],
    inject: (lab) => lab.onHost('sysctl -qw net.ipv4.ip_forward=0'),
    undo: (lab) => lab.onHost('sysctl -qw net.ipv4.ip_forward=1'),
  },
  'a route that throws away': {
    probe: toWeb,
    causes: ['blackhole-route'],
    inject: (lab) => lab.onHost(`ip route add blackhole ${lab.addressOf('web')}/32`),
    undo: (lab) => lab.onHost(`ip route del blackhole ${lab.addressOf('web')}/32`),
  },
  // Nobody puts these back: it is the last.
  'no masquerade': {
    probe: outside,
    causes: ['masquerade-missing'],
    inject: (lab) => lab.host.unmasquerade(),
    undo: () => {},
  },
};

function isolate(lab: Lab, state: 'on' | 'off'): void {
  for (const name of ['web', 'db'] as const) lab.onHost(`bridge link set dev ${lab.portOf(name)} isolated ${state}`);
}

async function broken(lab: Lab, { probe, causes, inject, undo }: Fault): Promise<void> {
  await lab.check(probe(lab), [null]);
  inject(lab);
  try {
    lab.forgetNeighbours();
    await lab.check(probe(lab), causes);
  } finally {
    undo(lab);
    lab.forgetNeighbours();
  }
  if (causes[0] !== 'masquerade-missing') await lab.check(probe(lab), [null]);
}

class Lab {
  readonly host: EngineHost;

  constructor(host: EngineHost) {
    this.host = host;
  }

  onHost(script: string): void {
    sh(script);
  }

  inside(place: Place, script: string): string {
    return sh(`${this.#enter(place)} sh -ec '${script}'`);
  }

  addressOf(place: Place): string {
    if (place === 'lan') return UPLINK.lan;
    if (place === 'host') return UPLINK.host;
    const [, address = ''] = /inet ([\d.]+)/.exec(this.inside(place, 'ip -4 -o addr show dev eth0')) ?? [];
    return address;
  }

  macOf(place: Place): string {
    return /link\/ether ([0-9a-f:]+)/.exec(this.inside(place, 'ip -o link show dev eth0'))?.[1] ?? '';
  }

  portOf(place: Place): string {
    const index = /eth0@if(\d+)/.exec(this.inside(place, 'ip -o link show dev eth0'))?.[1] ?? '';
    return new RegExp(`^${index}: ([^@:]+)`, 'm').exec(sh('ip -o link show'))?.[1] ?? '';
  }

  /** Questions that were answered before a fault would hide it. Entries set by hand stay. */
  forgetNeighbours(): void {
    for (const place of ['web', 'db', 'plain', 'lan', 'host'] as const) sh(`${this.#enter(place)} ip neigh flush all`);
  }

  /** Until the containers listen and their addresses can be used. */
  async settle(): Promise<void> {
    const probe: Probe = { from: 'host', to: 'web', port: 80 };
    for (let tries = 0; tries < 100; tries += 1) {
      if (await this.#happens(probe)) return;
      await sleep(100);
    }
    throw new Error('web does not listen');
  }

  /** What explain says is one of these causes (null: reachable), and real packets do the same. */
  async check(probe: Probe, causes: readonly (CauseCode | null)[]): Promise<void> {
    const explanation = await this.#explain(probe);
    const happens = await this.#happens(probe);
    const said = `${JSON.stringify(probe)}: ${explanation.verdict} ${explanation.cause}: ${explanation.sentence}`;
    assert.equal(explanation.verdict === 'reachable', happens, said);
    assert.ok(causes.includes(explanation.cause), `${said}; expected ${causes.join(' or ')}`);
  }

  async #explain({ from, to, ...options }: Probe): Promise<Explanation> {
    return explain(
      await this.host.snapshot(),
      parseQuestion(this.#word(from), isPlace(to) ? this.#word(to) : to, { ...options, family: 4 }),
    );
  }

  #word(place: Place): string {
    if (place === 'host') return 'host';
    return place === 'lan' ? 'netns:lan' : `${this.host.prefix}${place}`;
  }

  #enter(place: Place): string {
    if (place === 'host') return '';
    return place === 'lan' ? 'ip netns exec lan' : `nsenter -t ${this.host.pidOf(place)} -n`;
  }

  /** Whether real packets come through. */
  #happens({ from, to, port, sizeBytes }: Probe): Promise<boolean> {
    const address = isPlace(to) ? this.addressOf(to) : to;
    const command =
      port === undefined
        ? `ping -c 2 -i 0.2 -W 1 -M do -s ${sizeBytes ?? 56} ${address}`
        : `curl -s -o /dev/null --connect-timeout 1.5 -m 3 http://${address}:${port}/`;
    return new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', `exec ${this.#enter(from)} ${command}`], { stdio: 'ignore' });
      child.once('error', reject);
      child.once('exit', (status) => resolve(status === 0));
    });
  }
}

function isPlace(text: string): text is Place {
  return ['web', 'db', 'plain', 'lan', 'host'].includes(text);
}

export function sh(script: string): string {
  return execFileSync('sh', ['-ec', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
