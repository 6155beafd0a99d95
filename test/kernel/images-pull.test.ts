/**
 * @module Pulling: from Debian's docker-registry on loopback, and from servers that break off, stall or lie.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openImages } from '../../src/container/images/index.ts';
import { HOST_ARCHITECTURE } from '../../src/container/images/oci.ts';
import type { Progress } from '../../src/container/types.ts';
import { configOf, digestOf, dockerArchive, ociDocuments, refusal, tarOf } from '../support/image-archives.ts';

const REGISTRY = '127.0.0.1:5000';
const directory = mkdtempSync(join(tmpdir(), 'pontoon-pull-'));
let registry: ChildProcess;

const createRoots = () => {
  const path = mkdtempSync(join(directory, 'roots-'));
  return { dataRoot: join(path, 'data'), runRoot: join(path, 'run') };
};
const contentOf = (path: string): string[] => readdirSync(path, { recursive: true }).map(String).sort();

const layer = await tarOf([{ name: 'hello', content: 'hello\n' }]);
const other = await tarOf([{ name: 'other', content: 'other\n' }]);
const parts = {
  layers: [layer, other],
  names: ['team/app:v1'],
  config: { Cmd: ['x'], Healthcheck: { Test: ['CMD', 'true'] } },
};

before(async () => {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const config = { version: '0.1', storage: { filesystem: { rootdirectory: join(directory, 'registry') } } };
  const path = join(directory, 'registry.yml');
  writeFileSync(path, JSON.stringify({ ...config, http: { addr: ':5000' }, log: { level: 'error' } }));
  registry = spawn('docker-registry', ['serve', path], { stdio: 'ignore' });
  await untilListening(5000);
  const archive = join(directory, 'app.tar');
  writeFileSync(archive, await dockerArchive(parts));
  const target = `docker://${REGISTRY}/team/app:v1`;
  execFileSync('skopeo', ['copy', '--dest-tls-verify=false', `docker-archive:${archive}`, target], { stdio: 'ignore' });
});

after(() => registry.kill());

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const answered = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await sleep(20);
  }
}

test('an image is pulled as it is: same ID, same healthcheck, digest of the registry', async () => {
  const images = await openImages(createRoots());
  const progress: Progress[] = [];
  const image = await images.pull(`${REGISTRY}/team/app:v1`, { onProgress: (step) => progress.push(step) });
  assert.equal(image.id, digestOf(configOf(parts)));
  assert.deepEqual(image.config.healthcheck?.test, ['CMD', 'true']);
  assert.deepEqual(image.tags, [`${REGISTRY}/team/app:v1`]);
  assert.match(image.digests.join(), /^127\.0\.0\.1:5000\/team\/app@sha256:[0-9a-f]{64}$/);
  const { lower } = await images.root(image.id);
  assert.deepEqual(readdirSync(lower), ['hello', 'other']);
  const statuses = progress.map(({ status }) => status);
  assert.equal(statuses[0], `Pulling from ${REGISTRY}/team/app`);
  assert.equal(statuses.filter((status) => status === 'Pulling fs layer').length, 2);
  assert.equal(statuses.filter((status) => status === 'Download complete').length, 2);
  assert.equal(statuses.at(-1), 'Pull complete');
  // Again, by its digest: nothing is fetched.
  const again: string[] = [];
  const byDigest = await images.pull(image.digests[0] ?? '', { onProgress: ({ status }) => again.push(status) });
  assert.deepEqual(byDigest, image);
  assert.equal(again.length, 1);
  assert.deepEqual(images.find(image.digests[0] ?? '').id, image.id);
});

test('layers that are here are not fetched again', async () => {
  const images = await openImages(createRoots());
  await images.pull(`${REGISTRY}/team/app:v1`);
  const archive = join(directory, 'second.tar');
  const more = await tarOf([{ name: 'more', content: 'x' }]);
  writeFileSync(archive, await dockerArchive({ ...parts, layers: [...parts.layers, more] }));
  const target = `docker://${REGISTRY}/team/app:v2`;
  execFileSync('skopeo', ['copy', '--dest-tls-verify=false', `docker-archive:${archive}`, target], { stdio: 'ignore' });
  const statuses: string[] = [];
  await images.pull(`${REGISTRY}/team/app:v2`, { onProgress: ({ status }) => statuses.push(status) });
  assert.equal(statuses.filter((status) => status === 'Already exists').length, 2);
  assert.equal(statuses.filter((status) => status === 'Pulling fs layer').length, 1);
});

test('the default registry is configuration', async () => {
  const images = await openImages({ ...createRoots(), defaultRegistry: REGISTRY });
  assert.deepEqual((await images.pull('team/app:v1')).tags, ['team/app:v1']);
  const without = await openImages(createRoots());
  await assert.rejects(without.pull('team/app:v1'), refusal('bad-value', /default-registry/));
  // As the docker CLI does it: it pulls by the full name, and runs by the short one.
  const { id } = await without.pull(`${REGISTRY}/team/app:v1`);
  assert.equal(without.find('team/app:v1').id, id);
  assert.deepEqual((await without.remove('team/app:v1')).at(0), { untagged: `${REGISTRY}/team/app:v1` });
});

test('a registry is spoken to without TLS where its address is in a prefix that may be', async () => {
  execFileSync('ip', ['address', 'add', '10.99.0.1/32', 'dev', 'lo']);
  const pull = async (insecureRegistries: string[]) =>
    (await openImages({ ...createRoots(), insecureRegistries })).pull('10.99.0.1:5000/team/app:v1');
  await assert.rejects(pull(['10.98.0.0/16']), refusal('registry', /HTTPS/));
  assert.deepEqual((await pull(['10.99.0.0/16'])).tags, ['10.99.0.1:5000/team/app:v1']);
});

test('what is not there is said in the words of Docker', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const empty = contentOf(roots.dataRoot);
  const pull = (name: string) => images.pull(name);
  await assert.rejects(
    pull(`${REGISTRY}/team/app:no`),
    refusal('image-not-found', /^manifest for .*app:no not found: /),
  );
  await assert.rejects(pull(`${REGISTRY}/no/app`), refusal('image-not-found', /not found/));
  await assert.rejects(pull('127.0.0.1:1/app'), refusal('registry', /^cannot pull .*connection refused/));
  assert.deepEqual(contentOf(roots.dataRoot), empty);
});

test('of an image for several platforms, the one that is asked for is taken', async () => {
  const foreign = { ...parts, config: { Env: ['FOREIGN=1'] } };
  const [ours, theirs] = [ociDocuments(parts), ociDocuments(foreign)];
  const entry = (manifest: Buffer, os: string, architecture: string) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(manifest),
    size: manifest.length,
    platform: { os, architecture },
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    manifests: [entry(theirs.manifest, 'linux', 's390x'), entry(ours.manifest, 'linux', HOST_ARCHITECTURE)],
  });
  await using server = await serve(parts, (request, response) => {
    const url = request.url ?? '';
    const document = theirs.documents.get(/sha256:[0-9a-f]{64}/.exec(url)?.[0] ?? '');
    if (url.includes('/manifests/latest')) response.writeHead(200, { 'content-type': mediaType }).end(index);
    else if (url.includes(digestOf(theirs.manifest))) {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(document);
    } else if (document !== undefined) response.writeHead(200).end(document);
    else return false;
    return true;
  });
  const images = await openImages(createRoots());
  const image = await images.pull(server.name);
  assert.equal(image.id, digestOf(configOf(parts)));
  assert.deepEqual(image.digests, [`${server.name}@${digestOf(index)}`]);
  const other = await images.pull(server.name, { platform: 'linux/s390x' });
  assert.deepEqual(other.config.env, ['FOREIGN=1']);
  assert.deepEqual(images.find(image.id).digests, [], 'the digest now means the other one');
  await assert.rejects(
    images.pull(server.name, { platform: 'linux/riscv64' }),
    refusal('image-not-found', /no matching manifest for linux\/riscv64 .* it has linux\/s390x, linux\//),
  );
});

test('skopeo ends with the process that pulls', async () => {
  const roots = createRoots();
  await using server = await serve(big, (request, response) => {
    if (!request.url?.includes('blobs/')) return false;
    if (!request.url.includes(digestOf(big.layers[0] as Buffer))) return false;
    response.writeHead(200, { 'content-length': big.layers[0]?.length });
    response.write(big.layers[0]?.subarray(0, 100_000));
    asked.resolve();
    return true;
  });
  const asked = Promise.withResolvers<void>();
  const module = join(import.meta.dirname, '../../src/container/images/index.ts');
  const script = `const { openImages } = await import(${JSON.stringify(module)});
    await (await openImages(${JSON.stringify(roots)})).pull(${JSON.stringify(server.name)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  await asked.promise;
  child.kill('SIGKILL');
  while (commands().includes('skopeo')) await sleep(20);
  await openImages(roots);
  assert.deepEqual(readdirSync(join(roots.dataRoot, 'images/stages')), []);
});

/** The names of all programs that run in this world. */
function commands(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      } catch {
        return ''; // it has ended meanwhile
      }
    });
}

