/**
 * @module What JSON does not say of the structs of Docker that templates see: fields that it leaves out while they are
 * empty, what `null` is (a list, a map, or no value), and which objects are maps, where any key may be asked for.
 *
 * Of a struct only such fields are told; what else it has is in the JSON.
 * @see moby, api/types: fields with omitempty, and those that are slices, maps and pointers
 */

/** A scalar is told by the value it has when nothing is said; null is a pointer to one. */
type Type = string | number | boolean | null | List | Dictionary | Struct;

interface List {
  readonly listOf: Type;
}
interface Dictionary {
  readonly mapOf: Type;
}
/** A struct, or a pointer to one. */
interface Struct {
  readonly fields: Readonly<Record<string, Type>>;
}

/** A map of Go. It gives what it does not have, too: the value that its elements have when nothing is said. */
export class GoMap extends Map<string, unknown> {
  readonly absent: unknown;
  readonly #isNil: boolean;

  constructor(absent: unknown, entries?: Iterable<readonly [string, unknown]>) {
    super(entries);
    this.absent = absent;
    this.#isNil = entries === undefined;
  }

  toJSON(): unknown {
    return this.#isNil ? null : Object.fromEntries(this);
  }
}

/** A list that is not there: it prints as an empty one does, but not as JSON. */
class NilList extends Array<unknown> {
  toJSON(): null {
    return null;
  }
}

/** A struct of Go; fields that the JSON has not are not enumerable, and so not in the JSON that is made of it. */
export class GoStruct {
  readonly [field: string]: unknown;
}

/** Gives what was read as JSON the types of Go. */
export function asGo(value: unknown, type: Type | undefined = { fields: {} }): unknown {
  if (value === null || value === undefined) return zeroOf(type);
  if (Array.isArray(value)) return value.map((item) => asGo(item, has(type, 'listOf') ? type.listOf : undefined));
  if (typeof value !== 'object') return value;
  if (has(type, 'mapOf')) {
    const entries = Object.entries(value).map(([key, item]) => [key, asGo(item, type.mapOf)] as const);
    return new GoMap(absentFrom(type), entries);
  }
  return structOf(value as Record<string, unknown>, has(type, 'fields') ? type.fields : {});
}

function structOf(value: Readonly<Record<string, unknown>>, types: Struct['fields']): GoStruct {
  const struct = new GoStruct();
  // Where the types tell all fields, they tell the order too, in which a struct is printed.
  const isTold = Object.keys(value).every((name) => Object.hasOwn(types, name));
  const names = new Set([...(isTold ? [] : Object.keys(value)), ...Object.keys(types)]);
  for (const name of names) {
    const enumerable = Object.hasOwn(value, name);
    Object.defineProperty(struct, name, { value: asGo(enumerable ? value[name] : undefined, types[name]), enumerable });
  }
  return struct;
}

function zeroOf(type: Type): unknown {
  if (has(type, 'listOf')) return new NilList();
  if (has(type, 'mapOf')) return new GoMap(absentFrom(type));
  return typeof type === 'object' ? null : type;
}

/** Maps of lists have a key type that no template can write, so that docker asks the JSON: that has nothing there. */
function absentFrom({ mapOf }: Dictionary): unknown {
  return has(mapOf, 'listOf') ? undefined : zeroOf(mapOf);
}

function has<K extends string>(type: Type, key: K): type is Extract<Type, Record<K, unknown>> {
  return typeof type === 'object' && type !== null && key in type;
}

const TEXTS: List = { listOf: '' };
const LISTS: List = { listOf: { fields: {} } };
const PAIRS: Dictionary = { mapOf: '' };
const SET: Dictionary = { mapOf: { fields: {} } };
const PORTS: Dictionary = { mapOf: LISTS };

const IMAGE_CONFIG: Struct['fields'] = {
  User: '',
  ExposedPorts: SET,
  Env: TEXTS,
  Entrypoint: TEXTS,
  Cmd: TEXTS,
  Volumes: SET,
  WorkingDir: '',
  Labels: PAIRS,
  StopSignal: '',
  ArgsEscaped: false,
  Healthcheck: {
    fields: { Test: TEXTS, Interval: 0, Timeout: 0, StartPeriod: 0, StartInterval: 0, Retries: 0 },
  },
  OnBuild: TEXTS,
  Shell: TEXTS,
};

const DESCRIPTOR: Struct = { fields: { urls: TEXTS, annotations: PAIRS, platform: null } };
const GRAPH_DRIVER: Struct = { fields: { Data: PAIRS, Name: '' } };

