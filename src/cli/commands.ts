/**
 * @module The commands by name. What a command does is loaded when it is asked for: its flags come with it.
 */

import type { Command } from 'commander';

/** Adds a command's arguments, flags and action. */
export type Definition = (command: Command) => void;

interface Named {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** The heading in the help above it and those that follow. */
  readonly opens?: string;
}

export interface Leaf extends Named {
  /** Arguments that make sense, for the help. */
  readonly example: string;
  /** What follows the first operand belongs to the container's process, flags and all. */
  readonly passesThrough?: boolean;
  readonly load: () => Promise<Definition>;
}

export interface Group extends Named {
  readonly entries: readonly Entry[];
}

export type Entry = Leaf | Group;

export function isGroup(entry: Entry): entry is Group {
  return 'entries' in entry;
}

const lifecycle = () => import('./container/lifecycle.ts');
const processes = () => import('./container/processes.ts');
const archives = () => import('./image/archives.ts');
const images = () => import('./image/manage.ts');
const networks = () => import('./network/manage.ts');
const volumes = () => import('./volume/commands.ts');
const sandboxes = () => import('./sandbox/commands.ts');
const endpoints = () => import('./sandbox/endpoints.ts');
const prunes = () => import('./system/prune.ts');

const PS: Leaf = {
  name: 'ps',
  summary: 'list containers',
  example: '-a --filter status=exited',
  load: async () => (await import('./container/ps.ts')).definePs,
};
const LOGS: Leaf = {
  name: 'logs',
  summary: 'print what a container wrote',
  example: '-f --tail 20 web',
  load: async () => (await import('./container/logs.ts')).defineLogs,
};
const IMAGES: Leaf = {
  name: 'images',
  summary: 'list images',
  example: '--filter dangling=true',
  load: async () => (await import('./image/ls.ts')).defineImages,
};
const RMI: Leaf = {
  name: 'rmi',
  summary: 'remove images, or their names',
  example: 'app:1.0',
  load: async () => (await images()).defineRemove,
};

/** These stand alone (pontoon run) and below their group (pontoon container run). */
const CONTAINER: readonly Leaf[] = [
  {
    name: 'run',
    summary: 'make a container and start it',
    example: '--rm -it pontoon/busybox sh',
    passesThrough: true,
    load: async () => (await import('./container/run.ts')).defineRun,
  },
  {
    name: 'create',
    summary: 'make a container',
    example: '--name web -p 8080:80 pontoon/busybox httpd -f',
    passesThrough: true,
    load: async () => (await import('./container/create.ts')).defineCreate,
  },
  {
    name: 'start',
    summary: 'start stopped containers',
    example: 'web',
    load: async () => (await import('./container/start.ts')).defineStart,
  },
  { name: 'stop', summary: 'stop containers', example: '-t 3 web', load: async () => (await lifecycle()).defineStop },
  {
    name: 'restart',
    summary: 'stop and start containers',
    example: 'web',
    load: async () => (await lifecycle()).defineRestart,
  },
  {
    name: 'kill',
    summary: "send a signal to containers' processes",
    example: '-s HUP web',
    load: async () => (await lifecycle()).defineKill,
  },
  { name: 'pause', summary: 'freeze containers', example: 'web', load: async () => (await lifecycle()).definePause },
  {
    name: 'unpause',
    summary: 'let frozen containers go on',
    example: 'web',
    load: async () => (await lifecycle()).defineUnpause,
  },
  {
    name: 'wait',
    summary: 'wait until containers end, and print their exit statuses',
    example: 'web',
    load: async () => (await lifecycle()).defineWait,
  },
  {
    name: 'rm',
    aliases: ['remove'],
    summary: 'remove containers',
    example: '-f web',
    load: async () => (await lifecycle()).defineRemove,
  },
  {
    name: 'rename',
    summary: 'give a container another name',
    example: 'web front',
    load: async () => (await lifecycle()).defineRename,
  },
  {
    name: 'update',
    summary: 'change limits and restart policies of containers',
    example: '--memory 256m --restart always web',
    load: async () => (await import('./container/update.ts')).defineUpdate,
  },
  {
    name: 'exec',
    summary: 'run a command in a container',
    example: '-it web sh',
    passesThrough: true,
    load: async () => (await import('./container/exec.ts')).defineExec,
  },
  LOGS,
  {
    name: 'cp',
    summary: 'copy files out of a container or into one',
    example: 'web:/etc/hosts .',
    load: async () => (await import('./container/cp.ts')).defineCopy,
  },
  {
    name: 'port',
    summary: 'list published ports',
    example: 'web 80',
    load: async () => (await processes()).definePort,
  },
  {
    name: 'stats',
    summary: 'show what containers use, live',
    example: '--no-stream',
    load: async () => (await import('./container/stats.ts')).defineStats,
  },
  {
    name: 'top',
    summary: 'list the processes of a container',
    example: 'web -eo pid,args',
    passesThrough: true,
    load: async () => (await processes()).defineTop,
  },
  {
    name: 'export',
    summary: "write a container's files to a tar archive",
    example: '-o root.tar web',
    load: async () => (await archives()).defineExport,
  },
  {
    name: 'diff',
    summary: 'list what a container changed in its files',
    example: 'web',
    load: async () => (await processes()).defineDiff,
  },
];

