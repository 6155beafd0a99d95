/**
 * @module The flags of `run` and `create`: Docker's names, shorthands and forms. create-body.ts says what they mean.
 */

import { type Command, Option } from 'commander';
import type { PortBindingSpec } from '../../network/types.ts';
import { parseBytes, parseDuration } from '../go-values.ts';
import { parsePortSpec } from '../port-spec.ts';
import { integer, reading, repeated, several } from '../values.ts';
import { byteRateOf, callRateOf, gpusOf, weightOf } from './devices.ts';

/** As commander gives them; numbers in the API's units. */
export interface ResourceFlags {
  readonly blkioWeight?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuRtPeriod?: number;
  readonly cpuRtRuntime?: number;
  readonly cpuShares?: number;
  readonly cpus?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly pidsLimit?: number;
  readonly restart?: string;
}

export interface CreateFlags extends ResourceFlags {
  readonly addHost?: readonly string[];
  readonly annotation?: readonly string[];
  readonly attach?: readonly string[];
  readonly blkioWeightDevice?: readonly object[];
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly cgroupParent?: string;
  readonly cgroupns?: string;
  readonly cidfile?: string;
  readonly device?: readonly string[];
  readonly deviceCgroupRule?: readonly string[];
  readonly deviceReadBps?: readonly object[];
  readonly deviceReadIops?: readonly object[];
  readonly deviceWriteBps?: readonly object[];
  readonly deviceWriteIops?: readonly object[];
  readonly dns?: readonly string[];
  readonly dnsOption?: readonly string[];
  readonly dnsOpt?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly domainname?: string;
  readonly entrypoint?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly expose?: readonly string[];
  readonly gpus?: readonly object[];
  readonly groupAdd?: readonly string[];
  readonly healthCmd?: string;
  readonly healthInterval?: number;
  readonly healthRetries?: number;
  readonly healthStartInterval?: number;
  readonly healthStartPeriod?: number;
  readonly healthTimeout?: number;
  /** False: --no-healthcheck. */
  readonly healthcheck: boolean;
  readonly hostname?: string;
  readonly init?: true;
  readonly interactive?: true;
  readonly ip?: string;
  readonly ip6?: string;
  readonly ipc?: string;
  readonly label?: readonly string[];
  readonly labelFile?: readonly string[];
  readonly link?: readonly string[];
  readonly linkLocalIp?: readonly string[];
  readonly logDriver?: string;
  readonly logOpt?: readonly string[];
  readonly macAddress?: string;
  readonly memorySwappiness?: number;
  readonly mount?: readonly string[];
  readonly name?: string;
  readonly network?: readonly string[];
  readonly net?: readonly string[];
  readonly networkAlias?: readonly string[];
  readonly netAlias?: readonly string[];
  readonly oomKillDisable?: true;
  readonly oomScoreAdj?: number;
  readonly pid?: string;
  readonly platform?: string;
  readonly privileged?: true;
  readonly publish?: readonly PortBindingSpec[];
  readonly publishAll?: true;
  readonly pull: 'always' | 'missing' | 'never';
  readonly quiet?: true;
  readonly readOnly?: true;
  readonly rm?: true;
  readonly runtime?: string;
  readonly securityOpt?: readonly string[];
  readonly shmSize?: number;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly storageOpt?: readonly string[];
  readonly sysctl?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly tty?: true;
  readonly ulimit?: readonly string[];
  readonly user?: string;
  readonly userns?: string;
  readonly uts?: string;
  readonly volume?: readonly string[];
  readonly volumeDriver?: string;
  readonly volumesFrom?: readonly string[];
  readonly workdir?: string;
}

/** -1 is 'no limit' where swap and processes are counted. */
function bytesOrUnlimited(text: string): number {
  return text === '-1' ? -1 : parseBytes(text);
}

