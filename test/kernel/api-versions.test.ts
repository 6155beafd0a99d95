/**
 * @module What changed between versions of the Engine API: who negotiates an old one is shown what it was, who negotiates
 * a new one what it is. Every answer is checked in the description of its version, where that is at hand.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { missingProgram, run, TestDaemon } from '../api/daemon.ts';

const IMAGE = 'pontoon/busybox';
let daemon: TestDaemon;

before(async () => {
  await run('ip', ['link', 'set', 'lo', 'up']);
  daemon = await TestDaemon.start();
});
after(() => daemon.stop());

async function post(path: string, body?: unknown, status = 201): Promise<void> {
  const answer = await daemon.call('POST', path, { body });
  assert.equal(answer.status, status, answer.text);
}

test('the newest is negotiated; a path without one means 1.50, which has what scripts read', async () => {
  assert.equal((await daemon.call('GET', '/_ping', { version: '' })).headers['api-version'], '1.55');
  assert.equal((await daemon.get('/version', { version: '' })).ApiVersion, '1.55');
  await post(`/containers/create?name=old`, { Image: IMAGE, Cmd: ['true'] });
  assert.ok('IPAddress' in (await daemon.get('/containers/old/json', { version: '' })).NetworkSettings);
  assert.ok(!('IPAddress' in (await daemon.get('/containers/old/json', { version: '1.55' })).NetworkSettings));
  const refused = await daemon.call('GET', '/info', { version: '1.56' });
  assert.equal(refused.status, 400);
  assert.match(refused.json.message, /^client version 1\.56 is too new\. Maximum supported API version is 1\.55$/);
});

test('the docker command negotiates its own newest', { skip: missingProgram('docker') }, async () => {
  const { stdout } = await daemon.docker('version', '--format', '{{.Client.APIVersion}} {{.Server.APIVersion}}');
  const [client = '', server] = stdout.trim().split(' ');
  assert.equal(server, '1.55');
  const newest = await run('docker', ['--host', 'unix:///nowhere', 'version', '--format', '{{.Client.APIVersion}}']);
  assert.equal(client, newest.stdout.trim());
});

test('1.49 and 1.50: info says no more what was expected of programs, nor of frames of bridges', async () => {
  const [old, later] = [await daemon.get('/info'), await daemon.get('/info', { version: '1.50' })];
  assert.ok('Expected' in old.RuncCommit && 'BridgeNfIptables' in old);
  assert.ok(!('Expected' in later.RuncCommit) && !('BridgeNfIptables' in later));
  assert.deepEqual(later.FirewallBackend, { Driver: 'nftables' });
});

test('1.41: the list of images takes a name as a filter only', async () => {
  const count = async (version: string): Promise<number> =>
    (await daemon.get('/images/json?filter=other', { version })).length;
  assert.equal(await count('1.40'), 0);
  assert.ok((await count('1.41')) > 0);
});

test('1.51: the list of images counts their containers', async () => {
  const counts = async (version: string): Promise<number> =>
    (await daemon.get('/images/json', { version })).find((image: { RepoTags: string[] }) =>
      image.RepoTags.includes(`${IMAGE}:latest`),
    ).Containers;
  assert.deepEqual([await counts('1.50'), await counts('1.55')], [-1, 1]);
});

test('1.52: what an image does not say is left out, and so is OnBuild of a container', async () => {
  const [old, later] = [
    await daemon.get(`/images/${IMAGE}/json`),
    await daemon.get(`/images/${IMAGE}/json`, { version: '1.55' }),
  ];
  assert.ok('Author' in old && 'Labels' in old.Config);
  assert.ok(!('Author' in later) && !('Parent' in later) && !('OnBuild' in later.Config));
  assert.deepEqual(later.Config.Cmd, old.Config.Cmd);
  assert.ok(!('OnBuild' in (await daemon.get('/containers/old/json', { version: '1.55' })).Config));
});

test('1.52: a network says how full its subnets are', async () => {
  const config = [
    { Subnet: '10.9.0.0/24', IPRange: '10.9.0.128/25', AuxiliaryAddresses: { printer: '10.9.0.7' } },
    { Subnet: 'fd00:9::/64' },
  ];
  await post('/networks/create', { Name: 'full', EnableIPv6: true, IPAM: { Config: config } });
  const status = async () => (await daemon.get('/networks/full', { version: '1.55' })).Status.IPAM.Subnets;
  // Network, broadcast, gateway and printer, of which the range has one: broadcast.
  const before = await status();
  assert.deepEqual(before['10.9.0.0/24'], { IPsInUse: 4, DynamicIPsAvailable: 127 });
  // 64 bits of addresses less anycast and gateway, with all their digits.
  const { text } = await daemon.call('GET', '/networks/full', { version: '1.55' });
  assert.match(text, /"DynamicIPsAvailable":18446744073709551614\b/);
  const own = { IPAMConfig: { IPv4Address: '10.9.0.200' } }; // kept for it while it does not run
  await post('/networks/full/connect', { Container: 'old', EndpointConfig: own }, 200);
  assert.deepEqual((await status())['10.9.0.0/24'], { IPsInUse: 5, DynamicIPsAvailable: 126 });
  assert.ok(!('Status' in (await daemon.get('/networks/full'))));
});

test('1.52: the disk is counted, and listed as before; 1.53: counted', async () => {
  const keys = async (version: string, query = '') =>
    Object.keys(await daemon.get(`/system/df?type=volume${query}`, { version }));
  assert.deepEqual(await keys('1.51'), ['Volumes']);
  assert.deepEqual(await keys('1.52'), ['Volumes', 'VolumeUsage']);
  assert.deepEqual(await keys('1.52', '&verbose=1'), ['VolumeUsage']);
  assert.deepEqual(await keys('1.53'), ['VolumeUsage']);
});

test('1.52: a client says how it wants the stream of events, without the fields of old', async () => {
  const first = async (version: string, accept?: string): Promise<{ type: string | undefined; text: string }> => {
    const sent = request({
      socketPath: daemon.socketPath,
      path: `/v${version}/events?since=0&until=${Math.ceil(Date.now() / 1000)}&filters={"type":["container"]}`,
      headers: accept === undefined ? {} : { accept },
      agent: false,
    });
    sent.end();
    const [response] = await once(sent, 'response');
    response.setEncoding('utf8');
    let text = '';
    for await (const part of response) text += part;
    return { type: response.headers['content-type'], text: text.slice(0, text.indexOf('\n')) };
  };
  const asked = 'application/json-seq, application/x-ndjson';
  const old = await first('1.51', asked);
  assert.equal(old.type, 'application/json');
  assert.equal(JSON.parse(old.text).status, 'create');
  const sequence = await first('1.52', asked);
  assert.equal(sequence.type, 'application/json-seq');
  assert.equal(sequence.text[0], '\x1e');
  const event = JSON.parse(sequence.text.slice(1));
  assert.equal(event.Action, 'create');
  assert.ok(!('status' in event) && !('id' in event) && !('from' in event));
  assert.equal((await first('1.55', 'text/html, application/jsonl;q=0.9')).type, 'application/jsonl');
  assert.equal((await first('1.55')).type, 'application/json');
});

test('an image is that of one platform: another one is not there', async () => {
  const other = encodeURIComponent('{"os":"linux","architecture":"pdp11"}');
  const own = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: await architecture() }));
  for (const path of ['json', 'history']) {
    const at = (platform: string) =>
      daemon.call('GET', `/images/${IMAGE}/${path}?platform=${platform}`, { version: '1.55' });
    assert.equal((await at(own)).status, 200);
    assert.equal((await at(other)).status, 404);
    assert.equal((await at('linux')).status, 400);
  }
  const old = await daemon.call('GET', `/images/${IMAGE}/json?platform=nonsense`, { version: '1.41' });
  assert.equal(old.status, 200); // that version knows no such question
  assert.equal((await daemon.call('GET', `/images/get?names=${IMAGE}&platform=${other}`)).status, 404);
  const removal = await daemon.call('DELETE', `/images/${IMAGE}?platforms=${other}`, { version: '1.55' });
  assert.equal(removal.status, 404);
  const attested = await daemon.call('GET', `/images/${IMAGE}/attestations`, { version: '1.55' });
  assert.equal(attested.status, 501);
});

async function architecture(): Promise<string> {
  return (await daemon.get(`/images/${IMAGE}/json`)).Architecture;
}

test('what is not done is told: bindings without a port from 1.52 on, and limits that are ignored', async () => {
  const create = async (version: string): Promise<string[]> => {
    const body = { Image: IMAGE, Cmd: ['true'], HostConfig: { PortBindings: { '80/tcp': [] }, MemorySwappiness: 9 } };
    const { json } = await daemon.call('POST', '/containers/create', { body, version });
    return json.Warnings;
  };
  const ignored = 'Pontoon does not limit this: MemorySwappiness is ignored.';
  assert.deepEqual(await create('1.51'), [ignored]);
  assert.match((await create('1.55'))[1] ?? '', /empty list of port-bindings: 80\/tcp/);
  const update = { BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1 }] };
  const { json } = await daemon.call('POST', '/containers/old/update', { body: update, version: '1.55' });
  assert.match(json.Warnings[0], /BlkioDeviceReadBps is ignored/);
});