test('credentials are for the registry, and are asked for', async () => {
  const wanted = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  await using server = await serve(parts, (request, response) => {
    if (request.headers.authorization === wanted) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="here"' }).end('{}');
    return true;
  });
  const images = await openImages(createRoots());
  const denied = refusal('registry-denied', /^pull access denied for .*docker login/);
  await assert.rejects(images.pull(server.name), denied);
  await assert.rejects(images.pull(server.name, { credentials: { username: 'me', password: 'wrong' } }), denied);
  const right = { username: 'me', password: 'secret' };
  for (const serverAddress of ['other.example', 'https://index.other.example/v1/'])
    await assert.rejects(images.pull(server.name, { credentials: { ...right, serverAddress } }), denied);
  const serverAddress = `http://${server.name.split('/')[0]}/v2/`;
  const image = await images.pull(server.name, { credentials: { ...right, serverAddress } });
  assert.equal(image.id, digestOf(configOf(parts)));
});

test('a registry that breaks off in mid-layer is one clear error, and nothing is kept', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const empty = contentOf(roots.dataRoot);
  await using server = await serve(big, (request, response) => {
    if (!request.url?.includes(`blobs/${digestOf(big.layers[0] as Buffer)}`)) return false;
    response.writeHead(200, { 'content-length': big.layers[0]?.length });
    response.write(big.layers[0]?.subarray(0, 100_000), () => response.destroy());
    return true;
  });
  await assert.rejects(images.pull(server.name), refusal('registry', /^cannot pull 127\.0\.0\.1:.*/));
  assert.deepEqual(contentOf(roots.dataRoot), empty);
});

