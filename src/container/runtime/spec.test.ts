/**
 * @module What we tell the runtime, held against what dockerd 20.10.24 tells it for the same `docker run` (golden/).
 *
 * The golden file has one whole config.json, flattened, and for each case what differs in it. Where we differ on
 * purpose, `ON_PURPOSE` and `ours` say how.
 */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ResolvedSpec } from '../types.ts';
import { CAPABILITIES } from './capabilities.ts';
import { processEnvironment } from './environment.ts';
import { execProcess, ociSpec } from './spec.ts';
import type { BundleInput, Host } from './types.ts';
import { lookUpUser, parseGroup, parsePasswd } from './users.ts';

type Flat = Record<string, unknown>;
interface Golden {
  readonly plain: Flat;
  readonly cases: Readonly<Record<string, Flat>>;
}

const golden: Golden = JSON.parse(readFileSync(new URL('./golden/dockerd-20.10.24.json', import.meta.url), 'utf8'));
const host: Host = {
  architecture: 'x64',
  kernel: [6, 18],
  capabilities: CAPABILITIES,
  cgroups: 'v1',
  swapLimit: true,
};
const passwd = parsePasswd('root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n');
const group = parseGroup('root:x:0:\nann:x:1000:\nextra:x:2000:ann\n');

const ID = 'ID';
const FUSE = {
  path: '/dev/myfuse',
  type: 'c',
  major: 10,
  minor: 229,
  fileMode: 0o600,
  uid: 0,
  gid: 0,
  access: 'rw',
} as const;

/** What newer Docker does, or what a default is anyway. */
const ON_PURPOSE = [
  'linux/resources/cpu/shares', // dockerd writes 0 for none
  'linux/resources/blockIO/weight',
  'linux/resources/memory/disableOOMKiller',
  'linux/seccomp/defaultErrnoRet',
];
/** Docker 27 and later hide these too: CVE-2024-41110's neighbours, powercap (side channel) and interrupts. */
const HIDDEN_SINCE = ['/proc/interrupts', '/sys/devices/virtual/powercap'];

function input(spec: Partial<ResolvedSpec> = {}, rest: Partial<BundleInput> = {}): BundleInput {
  const resolved: ResolvedSpec = {
    name: 'c',
    image: 'bb',
    env: [],
    labels: {},
    hostname: 'box',
    network: { mode: 'none' },
    restart: { name: 'no', maximumRetries: 0 },
    exposedPorts: [],
    workingDirectory: '/',
    user: '',
    ...spec,
  };
  const terminal = resolved.tty === true;
  return {
    id: ID,
    spec: resolved,
    process: {
      args: ['sleep', '1000'],
      env: processEnvironment({ hostname: resolved.hostname, terminal, env: resolved.env }),
      cwd: resolved.workingDirectory,
      terminal,
      ...lookUpUser(passwd, group, resolved.user, resolved.groups ?? []),
    },
    rootPath: '/root',
    mounts: [],
    files: { resolvConf: '/files/resolv.conf', hostname: '/files/hostname', hosts: '/files/hosts' },
    networkNamespacePath: '/net',
    sharedNamespaces: {},
    devices: [],
    ...rest,
  };
}

const bind = {
  type: 'bind',
  name: '',
  source: '/etc',
  target: '/hostetc',
  readOnly: true,
  propagation: 'rprivate',
} as const;
const volume = {
  type: 'volume',
  name: 'vol',
  source: '/volumes/vol',
  target: '/vol',
  readOnly: false,
  propagation: '',
} as const;

