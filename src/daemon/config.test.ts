import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { daemonConfig } from './config.ts';
import { type GivenFlag, readSettings, type Settings, withoutEffect } from './settings.ts';

/** Flags as they are given; a file of the machine, if there is one, is left out. */
const settings = (flags: Record<string, GivenFlag>) => readSettings(new Map(Object.entries(flags)));
const config = (flags: Record<string, GivenFlag>, env = {}) => daemonConfig(settings(flags), env);

function fromFile(content: unknown): Settings {
  const directory = mkdtempSync(join(tmpdir(), 'pontoon-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'daemon.json');
  writeFileSync(path, JSON.stringify(content));
  return settings({ 'config-file': [path] });
}

describe('the configuration', () => {
  test('defaults', () => {
    expect(config({})).toMatchObject({
      hosts: [{ kind: 'unix', path: '/run/pontoon.sock' }],
      group: undefined,
      dataRoot: '/var/lib/pontoon',
      runRoot: '/run/pontoon',
      pidFile: '/run/pontoon.pid',
      logLevel: 'info',
      metricsAddress: undefined,
      engine: { defaultNetwork: {}, dns: {}, packetFilter: true, forwarding: true },
    });
    expect(config({}, { PONTOON_DATA_ROOT: '/d' }).dataRoot).toBe('/d');
  });

  test.each([
    [{ bip: ['10.5.0.1/24'] }, [{ subnet: '10.5.0.0/24', gateway: '10.5.0.1' }]],
    [
      { bip: ['10.5.0.1/24'], 'fixed-cidr': ['10.5.0.64/26'] },
      [{ subnet: '10.5.0.0/24', gateway: '10.5.0.1', ipRange: '10.5.0.64/26' }],
    ],
    [{ 'fixed-cidr': ['172.17.8.0/24'] }, [{ subnet: '172.17.0.0/16', ipRange: '172.17.8.0/24' }]],
    [{ 'fixed-cidr': ['10.6.0.0/24'] }, [{ subnet: '10.6.0.0/24' }]],
    [{ bip6: ['fd00::1/64'] }, [{ subnet: 'fd00::/64', gateway: 'fd00::1' }]],
    [{ 'fixed-cidr-v6': ['fd01::/64'] }, [{ subnet: 'fd01::/64' }]],
  ])('the default network of %j', (flags, subnets) => {
    expect(config(flags).engine.defaultNetwork).toEqual({ subnets });
  });

  test.each([
    ['127.0.0.1:9323', { host: '127.0.0.1', port: 9323 }],
    [':9323', { host: '127.0.0.1', port: 9323 }],
    ['[::1]:9323', { host: '::1', port: 9323 }],
  ])('--metrics-addr %s', (text, address) =>
    expect(config({ 'metrics-addr': [text] }).metricsAddress).toEqual(address),
  );

  test('what containers get', () => {
    const { defaults } = config({
      'default-ulimit': ['nofile=1024:2048', 'core=0'],
      'default-shm-size': ['128m'],
      'log-opt': ['max-size=10m'],
      init: true,
    });
    expect(defaults.containers).toEqual({
      cgroupParent: undefined,
      shmSizeBytes: 134_217_728,
      ulimits: [
        { name: 'nofile', soft: 1024, hard: 2048 },
        { name: 'core', soft: 0, hard: 0 },
      ],
      init: true,
      logOptions: { 'max-size': '10m' },
      noNewPrivileges: false,
      logDriver: 'json-file',
      seccomp: undefined,
      namespaces: {},
      hostGateways: [],
    });
  });

  test('what containers get of namespaces, logs, seccomp and host-gateway', () => {
    const { defaults } = config({
      'log-driver': ['local'],
      'default-ipc-mode': ['shareable'],
      'default-cgroupns-mode': ['host'],
      'seccomp-profile': ['unconfined'],
      'host-gateway-ip': ['10.0.0.9', 'fd00:0::9'],
    });
    expect(defaults.containers).toMatchObject({
      logDriver: 'local',
      namespaces: { ipc: 'shareable', cgroup: 'host' },
      seccomp: 'unconfined',
      hostGateways: ['10.0.0.9', 'fd00::9'],
    });
    expect(config({ 'seccomp-profile': ['builtin'] }).defaults.containers.seccomp).toBeUndefined();
  });

  test('proxies, by flags of their own or together', () => {
    const together = { proxies: ['http-proxy=http://a:1', 'no-proxy=b'], 'https-proxy': ['http://c:2'] };
    expect(config(together).proxies).toEqual({
      HTTP_PROXY: 'http://a:1',
      HTTPS_PROXY: 'http://c:2',
      NO_PROXY: 'b',
    });
    expect(config({}).proxies).toEqual({});
  });

  test.each([
    [{ bip: ['10.5.0.1'] }],
    [{ mtu: ['x'] }],
    [{ 'default-address-pool': ['10.0.0.0/8'] }],
    [{ 'default-address-pool': ['base=nonsense,size=24'] }],
    [{ 'default-network-opt': ['bridge'] }],
    [{ 'metrics-addr': ['nowhere'] }],
    [{ 'default-shm-size': ['much'] }],
    [{ 'log-driver': ['syslog'] }],
    [{ 'default-ipc-mode': ['host'] }],
    [{ 'seccomp-profile': ['/nowhere.json'] }],
    [{ 'seccomp-profile': ['/etc/hostname'] }],
    [{ 'host-gateway-ip': ['gateway'] }],
    [{ 'default-ulimit': ['nofile=some'] }],
    [{ dns: ['resolver'] }],
    [{ 'insecure-registry': ['10.0.0.0/99'] }],
    [{ host: ['udp://x'] }],
    [{ host: ['unix://relative'] }],
    [{ host: ['0.0.0.0:2376'] }],
  ])('%j is refused', (flags) => expect(() => config(flags)).toThrow(expect.objectContaining({ kind: 'invalid' })));

  test.each([
    [{}, undefined],
    [{ 'default-registry': ['registry.test:5000/mirror'] }, 'registry.test:5000/mirror'],
    [{ 'registry-mirror': ['https://mirror.test/', 'https://other.test'] }, 'mirror.test'],
    [{ 'default-registry': ['registry.test'], 'registry-mirror': ['https://mirror.test'] }, 'registry.test'],
  ])('names without a registry with %j: %s', (flags, registry) => {
    expect(config(flags).defaultRegistry).toBe(registry);
  });

  test('registries without TLS: hosts and prefixes', () => {
    const listed = ['registry.test:5000', 'http://other.test', '10.1.2.3/8'];
    expect(config({ 'insecure-registry': listed }).insecureRegistries).toEqual([
      'registry.test:5000',
      'other.test',
      '10.0.0.0/8',
    ]);
  });

  test('hosts', () => {
    const tls = { tlsverify: true, tlscacert: ['ca'], tlscert: ['cert'], tlskey: ['key'] };
    const files = { ca: 'ca', cert: 'cert', key: 'key' };
    expect(
      config({
        host: ['unix:///a', 'fd://', 'tcp://:2376', 'tcp://[::]', 'tcp://10.0.0.1:5', '0.0.0.0:2376', '/b'],
        ...tls,
      }).hosts,
    ).toEqual([
      { kind: 'unix', path: '/a' },
      { kind: 'inherited', name: '' },
      { kind: 'tcp', address: '127.0.0.1', port: 2376, tls: files },
      { kind: 'tcp', address: '::', port: 2376, tls: files },
      { kind: 'tcp', address: '10.0.0.1', port: 5, tls: files },
      { kind: 'tcp', address: '0.0.0.0', port: 2376, tls: files },
      { kind: 'unix', path: '/b' },
    ]);
  });

  test('keys that are in the file only', () => {
    const read = fromFile({
      builder: { gc: { enabled: true, defaultKeepStorage: '20GB' } },
      'min-api-version': '1.24',
      'nri-opts': { enable: true },
      'host-gateway-ip': '10.0.0.9',
    });
    expect(daemonConfig(read).defaults.containers.hostGateways).toEqual(['10.0.0.9']);
    expect(withoutEffect(read).map(({ key }) => key)).toEqual(['nri-opts', 'builder', 'min-api-version']);
    expect(() => fromFile({ 'min-api-version': 1.24 })).toThrow(/give a string/);
    expect(() => fromFile({ biulder: {} })).toThrow(/don't match any configuration option: biulder/);
  });

  test('settings without effect are named by their key, with the reason', () => {
    const notes = withoutEffect(settings({ 'containerd-namespace': ['x'], 'exec-opt': ['a=b'], mtu: ['1400'] }));
    expect(notes.map(({ key }) => key)).toEqual(['containerd-namespace', 'exec-opts']);
    for (const { why } of notes) expect(why).not.toBe('');
  });
});
