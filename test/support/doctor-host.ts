/**
 * @module The doctor on a host with a container engine: silent while all is well, and each fault by its name.
 *
 * web and db are on the network front, plain on the default one; web is published on 8080, plain on 127.0.0.1:8081. All
 * listen on port 80.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examine, type Finding, isHealthy } from '../../src/observe/doctor/index.ts';
import type { Link, Namespace, Snapshot } from '../../src/observe/snapshot/types.ts';
import { buildTopology, drawDot, drawMermaid, drawSvg, drawTree } from '../../src/observe/topology/index.ts';
import { type EngineHost, type HostMaker, sh } from './explain-host.ts';
import { hostFingerprint } from './host-fingerprint.ts';

/** Names in the shell commands below. */
interface Names {
  readonly port: string;
  readonly bridge: string;
  readonly web: string;
  readonly dbMac: string;
  readonly pid: { readonly web: number; readonly db: number };
  /** Of front's subnet. */
  readonly length: number;
  readonly nobody: string;
  /** One half of front's subnet. */
  readonly half: string;
}

interface Fault {
  readonly does: (names: Names) => string;
  readonly undoes: (names: Names) => string;
  /** Others that the fault brings about. */
  readonly also?: readonly Finding['code'][];
}

const FAULTS: Partial<Record<Finding['code'], Fault>> = {
  'link-down': {
    does: ({ pid }) => `nsenter -t ${pid.web} -n ip link set eth0 down`,
    // Its default route went with it.
    undoes: ({ pid, web }) =>
      `nsenter -t ${pid.web} -n sh -c 'ip link set eth0 up; ip route add default via ${web.replace(/\d+$/, '1')}'`,
    also: ['no-route'],
  },
  'address-on-port': {
    does: ({ port }) => `ip addr add 10.99.0.1/24 dev ${port}`,
    undoes: ({ port }) => `ip addr del 10.99.0.1/24 dev ${port}`,
  },
  'duplicate-address': {
    does: ({ pid, web, length }) => `nsenter -t ${pid.db} -n ip addr add ${web}/${length} dev eth0`,
    undoes: ({ pid, web, length }) => `nsenter -t ${pid.db} -n ip addr del ${web}/${length} dev eth0`,
    also: ['martian'],
  },
  'neighbour-wrong': {
    does: ({ web, bridge }) => `ip neigh replace ${web} lladdr 02:00:00:00:00:99 dev ${bridge} nud permanent`,
    undoes: ({ web, bridge }) => `ip neigh del ${web} dev ${bridge}`,
  },
  'fdb-wrong': {
    does: ({ dbMac, port }) => `bridge fdb replace ${dbMac} dev ${port} master static`,
    undoes: ({ dbMac, port }) => `bridge fdb del ${dbMac} dev ${port} master`,
  },
  'port-blocked': {
    does: ({ port }) => `bridge link set dev ${port} state 0`,
    undoes: ({ port }) => `bridge link set dev ${port} state 3`,
  },
  'forwarding-off': {
    does: () => 'sysctl -qw net.ipv4.ip_forward=0',
    undoes: () => 'sysctl -qw net.ipv4.ip_forward=1',
  },
  'rule-drop': {
    does: () =>
      'nft "add table ip guard; add chain ip guard keep { type filter hook forward priority -5; }; add rule ip guard keep drop"',
    undoes: () => 'nft delete table ip guard',
  },
  'mtu-too-small': {
    does: () => 'ip link set up0 mtu 1400',
    undoes: () => 'ip link set up0 mtu 1500',
  },
  'subnet-overlap': {
    does: ({ half }) =>
      `ip link add vpn0 type veth peer name vpn1 && ip link set vpn0 up && ip link set vpn1 up && ip route add ${half} dev vpn0 metric 5`,
    undoes: () => 'ip link del vpn0',
    also: ['reverse-path', 'rule-drop', 'different-segment', 'no-return-route', 'neighbour-failed'],
  },
  'dnat-nowhere': {
    does: ({ nobody }) => `iptables -t nat -A PREROUTING -p tcp --dport 9 -j DNAT --to-destination ${nobody}:80`,
    undoes: ({ nobody }) => `iptables -t nat -D PREROUTING -p tcp --dport 9 -j DNAT --to-destination ${nobody}:80`,
  },
  'leaked-interface': {
    does: () => 'ip link add left0 group 1886350964 type bridge',
    undoes: () => 'ip link del left0',
  },
  'reverse-path': {
    does: ({ bridge, web }) =>
      `sysctl -qw net.ipv4.conf.${bridge}.rp_filter=1 && ip route add ${web} dev up0 scope link`,
    undoes: ({ bridge, web }) => `ip route del ${web} dev up0 && sysctl -qw net.ipv4.conf.${bridge}.rp_filter=0`,
    also: ['subnet-overlap', 'no-return-route', 'neighbour-failed', 'different-segment', 'dnat-nowhere', 'rule-drop'],
  },
};
/** Declares the tests of one engine. */
export function doctorTests({ open, skip }: HostMaker): void {
  test('the doctor knows what is wrong, and says nothing where nothing is', { skip }, async (t) => {
    await using host = await open();
    const names = namesOf(await host.snapshot(), host);

    await t.test('healthy: nothing but who may reach the published ports', async () => {
      const findings = examine(await host.snapshot());
      assert.deepEqual(
        findings.filter(({ severity }) => severity !== 'notice'),
        [],
      );
      const exposed = findings.filter(({ code }) => code === 'exposed-port').map(({ sentence }) => sentence);
      assert.equal(exposed.length, 2, exposed.join('\n'));
      assert.match(exposed.join('\n'), /8080.*everybody who reaches any address/);
      assert.match(exposed.join('\n'), /8081.*to this host only/);
      const others = new Set(findings.map(({ code }) => code));
      for (const code of ['exposed-port', 'bridge-netfilter'] as const) others.delete(code);
      assert.deepEqual([...others], []);
    });

    await t.test('to look changes nothing', async () => {
      // New interfaces look for others with their link-local addresses, which takes a second or two.
      sh('while ip -6 addr | grep -q tentative; do sleep 0.1; done');
      const before = hostFingerprint();
      const snapshot = await host.snapshot();
      examine(snapshot);
      const topology = buildTopology(snapshot);
      for (const draw of [drawTree, drawSvg, drawMermaid, drawDot]) draw(topology);
      assert.deepEqual(hostFingerprint(), before);
    });

    await t.test('the picture shows containers, networks and ports', async () => {
      const tree = drawTree(buildTopology(await host.snapshot()));
      for (const name of ['web', 'db', 'plain']) assert.match(tree, new RegExp(`eth0@${name} `));
      assert.match(tree, /network front/);
      assert.match(tree, /0\.0\.0\.0:8080 → 80\/tcp/);
      assert.match(tree, /up0 to the outside.*default via 192\.0\.2\.1\n.*eth0@lan/);
    });

    for (const [code, { does, undoes, also = [] }] of Object.entries(FAULTS) as [Finding['code'], Fault][]) {
      await t.test(code, async () => {
        sh(does(names));
        let found: Finding[];
        try {
          found = examine(await host.snapshot());
        } finally {
          sh(undoes(names));
        }
        const serious = found.filter(({ severity }) => severity !== 'notice').map((one) => one.code);
        assert.ok(serious.includes(code), `${code} is not in ${serious}`);
        assert.deepEqual(
          serious.filter((one) => one !== code && !also.includes(one)),
          [],
        );
        const after = examine(await host.snapshot());
        assert.ok(isHealthy(after), JSON.stringify(after.filter(({ severity }) => severity !== 'notice')));
      });
    }
  });
}

