/**
 * @module The first users' commands, verbatim, by the docker command against `pontoon daemon`, with the outcomes that
 * their articles show.
 */

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { TestDaemon } from '../api/daemon.ts';
import { DockerShell } from '../support/docker.ts';

let daemon: TestDaemon;
let docker: DockerShell;
const sh = (line: string, options: { status?: number } = {}) => docker.run(line, options);
const out = (line: string) => docker.out(line);
const terminal = (line: string, options: { status?: number } = {}) => docker.terminal(line, options);

interface NetworkInspect {
  readonly Id: string;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[] };
  readonly Containers: Readonly<
    Record<
      string,
      { readonly Name: string; readonly EndpointID: string; readonly MacAddress: string; readonly IPv4Address: string }
    >
  >;
}

async function inspectNetwork(name: string): Promise<NetworkInspect> {
  const [network] = await docker.json<NetworkInspect[]>(`docker network inspect ${name}`);
  return network!;
}

async function namesOn(network: string): Promise<string[]> {
  return Object.values((await inspectNetwork(network)).Containers)
    .map(({ Name }) => Name)
    .sort();
}

/** The host's end of a container's eth0. */
async function hostEnd(name: string): Promise<string> {
  const links = await out(`docker exec ${name} ip link show`);
  assert.match(links, /: lo: /);
  const index = /: eth0@if(\d+): /.exec(links)?.[1];
  const veth = /^\d+: ([^@:]+)/.exec(await out(`ip -o link | grep '^${index}: '`))?.[1];
  assert.ok(veth, `no link ${index} on the host`);
  return veth;
}

before(async () => {
  ({ daemon, docker } = await DockerShell.open());
  await docker.makeWebImage('img', 80);
  await docker.makeWebImage('img8080', 8080);
});
after(() => daemon[Symbol.asyncDispose]());