export function addResourceFlags(command: Command): Command {
  return command
    .addOption(number('--blkio-weight <number>', 'share of block I/O, 10 to 1000'))
    .addOption(number('--cpu-period <µs>', 'period of the CPU quota'))
    .addOption(number('--cpu-quota <µs>', 'CPU time in a period'))
    .addOption(number('--cpu-rt-period <µs>', 'period of real-time scheduling'))
    .addOption(number('--cpu-rt-runtime <µs>', 'real-time CPU time in a period'))
    .addOption(number('-c, --cpu-shares <number>', 'share of CPU time'))
    .option('--cpus <number>', 'how many CPUs, such as 1.5')
    .option('--cpuset-cpus <list>', 'the CPUs that it may use (0-3, 0,1)')
    .option('--cpuset-mems <list>', 'the memory nodes that it may use')
    .addOption(new Option('--kernel-memory <bytes>', 'accepted: kernels no longer have this limit').hideHelp())
    .addOption(bytes('-m, --memory <bytes>', 'memory limit, such as 256m'))
    .addOption(bytes('--memory-reservation <bytes>', 'memory that it should be left with'))
    .addOption(
      new Option('--memory-swap <bytes>', 'memory and swap together; -1: no limit').argParser(
        reading(bytesOrUnlimited),
      ),
    )
    .addOption(number('--pids-limit <number>', 'how many processes; -1: no limit'));
}

