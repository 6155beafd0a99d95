/**
 * @module Archives go to dockerd and come back: the same images, with the same IDs.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openImages } from '../../src/container/images/index.ts';
import { digestOf, ociArchive, tarOf } from '../support/image-archives.ts';

const installed = ['/usr/sbin/dockerd', '/usr/bin/containerd'].every((path) => existsSync(path));

test('dockerd loads what was saved, and what dockerd saved is loaded', {
  skip: !installed && 'no dockerd',
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-dockerd-'));
  const socket = `unix://${directory}/socket`;
  const roots = [
    '--data-root',
    `${directory}/data`,
    '--exec-root',
    `${directory}/exec`,
    '--pidfile',
    `${directory}/pid`,
  ];
  const alone = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false'];
  const dockerd = spawn('dockerd', ['-H', socket, ...roots, ...alone], { stdio: 'ignore' });
  const docker = (...args: string[]) =>
    execFileSync('docker', ['-H', socket, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  const exited = once(dockerd, 'exit');
  try {
    while (!existsSync(`${directory}/socket`)) {
      assert.equal(dockerd.exitCode, null, 'dockerd ended by itself');
      await sleep(50);
    }
    const images = await openImages({ dataRoot: `${directory}/pontoon`, runRoot: `${directory}/run` });
    const layer = await tarOf([{ name: 'x', content: 'y' }]);
    const packed = { layers: [gzipSync(layer)], diffIds: [digestOf(layer)], names: ['example:2'] };
    await images.load(Readable.from([await ociArchive(packed)]));
    const names = ['example:2', 'pontoon/busybox:latest'];
    await pipeline(images.save(names), createWriteStream(`${directory}/saved.tar`));
    docker('load', '-i', `${directory}/saved.tar`);
    const listed = names.map((name) => docker('inspect', '--format', '{{.Id}}', name).trim());
    assert.deepEqual(
      listed,
      names.map((name) => images.find(name).id),
    );
    docker('save', '-o', `${directory}/docker.tar`, ...names);
    const others = await openImages({ dataRoot: `${directory}/other`, runRoot: `${directory}/run` });
    await others.remove('pontoon/busybox');
    const loaded = await others.load(createReadStream(`${directory}/docker.tar`));
    assert.deepEqual(loaded.map(({ id }) => id).sort(), [...listed].sort());
  } finally {
    dockerd.kill();
    await exited;
  }
});