function namesOf({ namespaces, networks, containers }: Snapshot, { pidOf }: EngineHost): Names {
  const front = networks.find(({ name }) => name === 'front');
  const inside = (name: string): { namespace: Namespace; link: Link; address: string } => {
    const id = containers.find((one) => one.name === name)?.namespace;
    const namespace = namespaces.find((one) => one.id === id);
    const link = namespace?.links.find((one) => one.name === 'eth0');
    const address = namespace?.addresses.find(({ link: on, family }) => on === link?.index && family === 4)?.address;
    assert.ok(namespace && link && address, name);
    return { namespace, link, address };
  };
  const [web, db] = [inside('web'), inside('db')];
  const port = namespaces[0]?.links.find(({ index }) => index === web.link.peer?.index);
  const subnet = front?.subnets.find((one) => !one.subnet.includes(':'))?.subnet;
  assert.ok(front?.bridge && port && subnet);
  const [base = '', size] = subnet.split('/');
  const length = Number(size);
  return {
    port: port.name,
    bridge: front.bridge,
    web: web.address,
    dbMac: db.link.mac ?? '',
    pid: { web: pidOf('web'), db: pidOf('db') },
    length,
    nobody: base.replace(/\d+$/, '77'),
    half: `${base}/${length + 1}`,
  };
}
