/** @module What a process in a container may do: user, capabilities, system calls, paths, devices, terminal of its own. */

import assert from 'node:assert/strict';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readLog } from '../../src/container/logs.ts';
import { findDevices } from '../../src/container/runtime/index.ts';
import type { Mount } from '../../src/container/types.ts';
import { detachMount, mount } from '../../src/kernel/mounts.ts';
import { closeYard, create, type Options, runToEnd, runtime, world } from '../support/container-yard.ts';

after(closeYard);

/** What a command says, and how it ends. */
async function run(script: string, options: Partial<Options> = {}): Promise<{ text: string; code: number }> {
  const { id, logPath, code } = await runToEnd({ ...options, args: ['busybox', 'sh', '-c', script] });
  const texts: string[] = [];
  for await (const { data } of readLog(logPath, {})) texts.push(data.toString());
  await runtime.deleteContainer(id);
  return { text: texts.join('').trim(), code };
}

test('the user is the one that was asked for, with its groups', async () => {
  assert.match((await run('busybox id', { spec: { user: 'ann' } })).text, /^uid=1000.* gid=1000.* groups=1000.*,2000/);
  assert.match((await run('busybox id', { spec: { user: '55', groups: ['extra'] } })).text, /^uid=55 gid=0.*2000/);
});

test('capabilities are the default set, none, or what was added', async () => {
  const effective = async (security: NonNullable<NonNullable<Options['spec']>['security']>) =>
    (await run('busybox grep CapEff /proc/self/status', { spec: { security } })).text.split(/\s+/)[1];
  assert.equal(await effective({}), '00000000a80425fb');
  assert.equal(await effective({ capDrop: ['ALL'] }), '0000000000000000');
  assert.equal(await effective({ capDrop: ['ALL'], capAdd: ['NET_ADMIN'] }), '0000000000001000');
});

test('seccomp is on, unless it is unconfined; no_new_privs on request', async () => {
  const status = 'busybox grep -E "Seccomp:|NoNewPrivs" /proc/self/status';
  assert.match((await run(status)).text, /NoNewPrivs:\s+0\nSeccomp:\s+2/);
  const options = ['seccomp=unconfined', 'no-new-privileges'];
  assert.match((await run(status, { spec: { security: { options } } })).text, /NoNewPrivs:\s+1\nSeccomp:\s+0/);
  assert.notEqual((await run('busybox unshare --mount true')).code, 0);
});

test('the runtime cannot be written to through the process that it made: it runs from a sealed copy', async () => {
  const { id, pid } = await create({ args: ['true'] });
  const program = `/proc/${pid}/exe`;
  assert.match(readlinkSync(program), /^\/memfd:(?:crun|runc) /);
  assert.throws(() => writeFileSync(program, 'x'));
  await runtime.deleteContainer(id);
});

test('the kernel is out of reach: masked and read-only paths, no devices but the harmless', async () => {
  assert.equal((await run('busybox wc -c < /proc/timer_list')).text, '0');
  assert.notEqual((await run('echo 1 > /proc/sys/net/ipv4/ip_forward')).code, 0);
  assert.notEqual((await run('busybox mknod /tmp/kmsg c 1 11 && busybox head -c1 /tmp/kmsg')).code, 0);
  assert.equal((await run('echo x > /dev/null && busybox head -c1 /dev/zero | busybox wc -c')).text, '1');
});

test('a read-only root takes nothing, its tmpfs does, as large as it is', async () => {
  const spec = { readOnlyRoot: true, tmpfs: { '/tmp': 'size=64k' } };
  assert.notEqual((await run('echo x > /file', { spec })).code, 0);
  assert.equal((await run('echo x > /tmp/file && busybox cat /tmp/file', { spec })).text, 'x');
  assert.notEqual((await run('busybox dd if=/dev/zero of=/tmp/file bs=1k count=100', { spec })).code, 0);
});

test('a bind shows what is there, and can be read-only', async () => {
  const source = join(world, 'shared');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), 'content');
  const shared = {
    type: 'bind',
    name: '',
    source,
    target: '/shared',
    readOnly: true,
    propagation: 'rprivate',
  } as const;
  assert.equal((await run('busybox cat /shared/file', { input: { mounts: [shared] } })).text, 'content');
  assert.notEqual((await run('echo x > /shared/file', { input: { mounts: [shared] } })).code, 0);
});

test('what is mounted below a bind: along or not, read-only or not', async () => {
  const source = join(world, 'above');
  const below = join(source, 'below');
  mkdirSync(below, { recursive: true });
  mount('tmpfs', below, 'tmpfs', 0);
  try {
    const base = { type: 'bind', name: '', source, target: '/a', readOnly: true, propagation: 'rprivate' } as const;
    const writes = async (more: Partial<Mount>): Promise<number> =>
      (await run('echo x > /a/below/file', { input: { mounts: [{ ...base, ...more }] } })).code;
    assert.equal(await writes({}), 0);
    assert.notEqual(await writes({ readOnlyBelow: 'if-possible' }), 0);
    assert.notEqual(await writes({ readOnlyBelow: 'always' }), 0);
    // Another file system is hidden: what is written is the source's own directory.
    const { text } = await run('busybox ls /a/below', { input: { mounts: [{ ...base, recursive: false }] } });
    assert.equal(text, '');
  } finally {
    detachMount(below);
  }
});

test('a device that is given is there', async () => {
  const devices = await findDevices([{ hostPath: '/dev/full', containerPath: '/dev/brim', permissions: 'rw' }], false);
  const { text } = await run('echo x > /dev/brim', { input: { devices } });
  assert.match(text, /No space left/);
  await assert.rejects(findDevices([{ hostPath: '/dev/nope', containerPath: '', permissions: '' }], false), {
    code: 'bad-value',
  });
});

test('a privileged container has all devices and no filter', async () => {
  const devices = await findDevices([], true);
  const { text } = await run('busybox ls /dev/full; busybox grep Seccomp: /proc/self/status', {
    spec: { security: { privileged: true } },
    input: { devices },
  });
  assert.match(text, /\/dev\/full\nSeccomp:\s+0/);
});

test('name, domain and limits of the process', async () => {
  const spec = {
    hostname: 'boat',
    domainname: 'example.org',
    resources: { ulimits: [{ name: 'nofile', soft: 99, hard: 100 }] },
  };
  const { text } = await run('busybox hostname; busybox cat /proc/sys/kernel/domainname; ulimit -n', { spec });
  assert.equal(text, 'boat\nexample.org\n99');
});