const CASES: Readonly<Record<string, BundleInput>> = {
  plain: input(),
  bind: input({ mounts: [{ type: 'tmpfs', target: '/mt', sizeBytes: 1 << 20 }] }, { mounts: [bind, volume] }),
  capadd: input({ security: { capAdd: ['NET_ADMIN'], capDrop: ['CHOWN'] } }),
  capdropall: input({ security: { capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] } }),
  cgparent: input({ resources: { cgroupParent: '/mine' } }),
  cgrouphost: input({ namespaces: { cgroup: 'host' } }),
  cgroupprivate: input({ namespaces: { cgroup: 'private' } }),
  device: input({}, { devices: [FUSE] }),
  hostname: input({ hostname: 'myhost', domainname: 'example.org' }),
  init: input({ init: true }, { initPath: '/usr/bin/docker-init' }),
  ipchost: input({ namespaces: { ipc: 'host' } }, { sharedNamespaces: { ipc: 'host' } }),
  ipcnone: input({ namespaces: { ipc: 'none' } }),
  ipcshare: input({ namespaces: { ipc: 'shareable' } }, { shmPath: '/files/mounts/shm' }),
  limits: input({
    resources: {
      memoryBytes: 64 << 20,
      nanoCpus: 1.5e9,
      pidsLimit: 50,
      cpuShares: 512,
      ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
      oomScoreAdj: 100,
      cpusetCpus: '0',
    },
  }),
  limits2: input({
    resources: {
      memoryBytes: 64 << 20,
      memorySwapBytes: 128 << 20,
      memoryReservationBytes: 32 << 20,
      oomKillDisable: true,
      cpuPeriodUs: 50_000,
      cpuQuotaUs: 20_000,
    },
  }),
  nnp: input({ security: { options: ['no-new-privileges'] } }),
  pidhost: input({}, { sharedNamespaces: { pid: 'host' } }),
  readonly: input({ readOnlyRoot: true }),
  seccompun: input({ security: { options: ['seccomp=unconfined'] } }),
  shm: input({ shmSizeBytes: 1 << 20 }),
  sysctl: input({ sysctls: { 'net.ipv4.ip_forward': '1' } }),
  systempaths: input({ security: { options: ['systempaths=unconfined'] } }),
  tmpfs: input({ tmpfs: { '/s2': 'size=64k,mode=700,exec', '/scratch': '' } }),
  tty: input({ tty: true, openStdin: true }),
  user: input({ user: 'ann' }),
  usergroup: input({ user: '1000:extra' }),
  usernum: input({ user: '55', groups: ['extra', '77'] }),
  utshost: input({}, { sharedNamespaces: { uts: 'host' } }),
  workdir: input({ workingDirectory: '/wd', env: ['A=b'] }),
};

test('there is a case for each of dockerd', () => {
  expect(Object.keys(CASES).sort()).toEqual(['plain', ...Object.keys(golden.cases)].sort());
});

for (const [name, given] of Object.entries(CASES)) {
  test(`as dockerd has it: ${name}`, () => {
    expect(comparable(flatten(ociSpec(given, host)))).toEqual(comparable({ ...golden.plain, ...golden.cases[name] }));
  });
}

test('a privileged container has all that the daemon has, and nothing is hidden', () => {
  const config = flatten(ociSpec(input({ security: { privileged: true } }), { ...host, capabilities: ['CAP_KILL'] }));
  expect(config['process/capabilities/bounding']).toEqual(['CAP_KILL']);
  expect(config['linux/maskedPaths']).toEqual([]);
  expect(config['linux/resources/devices']).toEqual([{ allow: true, access: 'rwm' }]);
  expect(config['linux/seccomp/defaultAction']).toBeUndefined();
  const mounts = config.mounts as { destination: string; options: string[] }[];
  expect(mounts.find(({ destination }) => destination === '/sys')?.options).not.toContain('ro');
});

test('no mount hides another, and those of the user win', () => {
  const etc = { ...bind, target: '/etc' };
  const hosts = { ...bind, source: '/my/hosts', target: '/etc/hosts' };
  const dev = { ...bind, source: '/dev', target: '/dev' };
  const mounts = ociSpec(input({}, { mounts: [hosts, etc, dev] }), host).mounts as {
    destination: string;
    source: string;
  }[];
  const order = mounts.map(({ destination }) => destination);
  expect(order).toEqual([
    '/proc',
    '/sys',
    '/sys/fs/cgroup',
    '/etc',
    '/dev',
    '/etc/resolv.conf',
    '/etc/hostname',
    '/etc/hosts',
  ]);
  expect(mounts.at(-1)?.source).toBe('/my/hosts');
});

