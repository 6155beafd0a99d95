/** @module A container as the container layer shows it, for tests of the API that run none. */

import { containerSpec } from '../../src/api/container-create.ts';
import { parse } from '../../src/api/parse.ts';
import { CREATE_BODY } from '../../src/api/schemas/container.ts';
import type { Container, ContainerState } from '../../src/container/types.ts';
import type { Endpoint } from '../../src/network/types.ts';

export const ID = 'ab'.repeat(32);

export const STATE: ContainerState = {
  status: 'running',
  pid: 7,
  exitCode: 0,
  oomKilled: false,
  error: '',
  startedMs: 1000,
  finishedMs: undefined,
  health: undefined,
};

export const ENDPOINT: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  networkName: 'lan',
  sandboxId: ID,
  sandboxName: 'web',
  interfaceName: 'eth0',
  hostInterface: 'veth0',
  mac: '02:42:ac:1e:00:09',
  ipv4: '172.30.0.9/24',
  ipv6: undefined,
  gateway4: '172.30.0.1',
  gateway6: undefined,
  aliases: ['al'],
  dnsNames: ['web', 'al', ID.slice(0, 12)],
  gatewayPriority: 0,
  linkLocal: [],
  sysctls: {},
  isGateway: true,
  ports: [{ protocol: 'tcp', port: [80, 81], hostPort: [8080, 8081], hostAddress: undefined }],
};

/** One that was made by this body of a create. */
export function sampleContainer(body: object = {}, changes: Partial<Container> = {}): Container {
  const { spec } = containerSpec(parse(CREATE_BODY, { Image: 'img', ...body }), { minor: 48 });
  const resolved = {
    env: [],
    labels: spec.labels ?? {},
    hostname: 'web',
    restart: { name: 'no', maximumRetries: 0 },
    workingDirectory: '/',
    user: '',
    network: spec.network!,
    exposedPorts: spec.exposedPorts ?? [],
    name: 'web',
  } as const;
  return {
    id: ID,
    name: 'web',
    createdMs: 0,
    spec: { ...spec, ...resolved },
    imageId: 'sha256:00',
    state: STATE,
    restartCount: 0,
    mounts: [],
    endpoints: [ENDPOINT],
    sandboxPath: '/run/pontoon/netns/x',
    paths: { hosts: '', resolvConf: '', hostname: '', log: '', upper: '', merged: '', work: '', lower: '' },
    path: 'sh',
    args: ['-c', 'exit 3'],
    ...changes,
  };
}
