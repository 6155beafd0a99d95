import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { parseSeccompProfile, resolveSeccomp } from './seccomp.ts';
import { DEFAULT_SECCOMP_PROFILE } from './seccomp-profile.ts';

const amd64 = { architecture: 'x64', kernel: [6, 18] } as const;
const callsOf = (
  capabilities: readonly string[],
  host: { architecture: string; kernel: readonly [number, number] } = amd64,
) => new Set(resolveSeccomp(DEFAULT_SECCOMP_PROFILE, capabilities, host).syscalls.flatMap(({ names }) => names));

test('a container without special capabilities may not mount, trace the kernel or load modules', () => {
  const calls = callsOf(DEFAULT_CAPABILITIES);
  for (const name of [
    'mount',
    'unshare',
    'setns',
    'bpf',
    'init_module',
    'reboot',
    'kexec_load',
    'keyctl',
    'io_uring_setup',
    'userfaultfd',
  ]) {
    expect(calls).not.toContain(name);
  }
  for (const name of ['read', 'execve', 'chroot', 'ptrace', 'clone']) expect(calls).toContain(name);
});

test('a capability brings its calls', () => {
  expect(callsOf(['CAP_SYS_ADMIN'])).toContain('mount');
  expect(callsOf(['CAP_SYS_MODULE'])).toContain('init_module');
  expect(callsOf([])).not.toContain('chroot');
});

test('new namespaces by clone need CAP_SYS_ADMIN, and clone3 sends libc there', () => {
  const { syscalls } = resolveSeccomp(DEFAULT_SECCOMP_PROFILE, [], amd64);
  expect(syscalls.find(({ names }) => names.includes('clone'))?.args).toEqual([
    { index: 0, value: 0x7e020000, op: 'SCMP_CMP_MASKED_EQ' },
  ]);
  expect(syscalls.find(({ names }) => names.includes('clone3'))).toMatchObject({
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 38,
  });
});

test('the architecture and the kernel decide', () => {
  expect(resolveSeccomp(DEFAULT_SECCOMP_PROFILE, [], amd64).architectures).toEqual([
    'SCMP_ARCH_X86_64',
    'SCMP_ARCH_X86',
    'SCMP_ARCH_X32',
  ]);
  const arm = { architecture: 'arm64', kernel: [6, 1] } as const;
  expect(resolveSeccomp(DEFAULT_SECCOMP_PROFILE, [], arm).architectures).toEqual([
    'SCMP_ARCH_AARCH64',
    'SCMP_ARCH_ARM',
  ]);
  expect(callsOf([], arm)).not.toContain('arch_prctl');
  expect(callsOf([], { architecture: 'x64', kernel: [4, 4] })).not.toContain('ptrace');
});

test('everything that dockerd 20.10 allows is allowed, but io_uring, which Docker has taken back since', () => {
  const names: string[] = JSON.parse(readFileSync(new URL('./golden/seccomp-20.10.24.json', import.meta.url), 'utf8'));
  const calls = callsOf(DEFAULT_CAPABILITIES);
  expect(names.filter((name) => !calls.has(name))).toEqual(['io_uring_enter', 'io_uring_register', 'io_uring_setup']);
});

test('a profile of the user is read as it is, and nonsense refused', () => {
  const own = parseSeccompProfile(
    '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO"}]}',
  );
  expect(resolveSeccomp(own, [], amd64)).toEqual({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }],
  });
  expect(() => parseSeccompProfile('/a/path')).toThrow('opening seccomp profile');
  expect(() => parseSeccompProfile('{}')).toThrow('no defaultAction');
});