test('a registry that stops in mid-layer is waited for, but not for ever', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const empty = contentOf(roots.dataRoot);
  await using server = await serve(big, (request, response) => {
    if (!request.url?.includes(`blobs/${digestOf(big.layers[0] as Buffer)}`)) return false;
    response.writeHead(200, { 'content-length': big.layers[0]?.length });
    response.write(big.layers[0]?.subarray(0, 100_000));
    return true;
  });
  await assert.rejects(images.pull(server.name, { stallTimeoutMs: 1000 }), refusal('registry', /stopped sending/));
  // The caller may lose patience too.
  const gone = new Error('the client went away');
  const signal = AbortSignal.any([AbortSignal.timeout(300)]);
  await assert.rejects(images.pull(server.name, { signal }), { name: 'TimeoutError' });
  await assert.rejects(images.pull(server.name, { signal: AbortSignal.abort(gone) }), gone);
  assert.deepEqual(contentOf(roots.dataRoot), empty);
});

test('a registry that sends something else is found out', async () => {
  const roots = createRoots();
  const images = await openImages(roots);
  const empty = contentOf(roots.dataRoot);
  for (const wrong of [Buffer.from('{}'), other, gzipSync(layer)]) {
    await using server = await serve(parts, (request, response) => {
      if (!request.url?.includes(`blobs/${digestOf(layer)}`)) return false;
      response.writeHead(200).end(wrong);
      return true;
    });
    await assert.rejects(images.pull(server.name), refusal('registry'));
  }
  // The right blob, and a configuration that wants another.
  const lying = { ...parts, diffIds: [digestOf(layer), digestOf(layer)] };
  await using server = await serve(lying, () => false);
  await assert.rejects(images.pull(server.name), refusal('bad-image', /its tar is sha256:/));
  assert.deepEqual(contentOf(roots.dataRoot), empty);
});

const big = { layers: [await tarOf([{ name: 'big', content: Buffer.alloc(2_000_000, 'big') }])], names: ['big:1'] };

/** A registry made by hand, with one image at /app:latest; `intercept` may answer instead, and says whether it did. */
async function serve(
  image: Parameters<typeof ociDocuments>[0],
  intercept: (...of: Parameters<RequestListener>) => boolean,
) {
  const { documents, manifest } = ociDocuments(image);
  const server: Server = createServer((request, response) => {
    if (intercept(request, response)) return;
    const url = request.url ?? '';
    const digest = /sha256:[0-9a-f]{64}/.exec(url)?.[0];
    const content = url.includes('/manifests/latest') ? manifest : documents.get(digest ?? '');
    if (url === '/v2/') response.end('{}');
    else if (content === undefined) response.writeHead(404).end('{"errors":[{"code":"BLOB_UNKNOWN"}]}');
    else {
      const type = url.includes('/manifests/')
        ? 'application/vnd.oci.image.manifest.v1+json'
        : 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-length': content.length }).end(content);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    name: `127.0.0.1:${(server.address() as AddressInfo).port}/app`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