const IMAGE: readonly Leaf[] = [
  {
    name: 'pull',
    summary: 'fetch an image from a registry',
    example: 'registry.example/app:1.0',
    load: async () => (await import('./image/pull.ts')).definePull,
  },
  {
    name: 'load',
    summary: 'load images from an archive',
    example: '-i app.tar',
    load: async () => (await archives()).defineLoad,
  },
  {
    name: 'save',
    summary: 'save images to an archive',
    example: '-o app.tar app:1.0',
    load: async () => (await archives()).defineSave,
  },
  {
    name: 'import',
    summary: "make an image of a root's files",
    example: 'root.tar app:1.0',
    load: async () => (await archives()).defineImport,
  },
  {
    name: 'tag',
    summary: 'give an image another name',
    example: 'app:1.0 app:stable',
    load: async () => (await images()).defineTag,
  },
  {
    name: 'history',
    summary: 'list the layers of an image',
    example: 'app:1.0',
    load: async () => (await images()).defineHistory,
  },
];

const INFO: Leaf = {
  name: 'info',
  summary: 'show what the daemon has and can do',
  example: "--format '{{.ContainersRunning}}'",
  load: async () => (await import('./system/info.ts')).defineInfo,
};
const EVENTS: Leaf = {
  name: 'events',
  summary: 'print what happens, until interrupted',
  example: '--since 1h --filter type=network',
  load: async () => (await import('./system/events.ts')).defineEvents,
};

/** What looks and changes nothing; these need no daemon. */
const OBSERVE: readonly Leaf[] = [
  {
    name: 'explain',
    opens: 'Diagnosis:',
    summary: 'say why one reaches another, or why not, hop by hop',
    example: 'docker:web docker:db --port 5432',
    load: async () => (await import('./observe/explain.ts')).defineExplain,
  },
  {
    name: 'trace',
    summary: "send a probe, and show it at every hop with the time; or where it dies, and the kernel's reason",
    example: 'docker:web docker:db --port 5432 --pcap web-db.pcapng',
    load: async () => (await import('./observe/trace.ts')).defineTrace,
  },
  {
    name: 'topology',
    summary: 'draw who is joined to whom: namespaces, cables, bridges, networks, published ports',
    example: '--format svg > host.svg',
    load: async () => (await import('./observe/topology.ts')).defineTopology,
  },
  {
    name: 'doctor',
    summary: 'examine the whole host for all known causes of trouble; the exit status says whether there is any',
    example: '--format json',
    load: async () => (await import('./observe/doctor.ts')).defineDoctor,
  },
  {
    name: 'watch',
    summary: 'print what changes in the kernel, in all namespaces, until interrupted',
    example: '--format json',
    load: async () => (await import('./observe/watch.ts')).defineWatch,
  },
];

