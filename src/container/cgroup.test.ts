import { expect, test } from 'vitest';
import { parseMembership } from './cgroup.ts';

test('v1: each controller has a directory, named ones have none of ours', () => {
  const text = '12:cpu,cpuacct:/pontoon/a\n5:memory:/pontoon/a\n1:name=systemd:/x\n0::/\n';
  expect([...parseMembership(text)]).toEqual([
    ['cpu', '/sys/fs/cgroup/cpu,cpuacct/pontoon/a'],
    ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct/pontoon/a'],
    ['memory', '/sys/fs/cgroup/memory/pontoon/a'],
    ['', '/sys/fs/cgroup/'],
  ]);
});

test('v2: one directory, whose name may have colons', () => {
  expect([...parseMembership('0::/pontoon/a:b\n')]).toEqual([['', '/sys/fs/cgroup/pontoon/a:b']]);
});