suite('two web servers on the default network', () => {
  after(() => sh('docker rm -f mynginx1 mynginx2'));

  test('they run, and docker ps shows both with their ports', async () => {
    await sh('docker run --name mynginx1 -i -t -d -p 9001:80 img');
    await sh('docker run --name mynginx2 -i -t -d -p 9002:80 img');
    const lines = (await out('docker ps')).trim().split('\n').slice(1);
    assert.equal(lines.length, 2);
    assert.match(
      lines[1]!,
      /img +"httpd -f -p 80 -h \/" .* Up .*0\.0\.0\.0:9001->80\/tcp, (\[::\]|::):9001->80\/tcp +mynginx1/,
    );
    assert.match(lines[0]!, /0\.0\.0\.0:9002->80\/tcp, (\[::\]|::):9002->80\/tcp +mynginx2/);
  });

  test('the host reaches both', async () => {
    assert.equal(await out('curl -s 127.0.0.1:9001'), 'it works on 80\n');
    assert.equal(await out('curl -s 127.0.0.1:9002'), 'it works on 80\n');
  });

  test('a capture of the first packet shows the neighbour being asked for, its answer, and the packet', async () => {
    assert.doesNotMatch(await out('docker exec mynginx1 arp -n'), /172\.17\.0\.3/);
    const veth = await hostEnd('mynginx1');
    const capturing = out(`timeout 20 tcpdump -c 4 -nn -i ${veth} 'arp or tcp port 80' 2>/dev/null`);
    await sh('sleep 1');
    assert.match(await terminal('docker exec -it mynginx1 wget -qO- 172.17.0.3'), /it works on 80/);
    const captured = await capturing;
    assert.match(captured, /ARP, Request who-has 172\.17\.0\.3 .*tell 172\.17\.0\.2/);
    assert.match(captured, /ARP, Reply 172\.17\.0\.3 is-at 02:42:ac:11:00:03/);
    assert.match(captured, /172\.17\.0\.2\.\d+ > 172\.17\.0\.3\.80: Flags \[S\]/);
  });

  test('the neighbour is known after it', async () => {
    assert.match(await out('docker exec mynginx1 arp -n'), /172\.17\.0\.3.* at 02:42:ac:11:00:03 .*on eth0/);
  });

  test('the routes are one to the gateway and one on the network', async () => {
    const routes = await out('docker exec mynginx1 route -n');
    assert.match(routes, /^0\.0\.0\.0 +172\.17\.0\.1 +0\.0\.0\.0 +UG .*eth0$/m);
    assert.match(routes, /^172\.17\.0\.0 +0\.0\.0\.0 +255\.255\.0\.0 +U .*eth0$/m);
  });

  test('eth0 names the index of its other end, which is a port of the bridge on the host', async () => {
    const veth = await hostEnd('mynginx1');
    assert.match(await out(`ethtool -S ${veth}`), /peer_ifindex: \d+/);
    assert.match(await out(`ethtool -i ${veth}`), /driver: veth/);
    const bridge = / master (\S+) /.exec(await out(`ip link show ${veth}`))?.[1];
    const forwarding = await out(`bridge fdb show br ${bridge}`);
    for (const mac of ['02:42:ac:11:00:02', '02:42:ac:11:00:03']) assert.match(forwarding, new RegExp(mac));
    // brctl reads sysfs, which shows the network namespace that mounted it.
    const bridges = await out("unshare --mount sh -c 'mount -t sysfs sysfs /sys; brctl show'");
    assert.match(bridges, new RegExp(`${bridge}[^]*${veth}`));
  });

  test('they ping each other', async () => {
    assert.match(await out('docker exec mynginx1 ping -c 3 172.17.0.3'), /3 packets received, 0% packet loss/);
  });

  test('three networks are there, and the default one lists both', async () => {
    const names = (await out('docker network ls --format "{{.Name}}"')).trim().split('\n').sort();
    assert.deepEqual(names, ['bridge', 'host', 'none']);
    const { IPAM, Containers } = await inspectNetwork('bridge');
    assert.deepEqual(IPAM.Config, [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }]);
    const first = Object.values(Containers).find(({ Name }) => Name === 'mynginx1');
    assert.match(first?.EndpointID ?? '', /^[0-9a-f]{64}$/);
    assert.equal(first?.MacAddress, '02:42:ac:11:00:02');
    assert.equal(first?.IPv4Address, '172.17.0.2/16');
    assert.deepEqual(await namesOn('bridge'), ['mynginx1', 'mynginx2']);
  });
});

suite("the host's network", () => {
  after(() => sh('docker rm -f nginx-host nginx-host2'));

  test("a server listens on the host's own port", async () => {
    await sh('docker run -d --net=host --name nginx-host img');
    assert.equal(await out('curl -s --retry 20 --retry-connrefused --retry-delay 0 127.0.0.1:80'), 'it works on 80\n');
    assert.equal(await out('docker port nginx-host'), '');
  });

  test("a second one fails with the server's own words", async () => {
    await sh('docker run -d --net=host --name nginx-host2 img');
    assert.equal((await out('docker wait nginx-host2')).trim(), '1');
    const { stdout, stderr } = await sh('docker logs nginx-host2');
    assert.match(stdout + stderr, /bind: Address already in use/);
  });
});