export const COMMANDS: readonly Entry[] = [
  ...OBSERVE,
  { ...PS, opens: 'Containers:' },
  ...CONTAINER,
  {
    name: 'inspect',
    summary: 'show everything about containers, images, networks, volumes or sandboxes, as JSON',
    example: "-f '{{.State.Status}}' web",
    load: async () => (await import('./system/inspect.ts')).defineInspect,
  },
  { ...IMAGES, opens: 'Images:' },
  ...IMAGE,
  RMI,
  {
    name: 'login',
    summary: 'keep a user and password for a registry',
    example: '-u me registry.example',
    load: async () => (await import('./image/login.ts')).defineLogin,
  },
  {
    name: 'logout',
    summary: 'forget the password for a registry',
    example: 'registry.example',
    load: async () => (await import('./image/login.ts')).defineLogout,
  },
  {
    name: 'publish',
    opens: 'Networks:',
    summary: 'publish ports of a running container or sandbox on the host',
    example: 'web 8080:80 127.0.0.1:5353:53/udp',
    load: async () => (await endpoints()).definePublish,
  },
  {
    name: 'unpublish',
    summary: 'take published ports away, and print what was taken',
    example: 'web 8080 53/udp',
    load: async () => (await endpoints()).defineUnpublish,
  },
  {
    name: 'attach',
    summary: 'attach a sandbox or a network namespace to a network, live',
    example: 'front --netns /run/netns/web --ip 10.1.0.9 -p 8080:80',
    load: async () => (await endpoints()).defineAttach,
  },
  {
    name: 'detach',
    summary: 'take a sandbox off a network; one that `attach` made goes away with its last network',
    example: 'front web',
    load: async () => (await endpoints()).defineDetach,
  },
  {
    name: 'container',
    opens: 'By kind:',
    summary: 'all that is done with containers',
    entries: [
      {
        name: 'attach',
        summary: "connect this terminal to a container's process",
        example: 'web',
        load: async () => (await import('./container/start.ts')).defineAttachContainer,
      },
      ...CONTAINER,
      { ...PS, name: 'ls', aliases: ['list', 'ps'] },
      {
        name: 'inspect',
        summary: 'show everything about containers, as JSON',
        example: 'web',
        load: async () => (await import('./system/inspect.ts')).defineInspectOf('container'),
      },
      {
        name: 'prune',
        summary: 'remove all stopped containers',
        example: '--force',
        load: async () => (await prunes()).defineContainerPrune,
      },
    ],
  },
  {
    name: 'image',
    summary: 'all that is done with images',
    entries: [
      { ...IMAGES, name: 'ls', aliases: ['list'] },
      ...IMAGE,
      { ...RMI, name: 'rm', aliases: ['remove'] },
      {
        name: 'inspect',
        summary: 'show everything about images, as JSON',
        example: 'app:1.0',
        load: async () => (await import('./system/inspect.ts')).defineInspectOf('image'),
      },
      {
        name: 'prune',
        summary: 'remove images that nobody names',
        example: '--all --force',
        load: async () => (await prunes()).defineImagePrune,
      },
    ],
  },
  {
    name: 'network',
    summary: 'make, show and remove networks',
    entries: [
      {
        name: 'create',
        summary: 'make a network, and print its ID',
        example: '--subnet 10.1.0.0/24 --subnet fd00:1::/64 --internal back',
        load: async () => (await import('./network/create.ts')).defineCreate,
      },
      {
        name: 'ls',
        aliases: ['list'],
        summary: 'list networks',
        example: '--format json',
        load: async () => (await networks()).defineList,
      },
      {
        name: 'inspect',
        summary: 'show everything about networks, as JSON',
        example: 'bridge',
        load: async () => (await import('./system/inspect.ts')).defineInspectOf('network'),
      },
      {
        name: 'connect',
        summary: 'put a container on a network, live',
        example: '--alias db front web',
        load: async () => (await networks()).defineConnect,
      },
      {
        name: 'disconnect',
        summary: 'take a container off a network',
        example: 'front web',
        load: async () => (await networks()).defineDisconnect,
      },
      {
        name: 'rm',
        aliases: ['remove'],
        summary: 'remove networks; one that still has endpoints stays',
        example: 'front back',
        load: async () => (await networks()).defineRemove,
      },
      {
        name: 'prune',
        summary: 'remove all networks without endpoints',
        example: '--force',
        load: async () => (await prunes()).defineNetworkPrune,
      },
    ],
  },
  {
    name: 'volume',
    summary: 'make, show and remove volumes',
    entries: [
      { name: 'create', summary: 'make a volume', example: 'data', load: async () => (await volumes()).defineCreate },
      {
        name: 'ls',
        aliases: ['list'],
        summary: 'list volumes',
        example: '-q',
        load: async () => (await volumes()).defineList,
      },
      {
        name: 'inspect',
        summary: 'show everything about volumes, as JSON',
        example: 'data',
        load: async () => (await import('./system/inspect.ts')).defineInspectOf('volume'),
      },
      {
        name: 'rm',
        aliases: ['remove'],
        summary: 'remove volumes that no container uses',
        example: 'data',
        load: async () => (await volumes()).defineRemove,
      },
      {
        name: 'prune',
        summary: 'remove anonymous volumes that no container uses',
        example: '--all --force',
        load: async () => (await prunes()).defineVolumePrune,
      },
    ],
  },
  {
    name: 'sandbox',
    summary: 'list, show, stop, start and remove sandboxes: network stacks with or without a container',
    entries: [
      {
        name: 'ls',
        aliases: ['list'],
        summary: 'list sandboxes with their networks, addresses and published ports',
        example: '--format json',
        load: async () => (await sandboxes()).defineList,
      },
      {
        name: 'inspect',
        summary: 'show everything about sandboxes, as JSON',
        example: 'web',
        load: async () => (await sandboxes()).defineInspect,
      },
      {
        name: 'rm',
        summary: 'remove sandboxes with all their endpoints; a namespace that Pontoon did not make stays',
        example: 'web db',
        load: async () => (await sandboxes()).defineRemove,
      },
      {
        name: 'stop',
        summary: 'take the interfaces of sandboxes away, but keep what they should be',
        example: 'web',
        load: async () => (await sandboxes()).defineStop,
      },
      {
        name: 'start',
        summary: 'give a stopped sandbox its interfaces again',
        example: 'web --netns /run/netns/web',
        load: async () => (await sandboxes()).defineStart,
      },
    ],
  },
  {
    name: 'system',
    summary: 'the daemon, and what it keeps',
    entries: [
      INFO,
      EVENTS,
      {
        name: 'df',
        summary: 'show how much disk is used',
        example: '-v',
        load: async () => (await import('./system/df.ts')).defineDiskUsage,
      },
      {
        name: 'prune',
        summary: 'remove stopped containers, unused networks and unused images',
        example: '--volumes --force',
        load: async () => (await prunes()).defineSystemPrune,
      },
    ],
  },
  { ...EVENTS, opens: 'System:' },
  INFO,
  {
    name: 'version',
    summary: 'show the versions of this command and of the daemon',
    example: "--format '{{.Server.Version}}'",
    load: async () => (await import('./system/version.ts')).defineVersion,
  },
  {
    name: 'reconcile',
    summary: 'repair what was changed by hand, and remove what nobody owns; fails when something cannot be repaired',
    example: '',
    load: async () => (await sandboxes()).defineReconcile,
  },
  {
    name: 'snapshot',
    summary: 'print what decides about packets in all network namespaces of this host, as JSON (root)',
    example: '--redact --output host.json',
    load: async () => (await import('./observe/snapshot-command.ts')).defineSnapshot,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    example: 'bash >/etc/bash_completion.d/pontoon',
    load: async () => (await import('./completion.ts')).defineCompletion,
  },
  {
    name: 'daemon',
    summary: 'serve the Docker Engine API, and run containers',
    example: '-H unix:///run/pontoon.sock',
    load: async () => (await import('./daemon-command.ts')).defineDaemon,
  },
  {
    name: 'demo',
    summary: 'show it at work, for real, in a private world that is gone afterwards (root)',
    example: '--pause',
    load: async () => (await import('./demo/command.ts')).defineDemo,
  },
];
