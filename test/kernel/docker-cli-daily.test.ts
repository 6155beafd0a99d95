/** @module What people type every day with the docker command line, and its answers where engines like to differ. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DockerShell } from '../support/docker.ts';

const { daemon, docker } = await DockerShell.open();
after(() => daemon[Symbol.asyncDispose]());

const IMAGE = 'pontoon/busybox';
const out = async (line: string): Promise<string> => (await docker.out(line)).trim();
const refused = async (line: string, message: RegExp, status = 1): Promise<void> =>
  assert.match((await docker.run(line, { status })).stderr, message);

test('an update changes what it names: the other limits stay, after a restart too', async () => {
  await out(`docker run -d --name limited -m 64m --cpus 1 --pids-limit -1 --init ${IMAGE} sleep 1000`);
  for (const change of ['--cpu-shares 512', '--restart unless-stopped', '--pids-limit 50', '--pids-limit -1'])
    await out(`docker update ${change} limited`);
  const { HostConfig } = (await docker.json<{ HostConfig: Record<string, unknown> }[]>('docker inspect limited'))[0]!;
  const { Memory, NanoCpus, CpuShares, RestartPolicy, PidsLimit } = HostConfig;
  assert.deepEqual(
    { Memory, NanoCpus, CpuShares, RestartPolicy, PidsLimit },
    {
      ...{ Memory: 64 << 20, NanoCpus: 1e9, CpuShares: 512, PidsLimit: null },
      RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
    },
  );
  await out('docker restart limited');
  assert.match(await out('docker stats --no-stream --format "{{.MemUsage}}" limited'), / \/ 64MiB$/);
  await out('docker rm -f limited');
});

test('ps shows which image a container is of, when its name is that of another one now', async () => {
  const make = async (change: string): Promise<string> =>
    out(`docker export maker | docker import -c '${change}' - app:v`);
  await out(`docker create --name maker ${IMAGE}`);
  const first = await make('ENV A=1');
  await out('docker run -d --name early app:v sleep 1000');
  await make('ENV A=2');
  await out('docker run -d --name late app:v sleep 1000');
  const shown = (name: string) => out(`docker ps --filter name=${name} --format '{{.Image}}'`);
  assert.deepEqual([await shown('early'), await shown('late')], [first.slice(7, 19), 'app:v']);
  await out('docker rm -f early late maker');
});

test('a name without a tag saves all its tags', async () => {
  for (const tag of ['one', 'two']) await out(`docker tag ${IMAGE} many:${tag}`);
  const [{ RepoTags }] = await docker.json<[{ RepoTags: string[] }]>('docker save many | tar -xO manifest.json');
  assert.deepEqual(RepoTags.toSorted(), ['many:one', 'many:two']);
  await refused('docker save nix', /No such image: nix/);
});

test('ps finds a container by the port of the host, and by the one in it that is exposed', async () => {
  await out(`docker run -d --name served -p 8086:86 --init ${IMAGE} sleep 1000`);
  const found = (filter: string) => out(`docker ps --filter ${filter} --format '{{.Names}}'`);
  assert.deepEqual(
    [await found('publish=8086'), await found('publish=86'), await found('expose=86')],
    ['served', '', 'served'],
  );
  await out('docker rm -f served');
});

test('what cannot be is said in one line, with a status', async () => {
  await out(`docker run --name silent --log-driver none ${IMAGE} echo hello`);
  await refused(
    'docker logs silent',
    /^Error response from daemon: configured logging driver does not support reading$/m,
  );
  await out(`docker run -d --name fixed --read-only --init ${IMAGE} sleep 1000`);
  const file = join(daemon.directory, 'file');
  writeFileSync(file, '');
  await refused(`docker cp ${file} fixed:/file`, /of container fixed is marked read-only/);
  await refused(`docker run --log-opt max-sizes=1m ${IMAGE}`, /unknown log opt 'max-sizes' for json-file/, 125);
  await refused('docker rm --link /fixed/db', /Pontoon does not remove links: /);
  await refused('docker rm fixed/db', /No such container: fixed\/db/);
  await out('docker rm -f silent fixed');
  assert.doesNotMatch(daemon.log, /"level":50/);
});

test('logs -f with an end that is past shows what was until then', async () => {
  await out(`docker run -d --name wrote --init ${IMAGE} sh -c 'echo begun; exec sleep 1000'`);
  while ((await out('docker logs wrote')) !== 'begun');
  assert.equal(await out('docker logs -f --until=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ) wrote'), 'begun');
  await out('docker rm -f wrote');
});

test('a link of network connect is a name on that network, as long as the other runs', async () => {
  await out('docker network create back');
  await out(`docker run -d --name other --network back --init ${IMAGE} sleep 1000`);
  await out(`docker run -d --name linked --init ${IMAGE} sleep 1000`);
  await out('docker network connect --link other:alias back linked');
  const pings = 'docker exec linked ping -c 1 -W 1 alias';
  await out(pings);
  await out('docker stop other; docker restart linked');
  await docker.run(pings, { status: 1 });
  await out('docker start other');
  await out(pings);
  await out('docker rm -f other linked; docker network rm back');
});

test('host-gateway is the address of the host, on its own stack too', async () => {
  const line = (network: string) =>
    out(`docker run --rm --network ${network} --add-host up:host-gateway ${IMAGE} grep up$ /etc/hosts`);
  assert.deepEqual([await line('bridge'), await line('host')], ['172.17.0.1\tup', '172.17.0.1\tup']);
});

test('a setting of an interface arrives as the command line writes it, in lower case', async () => {
  const option = 'driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1';
  const path = '/proc/sys/net/ipv4/conf/eth0/log_martians';
  assert.equal(await out(`docker run --rm --network name=bridge,${option} ${IMAGE} cat ${path}`), '1');
});

test('who does not run may be connected again to a network that it has, with nothing more', async () => {
  await out(`docker create --name again --init ${IMAGE} sleep 1000`);
  await out('docker network connect bridge again');
  await refused('docker network connect --driver-opt a=b bridge again', /already exists in network bridge/);
  await out('docker start again');
  await refused('docker network connect bridge again', /already exists in network bridge/);
  await out('docker rm -f again');
});

test('options of an endpoint that another driver would know are shown, and live on', async () => {
  await out(`docker run -d --name optioned --network name=bridge,driver-opt=of.another=x --init ${IMAGE} sleep 1000`);
  const options = () => out("docker inspect -f '{{json .NetworkSettings.Networks.bridge.DriverOpts}}' optioned");
  assert.equal(await options(), '{"of.another":"x"}');
  await out('docker network disconnect bridge optioned; docker network connect --driver-opt a=b bridge optioned');
  assert.equal(await options(), '{"a":"b"}');
  await out('docker rm -f optioned');
});

test('a network goes when nobody on it runs; who was on it starts without it', async () => {
  const links = () => out('docker exec leaver ls /sys/class/net');
  await out('docker network create gone; docker network create other');
  await out(`docker run -d --name leaver --network gone -p 8087:80 --init ${IMAGE} sleep 1000`);
  await refused('docker network rm gone', /network gone has active endpoints \(name:"leaver"/);
  await out('docker stop leaver');
  assert.equal(await out('docker network prune -f'), 'Deleted Networks:\nother');
  assert.equal(await out('docker network rm gone'), 'gone');
  await out('docker start leaver');
  assert.equal(await links(), 'lo');
  await out('docker network create other; docker network connect other leaver');
  assert.equal(await links(), 'eth0\nlo');
  assert.match(await out('docker port leaver'), /^80\/tcp -> 0\.0\.0\.0:8087$/m);
  await out('docker rm -f leaver; docker network rm other');
});