suite("a network of one's own", () => {
  const address = async (name: string, network: string): Promise<string> =>
    (await out(`docker inspect -f '{{(index .NetworkSettings.Networks "${network}").IPAddress}}' ${name}`)).trim();

  after(async () => {
    await sh('docker rm -f tomcat01 tomcat02 net-tomcat01');
    await sh('docker network rm -f tomcat-net');
  });

  test('two containers on the default network', async () => {
    await sh('docker run -d --name tomcat01 -p 8081:8080 img8080');
    await sh('docker run -d --name tomcat02 -p 8082:8080 img8080');
    const shown = await terminal('docker exec -it tomcat01 ip a');
    assert.match(shown, /: lo: /);
    assert.match(shown, /: eth0@if\d+: /);
    assert.match(shown, /inet 172\.17\.0\.\d+\/16 /);
    assert.equal(await out('curl -s 127.0.0.1:8081'), 'it works on 8080\n');
  });

  test('one on another network does not reach them', async () => {
    await sh('docker network create --subnet=172.18.0.0/24 tomcat-net');
    assert.equal((await inspectNetwork('tomcat-net')).IPAM.Config[0]?.Subnet, '172.18.0.0/24');
    await sh('docker run -d --name net-tomcat01 --network tomcat-net img8080');
    const ping = `docker exec -it net-tomcat01 ping -c 1 -W 1 ${await address('tomcat01', 'bridge')}`;
    assert.match(await terminal(ping, { status: 1 }), /100% packet loss/);
  });

  test('until they are connected: then by address and by name', async () => {
    await sh('docker network connect tomcat-net tomcat01');
    assert.match(await out('docker exec tomcat01 ip -o link'), /eth0@.*eth1@/s);
    assert.deepEqual(await namesOn('tomcat-net'), ['net-tomcat01', 'tomcat01']);
    const own = await address('tomcat01', 'tomcat-net');
    assert.match(await terminal(`docker exec -it net-tomcat01 ping -c 1 ${own}`), / 0% packet loss/);
    assert.match(await terminal('docker exec -it net-tomcat01 ping -c 1 tomcat01'), / 0% packet loss/);
    const unknown = await terminal('docker exec -it net-tomcat01 ping -c 1 tomcat02', { status: 1 });
    assert.match(unknown, /bad address 'tomcat02'/);
  });

  test('a network goes when nobody is on it', async () => {
    await sh('docker network disconnect tomcat-net tomcat01');
    const refused = await sh('docker network rm tomcat-net', { status: 1 });
    assert.match(refused.stderr, /network tomcat-net .*has active endpoints/);
    await sh('docker rm -f net-tomcat01');
    assert.equal(await out('docker network rm tomcat-net'), 'tomcat-net\n');
  });
});

suite('several networks', () => {
  const inspect = (what: string) => docker.json<unknown>(`docker inspect -f '{{json .NetworkSettings.${what}}}' many`);

  before(async () => {
    await sh('docker network create --subnet 10.1.0.0/24 one');
    await sh('docker network create --subnet 10.2.0.0/24 two');
    await sh('docker network create --internal inside');
  });
  after(async () => {
    await sh('docker rm -f many');
    await sh('docker network rm one two inside');
  });

  test('the long form says address, MAC, alias, interface and gateway', async () => {
    const one = 'name=one,ip=10.1.0.7,alias=www,mac-address=02:00:00:00:00:07';
    const two = 'name=two,gw-priority=5,driver-opt=com.docker.network.endpoint.ifname=lan0';
    await sh(`docker run -d --name many --network inside --network ${one} --network ${two} -p 9003:80 img`);
    assert.match(await out('docker exec many ip -o -4 addr'), /eth1 +inet 10\.1\.0\.7\/24/);
    assert.match(await out('docker exec many ip route'), /^default via 10\.2\.0\.1 dev lan0/m);
    assert.equal(await out('docker exec many cat /sys/class/net/eth1/address'), '02:00:00:00:00:07\n');
    assert.equal(await out('curl -s 127.0.0.1:9003'), 'it works on 80\n');
  });

  test('ports move on when their network is left, and wait when none is there', async () => {
    await sh('docker network disconnect two many');
    assert.equal(await out('curl -s 127.0.0.1:9003'), 'it works on 80\n');
    await sh('docker network disconnect one many');
    assert.deepEqual(await inspect('Ports'), { '80/tcp': null });
    await sh('docker network connect --ip 10.2.0.44 two many');
    assert.equal(await out('curl -s 127.0.0.1:9003'), 'it works on 80\n');
    assert.deepEqual(await inspect('Networks.two.IPAMConfig'), { IPv4Address: '10.2.0.44' });
  });

  test('ports that no network can carry are a warning', async () => {
    const { stderr } = await sh('docker run --rm --network inside -p 9004:80 img true');
    assert.match(stderr, /WARNING: No port is published/);
  });
});
