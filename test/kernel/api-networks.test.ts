/**
 * @module /networks as Docker's clients know it: the JSON field by field, the statuses, and the sentences that they
 * match; with the docker command line where it is installed.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { missingProgram, TestDaemon } from '../api/daemon.ts';

const ID = /^[0-9a-f]{64}$/;
const withoutDocker = missingProgram('docker');

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.stop());

/** Makes a network for one test. */
async function create(body: Record<string, unknown>): Promise<string> {
  const { status, json, text } = await daemon.call('POST', '/networks/create', { body });
  assert.equal(status, 201, text);
  return json.Id;
}

async function refused(method: string, path: string, body?: unknown): Promise<{ status: number; message: string }> {
  const { status, json } = await daemon.call(method, path, body === undefined ? {} : { body });
  return { status, message: json.message };
}

function filters(value: Record<string, unknown>): string {
  return `?filters=${encodeURIComponent(JSON.stringify(value))}`;
}

describe('networks', { concurrency: false }, () => {
  test('the three that are always there', async () => {
    const networks = await daemon.get('/networks');
    const shown = networks.map(({ Name, Driver, Scope }: Record<string, string>) => [Name, Driver, Scope]);
    assert.deepEqual(shown.sort(), [
      ['bridge', 'bridge', 'local'],
      ['host', 'host', 'local'],
      ['none', 'null', 'local'],
    ]);
    const bridge = await daemon.get('/networks/bridge');
    assert.deepEqual(bridge.IPAM.Config, [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }]);
    assert.equal(bridge.Options['com.docker.network.bridge.default_bridge'], 'true');
    assert.equal(bridge.Options['com.docker.network.driver.mtu'], '1500');
  });

  test('what was asked for is shown again', async () => {
    const options = { 'com.docker.network.driver.mtu': '1400', 'com.docker.network.bridge.name': 'front0', mine: 'x' };
    const config = [
      {
        Subnet: '172.28.0.0/16',
        IPRange: '172.28.5.0/24',
        Gateway: '172.28.5.254',
        AuxiliaryAddresses: { printer: '172.28.5.1' },
      },
      { Subnet: 'fd00:9::/64', Gateway: 'fd00:9::1' },
    ];
    const id = await create({
      Name: 'front',
      CheckDuplicate: true,
      Driver: 'bridge',
      EnableIPv6: true,
      IPAM: { Driver: 'default', Config: config, Options: {} },
      Attachable: true,
      Options: options,
      Labels: { team: 'web' },
    });
    assert.match(id, ID);
    const { Created, ...network } = await daemon.get(`/networks/${id.slice(0, 12)}`);
    assert.ok(Math.abs(Date.parse(Created) - Date.now()) < 60_000);
    assert.deepEqual(network, {
      Name: 'front',
      Id: id,
      Scope: 'local',
      Driver: 'bridge',
      EnableIPv4: true,
      EnableIPv6: true,
      IPAM: { Driver: 'default', Options: {}, Config: config },
      Internal: false,
      Attachable: true,
      Ingress: false,
      ConfigFrom: { Network: '' },
      ConfigOnly: false,
      Containers: {},
      Options: options,
      Labels: { team: 'web' },
    });
    assert.equal((await daemon.call('DELETE', '/networks/front')).status, 204);
  });

  test('refusals have the statuses and the words of dockerd', async () => {
    const id = await create({ Name: 'there', IPAM: { Config: [{ Subnet: '172.29.0.0/16' }] } });
    const ask = (body: unknown) => refused('POST', '/networks/create', body);
    const cases: [Promise<{ status: number; message: string }>, number, RegExp][] = [
      [ask({ Name: 'there' }), 409, /^network with name there already exists/],
      [ask({ Name: 'bridge' }), 403, /^operation is not permitted on predefined bridge network/],
      [ask({ Name: 'h2', Driver: 'host' }), 403, /^only one instance of "host" network is allowed/],
      [ask({ Name: 'over', IPAM: { Config: [{ Subnet: '172.29.1.0/24' }] } }), 403, /overlaps/],
      [ask({ Name: 'bad', IPAM: { Config: [{ Subnet: '172.29.0.0/99' }] } }), 400, /172\.29\.0\.0\/99/],
      [ask({ Name: 'bad', Driver: 'nope' }), 404, /^plugin "nope" not found/],
      [ask({ Name: 'bad', Options: { 'com.docker.network.driver.mtu': 'x' } }), 400, /driver\.mtu/],
      [ask({ Name: 'bad', Scope: 'swarm' }), 501, /swarm/],
      [ask({}), 400, /Name/],
      [ask({ Name: '' }), 400, /invalid name/],
      [ask({ Name: 5 }), 400, /cannot unmarshal number into field Name of type string/],
      [ask({ Name: 'x', IPAM: { Config: [{ Subnet: 1 }] } }), 400, /field IPAM\.Config\[0\]\.Subnet/],
      [refused('DELETE', '/networks/bridge'), 403, /^bridge is a pre-defined network and cannot be removed$/],
      [refused('DELETE', '/networks/nope'), 404, /^network nope not found$/],
      [refused('GET', '/networks/nope'), 404, /^network nope not found$/],
      [refused('GET', '/networks/there?scope=swarm'), 404, /^network there not found$/],
      [refused('POST', '/networks/there/connect', { Container: 'nope' }), 404, /^No such container: nope$/],
      [refused('POST', '/networks/there/connect', {}), 400, /^invalid name or ID supplied: ""$/],
      [refused('POST', '/networks/there/disconnect', { Container: 'nope' }), 404, /^No such container: nope$/],
    ];
    for (const [asking, status, words] of cases) {
      const answer = await asking;
      assert.equal(answer.status, status, answer.message);
      assert.match(answer.message, words);
    }
    assert.equal((await daemon.call('DELETE', `/networks/${id}`)).status, 204);
  });

  test('names of fields may be in any case, null is nothing, and unknown fields are accepted', async () => {
    const id = await create({ name: 'lower', driver: null, labels: { A: 'b' }, IPAM: null, Nonsense: { deep: [1] } });
    assert.deepEqual((await daemon.get(`/networks/${id}`)).Labels, { A: 'b' });
    assert.equal((await daemon.call('DELETE', '/networks/lower')).status, 204);
  });

  test('filters, in both forms', async () => {
    await create({ Name: 'blue-net', Labels: { colour: 'blue' } });
    await create({ Name: 'red-net', Labels: { colour: 'red' } });
    const names = async (query: Record<string, unknown>): Promise<string[]> =>
      (await daemon.get(`/networks${filters(query)}`)).map(({ Name }: { Name: string }) => Name).sort();
    assert.deepEqual(await names({ label: ['colour'] }), ['blue-net', 'red-net']);
    assert.deepEqual(await names({ label: { 'colour=red': true } }), ['red-net']);
    assert.deepEqual(await names({ name: { net: true } }), ['blue-net', 'red-net']);
    assert.deepEqual(await names({ name: ['^red'], id: {} }), ['red-net']);
    assert.deepEqual(await names({ driver: ['null', 'host'] }), ['host', 'none']);
    assert.deepEqual(await names({ type: ['custom'] }), ['blue-net', 'red-net']);
    assert.deepEqual(await names({ dangling: ['true'] }), ['blue-net', 'red-net']);
    assert.deepEqual(await names({ scope: ['swarm'] }), []);
    assert.match((await refused('GET', `/networks${filters({ foo: ['x'] })}`)).message, /invalid filter 'foo'/);
    assert.equal((await refused('GET', '/networks?filters=xx')).status, 400);

    const pruned = await daemon.call('POST', `/networks/prune${filters({ label: ['colour=blue'] })}`);
    assert.deepEqual(pruned.json, { NetworksDeleted: ['blue-net'] });
    const young = await daemon.call('POST', `/networks/prune${filters({ until: ['1h'] })}`);
    assert.deepEqual(young.json, { NetworksDeleted: [] });
    assert.deepEqual((await daemon.call('POST', '/networks/prune')).json, { NetworksDeleted: ['red-net'] });
  });

  test('a sandbox joins and leaves', async () => {
    const network = await create({ Name: 'room', IPAM: { Config: [{ Subnet: '10.5.0.0/24' }] } });
    const made = await daemon.call('POST', '/pontoon/sandboxes', { body: { name: 'guest' } });
    assert.equal(made.status, 201, made.text);
    const connect = (body: unknown) => daemon.call('POST', '/networks/room/connect', { body });
    const settings = { IPAMConfig: { IPv4Address: '10.5.0.9' }, Aliases: ['visitor'] };
    assert.equal((await connect({ Container: 'guest', EndpointConfig: settings })).status, 200);
    assert.equal((await connect({ Container: 'guest' })).status, 403);
    const { Containers } = await daemon.get(`/networks/${network}`);
    const { EndpointID, ...member } = Containers[made.json.id];
    assert.match(EndpointID, ID);
    assert.deepEqual(member, {
      Name: 'guest',
      MacAddress: '02:42:0a:05:00:09',
      IPv4Address: '10.5.0.9/24',
      IPv6Address: '',
    });
    const { status, message } = await refused('DELETE', '/networks/room');
    assert.equal(status, 403);
    assert.match(message, /network room has active endpoints \(name:"guest" id:"[0-9a-f]{12}"\)/);

    const disconnect = (body: unknown) => daemon.call('POST', '/networks/room/disconnect', { body });
    assert.equal((await disconnect({ Container: 'guest' })).status, 200);
    assert.equal((await disconnect({ Container: 'guest' })).status, 404);
    assert.equal((await disconnect({ Container: 'guest', Force: true })).status, 200);
    assert.equal((await daemon.call('DELETE', '/pontoon/sandboxes/guest')).status, 204);
    assert.equal((await daemon.call('DELETE', '/networks/room')).status, 204);
  });

  test('events tell it, and filters choose', async () => {
    const since = (Date.now() - 1) / 1000;
    const id = await create({ Name: 'told' });
    await daemon.call('DELETE', '/networks/told');
    const until = (Date.now() + 500) / 1000;
    const { text } = await daemon.call('GET', `/events?since=${since}&until=${until}`);
    const told = text.split('\n').filter((line) => line.includes(id));
    assert.deepEqual(
      told.map((line) => JSON.parse(line)).map(({ Type, Action, Actor }) => [Type, Action, Actor.ID, Actor.Attributes]),
      [
        ['network', 'create', id, { name: 'told', type: 'bridge' }],
        ['network', 'destroy', id, { name: 'told', type: 'bridge' }],
      ],
    );
    const chosen = filters({ event: ['destroy'], network: ['told'] }).replace('?', '&');
    const { text: one } = await daemon.call('GET', `/events?since=${since}&until=${until}${chosen}`);
    assert.deepEqual(
      one.split('\n').filter((line) => line !== ''),
      told.slice(1),
    );
    assert.equal((await refused('GET', '/events?since=5&until=3')).status, 400);
  });

  test('the docker command line', { skip: withoutDocker }, async () => {
    const docker = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await daemon.docker(...args);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, `docker ${args.join(' ')}`);
      return stdout.trim();
    };
    assert.match(await docker('network', 'create', '--subnet=172.18.0.0/24', 'tomcat-net'), ID);
    assert.equal(
      await docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'tomcat-net'),
      '172.18.0.1',
    );
    assert.equal(await docker('network', 'ls', '-q', '--filter', 'name=tomcat', '--format', '{{.Driver}}'), 'bridge');
    assert.equal(await docker('network', 'rm', 'tomcat-net'), 'tomcat-net');
    const { status, stderr } = await daemon.docker('network', 'create', 'bridge');
    assert.equal(status, 1);
    assert.match(stderr, /^Error response from daemon: operation is not permitted on predefined bridge network/);
  });
});
