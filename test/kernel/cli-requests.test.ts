/**
 * @module What `pontoon` asks of the API is what `docker` asks: both run against a server that records requests, and the
 * bodies are the same but for what is empty. Skipped where the docker command is not installed.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';

const PONTOON = join(import.meta.dirname, '../../bin/pontoon');
const hasDocker = spawnSync('docker', ['--version']).status === 0;

/** Docker looks things up first, and waits for containers that nobody is attached to. */
const SIDE_CALLS = /^(HEAD|GET) \/_ping$|^GET \/(networks\/\w+|containers\/\w+\/json)$|\/wait$/;

const ANSWERS: readonly (readonly [path: RegExp, answer: unknown])[] = [
  [/^\/(containers|images)\/json$/, []],
  [/^\/containers\/\w+\/json$/, { Id: 'web', Config: { Tty: true } }],
  [/^\/images\/image$/, []],
  [/\/history$/, []],
  [/\/top$/, { Titles: ['PID'], Processes: [['1']] }],
  [/^\/networks$/, []],
];

interface Recorded {
  readonly method: string;
  /** Without the version; the query in order. */
  readonly path: string;
  readonly body: unknown;
}

const directory = mkdtempSync(join(tmpdir(), 'cli-requests-'));
const host = `unix://${join(directory, 'api.sock')}`;
let server: Server;
let recorded: Recorded[] = [];
let hasPulled = false;

before(async () => {
  server = createServer(async (request, response) => {
    const body = await text(request);
    const url = new URL(request.url ?? '/', 'http://api');
    const path = url.pathname.replace(/^\/v[\d.]+/, '');
    url.searchParams.sort();
    const filters = url.searchParams.get('filters');
    if (filters !== null) url.searchParams.set('filters', JSON.stringify(listed(JSON.parse(filters) as Filters)));
    if (!SIDE_CALLS.test(`${request.method} ${path}`)) {
      recorded.push({
        method: request.method ?? '',
        path: `${path}${url.search}`,
        body: body === '' ? undefined : meaning(JSON.parse(body)),
      });
    }
    response.setHeader('Api-Version', '1.50');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Content-Type', 'application/json');
    const isOther = path === '/containers/create' && url.searchParams.get('platform') === 'linux/s390x' && !hasPulled;
    hasPulled = path === '/images/create';
    if (path === '/_ping') response.end('OK');
    else if (isOther) response.writeHead(404).end('{"message":"image was found but its platform does not match"}');
    else if (/\/(create|exec)$/.test(path)) response.writeHead(201).end('{"Id":"abc","Name":"abc","Warnings":[]}');
    else if (path.endsWith('/start') || path.endsWith('/kill')) response.writeHead(204).end();
    else response.end(JSON.stringify(ANSWERS.find(([known]) => known.test(path))?.[1] ?? {}));
  });
  server.listen(join(directory, 'api.sock'));
  await once(server, 'listening');
  writeFileSync(join(directory, 'archive'), '{}');
  writeFileSync(join(directory, 'env'), '# variables\nA=1\n\nB=two words\nHOME\n');
});

after(() => void server.close());

type Filters = Record<string, string[] | Record<string, true>>;

/** {key: {value: true}} is an old form of {key: [value]}. */
function listed(filters: Filters): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(filters).map(([key, values]) => [
      key,
      (Array.isArray(values) ? values : Object.keys(values)).toSorted(),
    ]),
  );
}

/** A body without what is empty: Go sends every field of its structs. Zero is what absence means. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => meaning(item) ?? item);
  if (typeof value !== 'object' || value === null) return isEmpty(value) ? undefined : value;
  const fields = Object.entries(value)
    .filter(([key]) => !GO_ONLY.includes(key))
    .map(([key, field]) => [key, isSet(key, field) ? field : inOrder(key, meaning(field))] as const)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

/** Docker sends variables, subnets and binds in the order of a map, which is random. */
function inOrder(key: string, value: unknown): unknown {
  if (!Array.isArray(value) || !['Env', 'Config', 'Binds'].includes(key)) return value;
  return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || value === 0 || value === false;
}

/** A map of which the keys say it all: {'80/tcp': {}}. */
function isSet(key: string, value: unknown): boolean {
  return ['ExposedPorts', 'Volumes', 'Tmpfs'].includes(key) && Object.keys(value ?? {}).length > 0;
}

/** MemorySwappiness is -1 unless it is said; OnBuild and others are empty. */
const GO_ONLY = ['MemorySwappiness'];