export function addCreateFlags(command: Command): Command {
  addResourceFlags(command)
    .helpOption('--help', 'print usage')
    .addOption(several('--add-host <name:address>', "a line of /etc/hosts; the address may be 'host-gateway'"))
    .addOption(several('--annotation <key=value>', 'an annotation for the OCI runtime'))
    .addOption(several('-a, --attach <stream>', 'attach to stdin, stdout or stderr'))
    .addOption(each('--blkio-weight-device <device:weight>', weightOf, 'share of I/O on a device'))
    .addOption(several('--cap-add <capability>', 'a capability more'))
    .addOption(several('--cap-drop <capability>', 'a capability less'))
    .option('--cgroup-parent <path>', 'the cgroup above')
    .option('--cgroupns <mode>', 'cgroup namespace: host or private')
    .option('--cidfile <file>', 'write the ID to a file')
    .addOption(several('--device <device>', 'a device of the host: HOST[:CONTAINER[:rwm]]'))
    .addOption(several('--device-cgroup-rule <rule>', 'a rule of the device cgroup'))
    .addOption(each('--device-read-bps <device:bytes>', byteRateOf, 'how much it may read from a device in a second'))
    .addOption(
      each('--device-read-iops <device:number>', callRateOf, 'how often it may read from a device in a second'),
    )
    .addOption(each('--device-write-bps <device:bytes>', byteRateOf, 'how much it may write to a device in a second'))
    .addOption(
      each('--device-write-iops <device:number>', callRateOf, 'how often it may write to a device in a second'),
    )
    .option('--disable-content-trust', 'accepted; images are checked by their digests')
    .addOption(several('--dns <address>', 'a name server'))
    .addOption(several('--dns-option <option>', 'an option of resolv.conf'))
    .addOption(several('--dns-opt <option>', 'the same').hideHelp())
    .addOption(several('--dns-search <domain>', 'a search domain'))
    .option('--domainname <name>', 'NIS domain name')
    .option('--entrypoint <program>', "instead of the image's entrypoint")
    .addOption(several('-e, --env <name=value>', "a variable; NAME alone has this shell's value"))
    .addOption(several('--env-file <file>', 'a file of variables'))
    .addOption(several('--expose <port>', 'a port that it serves'))
    .addOption(each('--gpus <request>', gpusOf, 'GPUs: all, a number, or fields such as device=0'))
    .addOption(several('--group-add <group>', 'a group more'))
    .option('--health-cmd <command>', 'a command that says whether it is healthy')
    .addOption(duration('--health-interval <duration>', 'time between two checks (default: 30s)'))
    .addOption(number('--health-retries <number>', 'failures in a row that make it unhealthy (default: 3)'))
    .addOption(duration('--health-start-interval <duration>', 'time between two checks while it starts'))
    .addOption(duration('--health-start-period <duration>', 'how long it may take to start'))
    .addOption(duration('--health-timeout <duration>', 'how long a check may take (default: 30s)'))
    .option('--no-healthcheck', "without the image's health check")
    .option('-h, --hostname <name>', 'host name')
    .option('--init', 'an init that reaps processes and forwards signals')
    .option('-i, --interactive', 'keep standard input open')
    .option('--ip <address>', 'IPv4 address')
    .option('--ip6 <address>', 'IPv6 address')
    .option('--ipc <mode>', 'IPC namespace: private, shareable, host, none, container:NAME')
    .option('--isolation <technology>', 'accepted: default')
    .addOption(several('-l, --label <key=value>', 'a label'))
    .addOption(several('--label-file <file>', 'a file of labels'))
    .addOption(several('--link <container:alias>', 'know another container by a name'))
    .addOption(several('--link-local-ip <address>', 'a link-local address'))
    .option('--log-driver <driver>', 'where output goes: json-file, none, …')
    .addOption(several('--log-opt <key=value>', 'an option of the log driver'))
    .option('--mac-address <mac>', 'MAC address')
    .addOption(number('--memory-swappiness <percent>', 'how readily memory is swapped, 0 to 100'))
    .addOption(several('--mount <fields>', 'a mount: type=bind|volume|tmpfs,src=…,dst=…[,readonly,…]'))
    .option('--name <name>', 'name of the container')
    .addOption(several('--network <network>', 'NAME, host, none, container:NAME, or name=NAME,ip=…,alias=…'))
    .addOption(several('--net <network>', 'the same').hideHelp())
    .addOption(several('--network-alias <name>', 'a name more on its network'))
    .addOption(several('--net-alias <name>', 'the same').hideHelp())
    .option('--oom-kill-disable', 'do not kill it when memory runs out')
    .addOption(number('--oom-score-adj <number>', 'how soon it is killed when memory runs out'))
    .option('--pid <mode>', 'PID namespace: host or container:NAME')
    .option('--platform <platform>', 'OS and architecture of the image')
    .option('--privileged', 'all capabilities and devices')
    .addOption(each('-p, --publish <port>', parsePortSpec, 'publish a port: [[IP:][HOST_PORT]:]PORT[/PROTOCOL]'))
    .option('-P, --publish-all', 'publish all exposed ports to free ones')
    .addOption(
      new Option('--pull <policy>', 'when to pull the image')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('-q, --quiet', 'pull without a word')
    .option('--read-only', 'a root that cannot be written')
    .option('--restart <policy>', 'no, always, unless-stopped, on-failure[:RETRIES]')
    .option('--rm', 'remove the container when it ends')
    .option('--runtime <name>', 'the OCI runtime')
    .addOption(several('--security-opt <option>', 'seccomp=…, no-new-privileges, systempaths=unconfined, …'))
    .addOption(bytes('--shm-size <bytes>', 'size of /dev/shm'))
    .option('--stop-signal <signal>', 'the signal that stops it')
    .addOption(number('--stop-timeout <seconds>', 'how long it may take to stop'))
    .addOption(several('--storage-opt <key=value>', 'an option of the storage driver'))
    .addOption(several('--sysctl <key=value>', 'a setting of its kernel namespaces'))
    .addOption(several('--tmpfs <path>', 'a file system in memory: PATH[:OPTIONS]'))
    .option('-t, --tty', 'a terminal')
    .addOption(several('--ulimit <limit>', 'NAME=SOFT[:HARD]'))
    .option('-u, --user <user>', 'name or number of a user, and of a group: USER[:GROUP]')
    .option('--userns <mode>', 'user namespace: host')
    .option('--uts <mode>', 'UTS namespace: host')
    .addOption(several('-v, --volume <volume>', 'SOURCE:TARGET[:ro], where the source is a path or a volume'))
    .option('--volume-driver <driver>', 'volume driver')
    .addOption(several('--volumes-from <container>', "another container's mounts"))
    .option('-w, --workdir <path>', 'working directory');
  return command;
}

/** One that may be given several times, and is read each time. */
function each<T>(flags: string, read: (text: string) => T, description: string): Option {
  return new Option(flags, description).argParser(repeated(reading(read)));
}

function number(flags: string, description: string): Option {
  return new Option(flags, description).argParser(integer);
}

function bytes(flags: string, description: string): Option {
  return new Option(flags, description).argParser(reading(parseBytes));
}

function duration(flags: string, description: string): Option {
  return new Option(flags, description).argParser(reading(parseDuration));
}
