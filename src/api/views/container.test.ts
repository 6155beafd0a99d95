import { describe, expect, it } from 'vitest';
import { sampleContainer as container, ENDPOINT, ID, STATE } from '../../../test/support/sample-container.ts';
import { containerInspect, containerSummary, statusText } from './container.ts';

const LAN = { HostConfig: { NetworkMode: 'lan' }, NetworkingConfig: { EndpointsConfig: { lan: {} } } };

describe('an inspect', () => {
  it('shows networks as each version of the API does', () => {
    const of = (minor: number) => containerInspect(container(LAN), minor).NetworkSettings;
    expect(of(43).Networks).toEqual({
      lan: {
        IPAMConfig: {},
        Links: null,
        Aliases: ['al', ID.slice(0, 12)],
        DriverOpts: null,
        NetworkID: 'n1',
        EndpointID: 'e1',
        Gateway: '172.30.0.1',
        IPAddress: '172.30.0.9',
        IPPrefixLen: 24,
        IPv6Gateway: '',
        GlobalIPv6Address: '',
        GlobalIPv6PrefixLen: 0,
        MacAddress: '02:42:ac:1e:00:09',
      },
    });
    expect(of(44).Networks.lan).toHaveProperty('DNSNames', ENDPOINT.dnsNames);
    expect(of(45).Networks.lan?.Aliases).toEqual(['al']);
    expect(of(48).Networks.lan).toHaveProperty('GwPriority', 0);
    expect(of(51)).toHaveProperty('IPAddress', '');
    expect(Object.keys(of(52))).toEqual(['SandboxID', 'SandboxKey', 'Ports', 'Networks']);
  });

  it('shows all driver options of an endpoint as they were written', () => {
    const DriverOpts = { 'com.docker.network.endpoint.ifname': 'lan0', 'of.another.driver': 'x' };
    const lan = { ...LAN, NetworkingConfig: { EndpointsConfig: { lan: { DriverOpts } } } };
    expect(containerInspect(container(lan), 48).NetworkSettings.Networks).toMatchObject({ lan: { DriverOpts } });
  });

  it('shows the default network’s address on its own, until API 1.52', () => {
    const bridge = container({}, { endpoints: [{ ...ENDPOINT, networkName: 'bridge' }] });
    expect(containerInspect(bridge, 48).NetworkSettings).toMatchObject({ IPAddress: '172.30.0.9', EndpointID: 'e1' });
  });

  it('shows ports that are exposed, and published ones port by port', () => {
    const { Ports } = containerInspect(container({ ExposedPorts: { '53/udp': {} } }), 48).NetworkSettings;
    const both = (HostPort: string) => ['0.0.0.0', '::'].map((HostIp) => ({ HostIp, HostPort }));
    expect(Ports).toEqual({ '53/udp': null, '80/tcp': both('8080'), '81/tcp': both('8081') });
  });

  it('gives back what was asked for, with defaults', () => {
    const { HostConfig, Config } = containerInspect(
      container({
        AttachStdout: true,
        Volumes: { '/x': {} },
        HostConfig: { Binds: ['/a:/b:ro'], CapAdd: ['net_admin'], Memory: 10_000_000, Links: ['db:d'] },
      }),
      48,
    );
    expect(HostConfig).toMatchObject({
      Binds: ['/a:/b:ro'],
      CapAdd: ['CAP_NET_ADMIN'],
      CapDrop: null,
      Memory: 10_000_000,
      MemorySwap: 20_000_000,
      ShmSize: 64 * 1024 * 1024,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'json-file', Config: {} },
      NetworkMode: 'bridge',
      Links: ['/db:/web/d'],
    });
    expect(Config).toMatchObject({ AttachStdout: true, AttachStdin: false, Volumes: { '/x': {} } });
  });

  it('says how a mount was asked for', () => {
    const mounts = [
      { type: 'volume', name: 'v1', source: '/v', target: '/data', readOnly: false, propagation: '' },
      { type: 'bind', name: '', source: '/a', target: '/b', readOnly: true, propagation: 'rprivate' },
      { type: 'tmpfs', name: '', source: '', target: '/t', readOnly: false, propagation: '' },
    ] as const;
    const body = { HostConfig: { Binds: ['v1:/data', '/a:/b:ro'], Tmpfs: { '/t': '' } } };
    expect(containerInspect(container(body, { mounts }), 48).Mounts).toEqual([
      {
        Type: 'volume',
        Name: 'v1',
        Source: '/v',
        Destination: '/data',
        Driver: 'local',
        Mode: 'z',
        RW: true,
        Propagation: '',
      },
      { Type: 'bind', Source: '/a', Destination: '/b', Mode: 'ro', RW: false, Propagation: 'rprivate' },
    ]);
  });

  it('has a network of its mode, but no ports, with the host’s stack', () => {
    const host = container({ HostConfig: { NetworkMode: 'host' } }, { endpoints: [] });
    const { Networks, Ports } = containerInspect(host, 48).NetworkSettings;
    expect(Object.keys(Networks)).toEqual(['host']);
    expect(Ports).toEqual({});
  });
});

describe('a list', () => {
  it('shows names, command, ports and status', () => {
    expect(containerSummary(container(LAN), { minor: 48, nowMs: 61_000 })).toMatchObject({
      Names: ['/web'],
      Command: "sh -c 'exit 3'",
      Status: 'Up About a minute',
      State: 'running',
      HostConfig: { NetworkMode: 'lan' },
      Ports: expect.arrayContaining([{ IP: '::', PrivatePort: 81, PublicPort: 8081, Type: 'tcp' }]),
    });
  });

  it.each([
    [{}, 'Up 9 seconds'],
    [{ health: { status: 'starting', failingStreak: 0, log: [] } }, 'Up 9 seconds (health: starting)'],
    [{ health: { status: 'healthy', failingStreak: 0, log: [] } }, 'Up 9 seconds (healthy)'],
    [{ status: 'paused' }, 'Up 9 seconds (Paused)'],
    [{ status: 'exited', exitCode: 3, finishedMs: 7000 }, 'Exited (3) 3 seconds ago'],
    [{ status: 'restarting', exitCode: 1, finishedMs: 9000 }, 'Restarting (1) 1 second ago'],
    [{ status: 'created', startedMs: undefined }, 'Created'],
    [{ status: 'removing' }, 'Removal In Progress'],
  ] as const)('says %j as %s', (changes, text) => {
    expect(statusText({ ...STATE, ...changes }, 10_000)).toBe(text);
  });
});