async function requestsOf(program: string, args: readonly string[]): Promise<Recorded[]> {
  recorded = [];
  const child = spawn(program, args, {
    env: { ...process.env, DOCKER_HOST: host, PONTOON_HOST: host, DOCKER_CONFIG: directory, HOME: '/root' },
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: directory,
  });
  const complaint = text(child.stderr);
  const [status] = (await once(child, 'exit')) as [number];
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${await complaint}`);
  return recorded.toSorted((a, b) => (a.path < b.path ? -1 : 1)); // several containers are stopped at the same time
}

describe('requests', { skip: hasDocker ? false : 'the docker command is not installed', concurrency: false }, () => {
  for (const line of [
    'create image',
    'create --name web -it image sh -c exit',
    'create -i image cat',
    'create -p 8080:80 -p 127.0.0.1::53/udp -p [::1]:443:443 -p 7000-7002:7000-7002 -p 9000-9005:90 -p 80 image',
    'create -P --expose 80 --expose 8000-8002/udp image',
    'create -v /data -v vol:/var -v ./here:/there:ro -v /a:/b:rw,z image',
    'create --mount type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave image',
    'create --mount type=volume,src=v,dst=/b,volume-nocopy,volume-label=a=b,volume-driver=local,volume-opt=o=x image',
    'create --mount type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770 --tmpfs /run:size=1m --tmpfs /x image',
    'create --network front --ip 10.1.0.9 --ip6 fd00::9 --network-alias a --network-alias b image',
    'create --network name=front,alias=x,ip=10.1.0.9,driver-opt=com.docker.network.endpoint.ifname=e0,gw-priority=-3 --network back image',
    'create --net host --hostname h --domainname d image',
    'create --net none image',
    'create --network container:web image',
    'create --link db:database --link cache image',
    'create --network front --link db:database image',
    'create --mac-address 02:42:ac:11:00:09 --link-local-ip 169.254.1.1 --network front image',
    'create --dns 1.1.1.1 --dns-search example.org --dns-option ndots:2 --dns-opt rotate image',
    'create --add-host a:10.0.0.1 --add-host b=host-gateway --add-host c:[::1] --add-host d:::2 image',
    'create -e A=b -e EMPTY= -e HOME -e UNSET_VARIABLE --env-file env -l a=b -l c --label-file env image',
    'create --restart on-failure:3 --rm=false --init --read-only --privileged --pid host --ipc shareable --uts host image',
    'create --rm --restart no image',
    'create --restart always --stop-signal INT --stop-timeout 3 -u 1:2 -w /tmp --group-add video image',
    'create -m 256m --memory-swap -1 --memory-reservation 100m --cpus 1.5 -c 512 --cpuset-cpus 0-1 --pids-limit 50 image',
    'create --cpu-period 50000 --cpu-quota 25000 --blkio-weight 300 --oom-kill-disable --oom-score-adj 100 image',
    'create --ulimit nofile=1024:2048 --ulimit core=0 --shm-size 128m --sysctl net.ipv4.ip_forward=1 image',
    'create --cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges --security-opt seccomp=unconfined image',
    'create --security-opt systempaths=unconfined image',
    'create --device /dev/null --device /dev/zero:/dev/z:r --device /dev/full:rw --device-cgroup-rule "c 1:3 r" image',
    'create --health-cmd true --health-interval 1m30s --health-timeout 500ms --health-retries 2 --health-start-period 5s image',
    'create --no-healthcheck --entrypoint /bin/sh --cgroupns private --cgroup-parent /x image -c ls',
    'create --log-driver json-file --log-opt max-size=1m --annotation a=b --storage-opt size=1G --runtime runc image',
    'create --volumes-from web:ro --volume-driver local --userns host --platform linux/amd64 --quiet image',
    'create --platform linux/s390x --quiet reg.example/image:1',
    'create --device-read-bps /dev/a:1mb --device-write-bps /dev/a:5 --device-read-iops /dev/a:7 --device-write-iops /dev/b:8 image',
    'create --blkio-weight-device /dev/a:100 --blkio-weight-device /dev/b:200 --kernel-memory 50m image',
    'create --gpus all --gpus 2 image',
    `create --gpus '"device=0,1","capabilities=compute,utility",driver=nvidia,options=a=b' image`,
    'create -p=8080:80 -e=A=b -v=/a:/b -itw=/tmp --name=x image -p=1',
    'create -a stdout -a stderr image',
    'run -d --name web image httpd -f',
    'run -dit image',
    'create --init=false --privileged=true -tp 80:80 image',
    'start web',
    'stop -t 3 web db',
    'stop -s INT web',
    'restart web',
    'kill web',
    'kill -s HUP web',
    'pause web',
    'unpause web',
    'rename a b',
    'rm -fv web',
    'update --memory 1g --memory-swap 2g --restart unless-stopped --cpus 0.5 --pids-limit -1 web',
    'exec -d -e A=b -u 1 -w /tmp --privileged web ls -l',
    'network create front',
    'network create --subnet 10.1.0.0/24 --gateway 10.1.0.1 --ip-range 10.1.0.128/25 --aux-address r=10.1.0.7 front',
    'network create --ipv6 --subnet fd00:1::/64 --subnet 10.1.0.0/24 --gateway fd00:1::1 --internal --label a=b front',
    'network create -d macvlan -o parent=eth0 --ipv4=false --attachable front',
    'network create --ipam-driver null --ipam-opt a=b --config-from x front',
    'network connect --ip 10.1.0.9 --ip6 fd00::1 --alias a --gw-priority 5 --driver-opt a=b --link x:y front web',
    'network create --subnet 10.1.0.0/24,fd00:1::/64 --gateway 10.1.0.1,fd00:1::1 --ip-range 10.1.0.128/25,fd00:1::/80 front',
    'network connect --alias a,b --alias c --link-local-ip 169.254.1.1,169.254.1.2 --driver-opt a=b,c=d front web',
    'network connect front web',
    'network disconnect -f front web',
    'network rm front',
    'volume create data',
    'volume create --label a=b -o type=tmpfs -o device=tmpfs data',
    'volume rm -f data',
    'tag a:1 host.example:5000/b/c',
    'rmi -f --no-prune image',
    'ps -a --filter name=x --filter status=running --filter status=exited',
    'images --filter dangling=true app',
    'save --platform linux/arm64 image',
    'history --platform linux/arm/v7 image',
    'image inspect --platform linux/arm64 image',
    'load --platform linux/amd64 -i archive',
    'image rm --platform linux/arm64 --platform linux/amd64 image',
    'top web',
    'logs --tail 5 --since 100 -t web',
  ]) {
    test(line, async () => {
      const args = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, one, two, plain]) => one ?? two ?? plain!);
      assert.deepEqual(await requestsOf(PONTOON, args), await requestsOf('docker', args));
    });
  }
});