test('a capability that the daemon does not have cannot be added', () => {
  const given = input({ security: { capAdd: ['SYS_RESOURCE'] } });
  expect(() => ociSpec(given, { ...host, capabilities: ['CAP_KILL'] })).toThrow(/CAP_SYS_RESOURCE cannot be added/);
  expect(() => ociSpec(input({ security: { capAdd: ['NOPE'] } }), host)).toThrow('unknown capability: "CAP_NOPE"');
});

test('an option of security that is not known is refused', () => {
  expect(() => ociSpec(input({ security: { options: ['frob=1'] } }), host)).toThrow(
    'invalid --security-opt 2: "frob=1"',
  );
});

test('namespaces of others and the stack are joined by path', () => {
  const shared = { pid: '/proc/7/ns/pid', ipc: '/proc/7/ns/ipc' };
  const config = flatten(ociSpec(input({}, { sharedNamespaces: shared }), { ...host, cgroups: 'v2' }));
  expect(config['linux/namespaces']).toEqual([
    { type: 'mount' },
    { type: 'network', path: '/net' },
    { type: 'uts' },
    { type: 'pid', path: '/proc/7/ns/pid' },
    { type: 'ipc', path: '/proc/7/ns/ipc' },
    { type: 'cgroup' },
  ]);
});

test('an exec is the process of its container, with its own words', () => {
  const given = input({ env: ['A=b'], init: true, security: { capDrop: ['ALL'] } }, { initPath: '/init' });
  const exec = { command: ['id'], env: ['A=c', 'D=e'], workingDirectory: '/tmp', tty: true };
  const process = flatten(execProcess(given, exec, host));
  expect(process.args).toEqual(['id']);
  expect(process.env).toEqual(expect.arrayContaining(['A=c', 'D=e', 'TERM=xterm', 'HOSTNAME=box']));
  expect(process.cwd).toBe('/tmp');
  expect(process['capabilities/bounding']).toEqual([]);
  const privileged = flatten(execProcess(given, { ...exec, privileged: true }, host));
  expect(privileged['capabilities/effective']).toEqual(CAPABILITIES);
});

function comparable(config: Flat): Flat {
  const entries = Object.entries(config)
    .filter(([key, value]) => value !== null && key !== 'ociVersion' && !ON_PURPOSE.includes(key))
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .filter(([key]) => !key.startsWith('linux/seccomp/syscalls'))
    .map(([key, value]) => [key, normalised(key, value)]);
  return Object.fromEntries(entries);
}

function normalised(key: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  if (key === 'linux/maskedPaths') return value.filter((path) => !HIDDEN_SINCE.includes(path));
  // fuse is denied by the first rule already; order matters among rules only where they overlap
  if (key === 'linux/resources/devices') return value.filter(({ allow, major }) => allow || major === undefined);
  if (key === 'linux/namespaces') {
    return value.map(({ type }) => type).sort(); // dockerd makes the stack's namespace by a hook
  }
  if (key === 'mounts') {
    return value
      .map((mount) => ({ ...mount, options: mount.options.map(sizeInBytes).sort() }))
      .sort((a, b) => (a.destination < b.destination ? -1 : 1));
  }
  return value;
}

/** 'size=1m' and 'size=1048576' are the same. */
function sizeInBytes(option: string): string {
  const [, number, unit] = /^size=(\d+)([km])$/.exec(option) ?? [];
  return number === undefined ? option : `size=${Number(number) * (unit === 'k' ? 1024 : 1 << 20)}`;
}

function flatten(value: unknown, path = ''): Flat {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: value };
  const prefix = path === '' ? '' : `${path}/`;
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => flatten(inner, prefix + key)));
}
