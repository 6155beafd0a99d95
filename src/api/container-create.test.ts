import { describe, expect, it } from 'vitest';
import { containerSpec } from './container-create.ts';
import { mountSpecs } from './mount-specs.ts';
import { parse } from './parse.ts';
import { CREATE_BODY } from './schemas/container.ts';

function create(body: object, minor = 48) {
  return containerSpec(parse(CREATE_BODY, { Image: 'img', ...body }), { minor, name: '/web' });
}

function host(HostConfig: object, minor = 48) {
  return create({ HostConfig }, minor).spec;
}

describe('containerSpec', () => {
  it('warns of ports that the network of the host cannot publish', () => {
    const { warnings } = create({
      HostConfig: { NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
    });
    expect(warnings).toEqual(['Published ports are discarded when using host network mode']);
  });

  it('asks for nothing that the client did not ask for', () => {
    const { spec, warnings } = create({ Cmd: [], Entrypoint: null, HostConfig: { Binds: null, ShmSize: 0 } });
    const { annotations: _, ...rest } = spec;
    expect(rest).toEqual({
      image: 'img',
      name: 'web',
      network: { mode: 'endpoints', endpoints: [{ network: 'bridge' }] },
      links: [],
      mounts: [],
      exposedPorts: [],
      security: {},
      resources: {},
      namespaces: {},
    });
    expect(warnings).toEqual([]);
  });

  it('takes a command of one word, and an entrypoint that takes the image’s away', () => {
    expect(create({ Cmd: 'true', Entrypoint: [''] }).spec).toMatchObject({ command: ['true'], entrypoint: [''] });
  });

  it('reads hosts, links, security options and restart policies in every spelling', () => {
    expect(
      host({
        ExtraHosts: ['a:1.2.3.4', 'b=::1', 'c:[fe80::1]', 'd:host-gateway'],
        Links: ['db:database', '/cache'],
        SecurityOpt: ['seccomp:unconfined', 'no-new-privileges:true', 'label=disable'],
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      }),
    ).toMatchObject({
      extraHosts: [
        ['a', '1.2.3.4'],
        ['b', '::1'],
        ['c', 'fe80::1'],
        ['d', 'host-gateway'],
      ],
      links: [
        { container: 'db', alias: 'database' },
        { container: 'cache', alias: 'cache' },
      ],
      security: { options: ['seccomp=unconfined', 'no-new-privileges', 'label=disable'] },
      restart: { name: 'on-failure', maximumRetries: 3 },
    });
  });

  it('warns about limits that it does not keep', () => {
    const { warnings } = create({ HostConfig: { BlkioWeight: 10, BlkioWeightDevice: [], KernelMemory: 0 } });
    expect(warnings).toEqual(['Pontoon does not limit this: BlkioWeight is ignored.']);
  });

  it.each([
    [{ Image: '' }, 'Config cannot be empty in order to create a container'],
    [{ Env: ['=x'] }, 'invalid environment variable: =x'],
    [{ WorkingDir: 'foo' }, "the working directory 'foo' is invalid, it needs to be an absolute path"],
    [{ HostConfig: { ExtraHosts: ['foo'] } }, 'bad format for add-host: "foo"'],
    [{ HostConfig: { ExtraHosts: ['foo:bar'] } }, 'invalid IP address in add-host: "bar"'],
    [{ HostConfig: { RestartPolicy: { Name: 'foo' } } }, "invalid restart policy: unknown policy 'foo'"],
    [{ HostConfig: { SecurityOpt: ['foo'] } }, 'invalid --security-opt 1: "foo"'],
    [{ HostConfig: { Memory: 'x' } }, 'cannot unmarshal string into field HostConfig.Memory of type'],
    [{ Image: 5 }, 'cannot unmarshal number into field Image of type string'],
    [{ HostConfig: { DeviceRequests: [{}] } }, 'Pontoon does not do device requests'],
    [{ HostConfig: { Memory: 1000 } }, 'Minimum memory limit allowed is 6MB'],
    [{ HostConfig: { Memory: 1e8, MemorySwap: 1e7 } }, 'Minimum memoryswap limit should be larger than memory limit'],
    [{ HostConfig: { OomScoreAdj: 5000 } }, 'Invalid value 5000, range for oom score adj is [-1000, 1000]'],
    [{ HostConfig: { IpcMode: 'hots' } }, 'invalid IPC mode: hots'],
    [{ Hostname: 'x', HostConfig: { UTSMode: 'host' } }, 'conflicting options: hostname and the UTS mode'],
    [{ HostConfig: { Tmpfs: { x: '' } } }, "invalid mount path: 'x' mount path must be absolute"],
    [{ HostConfig: { CpusetCpus: '9999' } }, 'Requested CPUs are not available - requested 9999, available: 0'],
    [{ HostConfig: { CpusetCpus: '0-9999' } }, 'Requested CPUs are not available - requested 0-9999, available: 0'],
    [{ HostConfig: { CpusetMems: '99' } }, 'Requested memory nodes are not available - requested 99, available: 0'],
    [
      { HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-sizes': '1m' } } } },
      "unknown log opt 'max-sizes'",
    ],
    [{ HostConfig: { MemorySwap: 1e8 } }, 'You should always set the Memory limit when using Memoryswap limit'],
    [{ HostConfig: { NanoCpus: 1e15 } }, 'Range of CPUs is from 0.01 to'],
    [{ HostConfig: { LogConfig: { Type: 'foo' } } }, "logger: no log driver named 'foo' is registered"],
    [{ StopSignal: 'FOO' }, 'Invalid signal: FOO'],
    [{ HostConfig: { CapAdd: ['FOO'] } }, 'unknown capability'],
    [{ Healthcheck: { Interval: 5 } }, 'Interval in Healthcheck cannot be less than 1ms'],
  ])('refuses %j', (body, message) => {
    expect(() => create(body)).toThrow(message);
  });
});

it.each(['foo', 'size=xx', 'mode=9', 'size=', 'size', 'uid=x', '=3', 'foo=1'])('refuses a tmpfs with %j', (option) => {
  const body = { HostConfig: { Tmpfs: { '/x': `ro,${option}` } } };
  expect(() => create(body)).toThrow(`invalid tmpfs option ["${option}"]`);
});

it.each(['a', '0,,0', '1-0', ' 0', '0-1:2'])('refuses the processors %j', (cpus) => {
  const message = `Invalid value ${cpus} for cpuset cpus: invalid format: ${cpus}`;
  expect(() => create({ HostConfig: { CpusetCpus: cpus } })).toThrow(message);
});

it.each(['', 'rw,noexec,size=10%', 'size=64m,mode=1777,uid=1000,gid=5,nr_inodes=5k', 'huge=never,mpol=local,noatime'])(
  'mounts a tmpfs with %j, on processors that are there',
  (options) => {
    const { tmpfs, resources } = create({ HostConfig: { Tmpfs: { '/x': options }, CpusetCpus: '0,0-0' } }).spec;
    expect([tmpfs, resources]).toEqual([{ '/x': options }, { cpusetCpus: '0,0-0' }]);
  },
);

describe('networks', () => {
  it('joins several at once, the one of the mode first, and publishes at the gateway', () => {
    const driverOptions = { 'com.docker.network.endpoint.ifname': 'lan', 'of.another.driver': 'x' };
    const { network } = create({
      HostConfig: { NetworkMode: 'n1', PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
      NetworkingConfig: {
        EndpointsConfig: {
          n2: { GwPriority: 7, Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.9' } },
          n1: { DriverOpts: driverOptions, MacAddress: '02:00:00:00:00:01' },
        },
      },
    }).spec;
    expect(network).toEqual({
      mode: 'endpoints',
      endpoints: [
        { network: 'n1', interfaceName: 'lan', mac: '02:00:00:00:00:01', annotations: { driverOptions } },
        {
          network: 'n2',
          gatewayPriority: 7,
          aliases: ['db'],
          ipv4: '10.0.0.9',
          ports: [{ protocol: 'tcp', port: 80, hostPort: 8080 }],
        },
      ],
    });
  });

  it('takes default for bridge, wherever it is written', () => {
    const body = { HostConfig: { NetworkMode: 'default' }, NetworkingConfig: { EndpointsConfig: { default: null } } };
    expect(create(body).spec.network).toEqual({ mode: 'endpoints', endpoints: [{ network: 'bridge' }] });
  });

  it('gives the MAC address of the whole container to its first endpoint, until API 1.52', () => {
    const body = { MacAddress: '02:00:00:00:00:01' };
    const first = { network: 'bridge', mac: '02:00:00:00:00:01' };
    expect(create(body, 43).spec.network).toEqual({ mode: 'endpoints', endpoints: [first] });
    expect(create(body, 52).spec.network).toEqual({ mode: 'endpoints', endpoints: [{ network: 'bridge' }] });
  });

  it.each([
    ['host', { mode: 'host' }],
    ['none', { mode: 'none' }],
    ['container:web', { mode: 'container', container: 'web' }],
  ])('knows %s', (NetworkMode, network) => {
    expect(host({ NetworkMode }).network).toEqual(network);
  });

  it.each([
    [{ Hostname: 'a' }, {}, 'hostname and the network mode'],
    [{}, { PortBindings: { '80/tcp': [{}] } }, 'port publishing and the container type network mode'],
    [{ ExposedPorts: { '80/tcp': {} } }, {}, 'port exposing and the container type network mode'],
    [{}, { Dns: ['1.1.1.1'] }, 'dns and the network mode'],
    [{}, { ExtraHosts: ['a:1.1.1.1'] }, 'custom host-to-IP mapping and the network mode'],
    [{}, { Links: ['a'] }, "container type network can't be used with links"],
  ])("refuses %j and %j with another container's stack", (config, hostConfig, message) => {
    const body = { ...config, HostConfig: { ...hostConfig, NetworkMode: 'container:x' } };
    expect(() => create(body)).toThrow(`conflicting options: ${message}`);
  });

  it('joins one network only before API 1.44', () => {
    const body = { NetworkingConfig: { EndpointsConfig: { n1: {}, n2: {} } } };
    expect(() => create(body, 43)).toThrow('Container cannot be connected to network endpoints: n1, n2');
  });

  it('publishes on a network that leads outside, or says that none does', () => {
    const body = {
      HostConfig: { NetworkMode: 'inside', PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
      NetworkingConfig: { EndpointsConfig: { inside: {}, outside: {} } },
    };
    const made = (able: string[]) =>
      containerSpec(parse(CREATE_BODY, { Image: 'img', ...body }), {
        minor: 48,
        publishes: (network) => able.includes(network),
      });
    expect(made(['outside']).spec.network).toEqual({
      mode: 'endpoints',
      endpoints: [
        { network: 'inside' },
        { network: 'outside', ports: [{ protocol: 'tcp', port: 80, hostPort: 8080 }] },
      ],
    });
    const { spec, warnings } = made([]);
    expect(spec.network).toEqual({ mode: 'endpoints', endpoints: [{ network: 'inside' }, { network: 'outside' }] });
    expect(warnings).toEqual(['No port is published until the container joins a network that leads outside.']);
  });

  it('keeps the host’s stack apart from networks', () => {
    const body = { HostConfig: { NetworkMode: 'host' }, NetworkingConfig: { EndpointsConfig: { n1: {} } } };
    expect(() => create(body)).toThrow('cannot attach both user-defined and non-user-defined network-modes');
  });
});

describe('ports', () => {
  function published(PortBindings: object, minor = 48) {
    const { network } = host({ PortBindings }, minor);
    return network?.mode === 'endpoints' ? network.endpoints[0]?.ports : undefined;
  }

  it('joins what a client wrote port by port', () => {
    const each = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`${10_000 + index}/tcp`, [{ HostPort: `${20_000 + index}` }]]),
    );
    expect(published(each)).toEqual([{ protocol: 'tcp', port: [10_000, 10_999], hostPort: [20_000, 20_999] }]);
  });

  it('keeps apart what differs in protocol or address, and a choice of ports', () => {
    expect(
      published({
        '80/tcp': [{ HostPort: '8080' }, { HostIp: '127.0.0.1', HostPort: '8080' }],
        '81/tcp': [{ HostPort: '9000-9010' }],
        '81/udp': [{ HostIp: '[::1]', HostPort: '8081' }],
      }),
    ).toEqual([
      { protocol: 'tcp', port: 80, hostPort: 8080 },
      { protocol: 'tcp', port: 81, hostPort: [9000, 9010] },
      { protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '127.0.0.1' },
      { protocol: 'udp', port: 81, hostPort: 8081, hostAddress: '::1' },
    ]);
  });

  it('takes an empty list for any free port, in every version', () => {
    expect(published({ '80/tcp': null })).toEqual([{ protocol: 'tcp', port: 80 }]);
    expect(published({ 80: [] })).toEqual([{ protocol: 'tcp', port: 80 }]);
    expect(published({ '80/tcp': [] }, 55)).toEqual([{ protocol: 'tcp', port: 80 }]);
  });

  it.each([
    [{ '80/foo': [{}] }, 'invalid proto: foo'],
    [{ '80/tcp': [{ HostPort: 'abc' }] }, 'invalid port specification: "abc"'],
    [{ '80/tcp': [{ HostPort: '99999' }] }, 'invalid port specification: "99999"'],
    [{ '80/tcp': [{ HostIp: 'x' }] }, 'invalid IP address: x'],
    [{ '0/tcp': [{}] }, 'invalid port specification: "0/tcp"'],
  ])('refuses %j', (bindings, message) => {
    expect(() => published(bindings)).toThrow(message);
  });
});

describe('mounts', () => {
  it('reads binds, mounts and volumes, and makes no volume where something is mounted', () => {
    const { spec } = create({
      Volumes: { '/data': {}, '/anon': {}, '/tmp/x': {}, '/old:/in': {} },
      HostConfig: {
        Binds: ['v1:/data', '/srv:/srv:ro,rshared', 'v2:/two:nocopy'],
        Tmpfs: { '/tmp/x': 'size=1m' },
        Mounts: [
          { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'slave' } },
          { Type: 'volume', Target: '/v', VolumeOptions: { Labels: { a: 'b' } } },
          { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 5, Mode: 0o700 } },
        ],
      },
    });
    expect(spec.mounts).toEqual([
      { type: 'volume', source: 'v1', target: '/data' },
      {
        type: 'bind',
        source: '/srv',
        target: '/srv',
        createSource: true,
        readOnly: true,
        readOnlyBelow: 'if-possible',
        propagation: 'rshared',
      },
      { type: 'volume', source: 'v2', target: '/two', noCopy: true },
      { type: 'bind', source: '/a', target: '/b', readOnly: true, readOnlyBelow: 'if-possible', propagation: 'slave' },
      { type: 'volume', target: '/v', volumeLabels: { a: 'b' } },
      { type: 'tmpfs', target: '/t', sizeBytes: 5, modeBits: 0o700 },
      { type: 'volume', target: '/anon' },
      { type: 'bind', source: '/old', target: '/in', createSource: true },
    ]);
  });

  it('reads what is mounted below a bind: along or not, read-only or not', () => {
    const below = (BindOptions: object, ReadOnly = true, minor = 48) => {
      const mount = { Type: 'bind', Source: '/a', Target: '/b', ReadOnly, BindOptions };
      const [{ recursive, readOnlyBelow } = {}] = mountSpecs({ Mounts: [mount] }, {}, minor);
      return { recursive, readOnlyBelow };
    };
    expect(below({})).toEqual({ readOnlyBelow: 'if-possible' });
    expect(below({}, true, 43)).toEqual({});
    expect(below({}, false)).toEqual({});
    expect(below({ NonRecursive: true }, false)).toEqual({ recursive: false });
    expect(below({ ReadOnlyNonRecursive: true })).toEqual({ readOnlyBelow: 'no' });
    const force = { ReadOnlyForceRecursive: true, Propagation: 'rprivate' };
    expect(below(force)).toEqual({ readOnlyBelow: 'always' });
    expect(() => below(force, false)).toThrow('mount must be read-only for ReadOnlyForceRecursive');
    expect(() => below({ ReadOnlyForceRecursive: true })).toThrow('needs the propagation rprivate');
    expect(() => below({ ReadOnlyNonRecursive: true }, false)).toThrow('mount must be read-only');
  });

  it.each([
    [{ Binds: ['x'] }, "invalid mount path: 'x' mount path must be absolute"],
    [{ Binds: ['x:y'] }, "invalid mount path: 'y' mount path must be absolute"],
    [{ Binds: ['./x:/y'] }, '"./x" includes invalid characters for a local volume name'],
    [{ Binds: ['/a:/b:foo'] }, "invalid volume specification: '/a:/b:foo': invalid mode: foo"],
    [{ Mounts: [{ Type: 'npipe', Target: '/x' }] }, "mount type unknown: 'npipe'"],
    [{ Mounts: [{ Type: 'bind', Target: '/x' }] }, 'field Source must not be empty'],
    [{ VolumeDriver: 'nfs' }, 'plugin "nfs" not found'],
  ])('refuses %j', (hostConfig, message) => {
    expect(() => host(hostConfig)).toThrow(message);
  });
});