export const CONTAINER: Struct = {
  fields: {
    Args: TEXTS,
    State: { fields: { Health: { fields: { Log: LISTS } } } },
    ExecIDs: TEXTS,
    HostConfig: {
      fields: {
        Binds: TEXTS,
        LogConfig: { fields: { Type: '', Config: PAIRS } },
        PortBindings: PORTS,
        VolumesFrom: TEXTS,
        Annotations: PAIRS,
        CapAdd: TEXTS,
        CapDrop: TEXTS,
        Dns: TEXTS,
        DnsOptions: TEXTS,
        DnsSearch: TEXTS,
        ExtraHosts: TEXTS,
        GroupAdd: TEXTS,
        Links: TEXTS,
        SecurityOpt: TEXTS,
        StorageOpt: PAIRS,
        Tmpfs: PAIRS,
        Sysctls: PAIRS,
        Runtime: '',
        BlkioWeightDevice: LISTS,
        BlkioDeviceReadBps: LISTS,
        BlkioDeviceWriteBps: LISTS,
        BlkioDeviceReadIOps: LISTS,
        BlkioDeviceWriteIOps: LISTS,
        Devices: LISTS,
        DeviceCgroupRules: TEXTS,
        DeviceRequests: LISTS,
        KernelMemory: 0,
        KernelMemoryTCP: 0,
        MemorySwappiness: null,
        OomKillDisable: null,
        PidsLimit: null,
        Ulimits: LISTS,
        Mounts: LISTS,
        MaskedPaths: TEXTS,
        ReadonlyPaths: TEXTS,
        Init: null,
      },
    },
    GraphDriver: GRAPH_DRIVER,
    SizeRw: null,
    SizeRootFs: null,
    Mounts: {
      listOf: {
        fields: {
          Type: '',
          Name: '',
          Source: '',
          Destination: '',
          Driver: '',
          Mode: '',
          RW: false,
          Propagation: '',
        },
      },
    },
    Config: { fields: { ...IMAGE_CONFIG, NetworkDisabled: false, MacAddress: '', StopTimeout: null } },
    NetworkSettings: {
      fields: {
        Ports: PORTS,
        SecondaryIPAddresses: LISTS,
        SecondaryIPv6Addresses: LISTS,
        Networks: {
          mapOf: {
            fields: {
              IPAMConfig: { fields: { IPv4Address: '', IPv6Address: '', LinkLocalIPs: TEXTS } },
              Links: TEXTS,
              Aliases: TEXTS,
              DriverOpts: PAIRS,
              DNSNames: TEXTS,
            },
          },
        },
      },
    },
    ImageManifestDescriptor: DESCRIPTOR,
  },
};

export const IMAGE: Struct = {
  fields: {
    RepoTags: TEXTS,
    RepoDigests: TEXTS,
    Parent: '',
    Comment: '',
    Created: '',
    Container: '',
    ContainerConfig: null,
    DockerVersion: '',
    Author: '',
    Config: { fields: IMAGE_CONFIG },
    Variant: '',
    OsVersion: '',
    VirtualSize: 0,
    GraphDriver: GRAPH_DRIVER,
    RootFS: { fields: { Type: '', Layers: TEXTS } },
    Descriptor: DESCRIPTOR,
    Manifests: LISTS,
  },
};

export const NETWORK: Struct = {
  fields: {
    IPAM: {
      fields: {
        Driver: '',
        Options: PAIRS,
        Config: { listOf: { fields: { Subnet: '', IPRange: '', Gateway: '', AuxiliaryAddresses: PAIRS } } },
      },
    },
    Containers: SET,
    Options: PAIRS,
    Labels: PAIRS,
    Peers: LISTS,
    Services: SET,
  },
};

export const VOLUME: Struct = {
  fields: { CreatedAt: '', Labels: PAIRS, Options: PAIRS, Status: SET, UsageData: null, ClusterVolume: null },
};

export const EVENT: Struct = { fields: { status: '', id: '', from: '', Actor: { fields: { Attributes: PAIRS } } } };

export const INFO: Struct = {
  fields: {
    DriverStatus: LISTS,
    SystemStatus: LISTS,
    Plugins: { fields: { Volume: TEXTS, Network: TEXTS, Authorization: TEXTS, Log: TEXTS } },
    RegistryConfig: { fields: { IndexConfigs: SET, Mirrors: TEXTS } },
    GenericResources: LISTS,
    Labels: TEXTS,
    Runtimes: SET,
    SecurityOptions: TEXTS,
    DefaultAddressPools: LISTS,
    CDISpecDirs: TEXTS,
    Containerd: null,
    FirewallBackend: null,
    Warnings: TEXTS,
    ServerErrors: TEXTS,
  },
};
