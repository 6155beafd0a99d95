/**
 * @module What `docker inspect` shows of a container, in the snapshot's words. Docker's API and its files on disk, Podman's
 * `inspect` and Pontoon's API all have this shape; whatever is missing or of another type is taken for absent.
 * @see https://docs.docker.com/reference/api/engine/ ContainerInspect, NetworkInspect
 */

import { sparse } from '../sparse.ts';
import type { ContainerEndpoint, ContainerEngine, ContainerNetwork, PublishedPort } from '../types.ts';
import { type Fields, fields, list, number, text, texts } from './fields.ts';
import type { FoundContainer } from './read.ts';

export function describeContainer(engine: ContainerEngine, inspected: unknown): FoundContainer {
  const all = fields(inspected);
  const state = fields(all.State);
  const config = fields(all.Config);
  const network = fields(all.NetworkSettings);
  const networkMode = text(fields(all.HostConfig).NetworkMode);
  const running = state.Running === true;
  const pid = running ? number(state.Pid) || undefined : undefined;
  const guest = networkMode?.startsWith('container:') === true;
  return sparse<FoundContainer>({
    engine,
    id: text(all.Id) ?? text(all.ID) ?? '',
    name: (text(all.Name) ?? '').replace(/^\//, ''),
    state: text(state.Status) ?? statusOf(state),
    pid,
    path: pid === undefined ? undefined : `/proc/${pid}/ns/net`,
    hostname: text(config.Hostname),
    image: text(all.ImageName) ?? text(config.Image),
    labels: texts(config.Labels),
    networkMode,
    // Podman shows a guest with the networks and ports of its host.
    networks: guest ? [] : describeEndpoints(fields(network.Networks)),
    ports: guest ? [] : describePorts(fields(network.Ports), fields(fields(all.HostConfig).PortBindings)),
    resolver: undefined,
  });
}

export function describeNetwork(engine: ContainerEngine, inspected: unknown): ContainerNetwork {
  const all = fields(inspected);
  const options = texts(all.Options);
  const id = text(all.Id) ?? '';
  const driver = text(all.Driver) ?? '';
  const icc = options['com.docker.network.bridge.enable_icc'];
  const masquerade = options['com.docker.network.bridge.enable_ip_masquerade'];
  return {
    engine,
    id,
    name: text(all.Name) ?? '',
    driver,
    subnets: list(fields(all.IPAM).Config).flatMap((one) => {
      const subnet = text(fields(one).Subnet);
      const gateway = text(fields(one).Gateway);
      return subnet === undefined ? [] : [{ subnet, ...(gateway === undefined ? {} : { gateway }) }];
    }),
    ...(driver === 'bridge' ? { bridge: options['com.docker.network.bridge.name'] ?? `br-${id.slice(0, 12)}` } : {}),
    ...(all.Internal === true ? { internal: true } : {}),
    ...(icc === undefined ? {} : { interContainer: icc !== 'false' }),
    ...(masquerade === undefined ? {} : { masquerade: masquerade !== 'false' }),
    options,
  };
}

/** Docker's files on disk have no Status. */
function statusOf(state: Fields): string {
  if (state.Paused === true) return 'paused';
  if (state.Running === true) return 'running';
  return text(state.StartedAt)?.startsWith('0001-') === false ? 'exited' : 'created';
}

function describeEndpoints(networks: Fields): ContainerEndpoint[] {
  return Object.entries(networks).map(([network, value]) => {
    const endpoint = fields(value);
    return sparse<ContainerEndpoint>({
      network,
      networkId: idOf(endpoint, network),
      mac: text(endpoint.MacAddress)?.toLowerCase() || undefined,
      addresses: [
        withPrefix(text(endpoint.IPAddress), number(endpoint.IPPrefixLen)),
        withPrefix(text(endpoint.GlobalIPv6Address), number(endpoint.GlobalIPv6PrefixLen)),
      ].flatMap((address) => address ?? []),
      gateways: [text(endpoint.Gateway), text(endpoint.IPv6Gateway)].flatMap((address) => address || []),
      aliases: list(endpoint.Aliases).flatMap((alias) => text(alias) ?? []),
    });
  });
}

/** Podman puts the name in the place of the ID. */
function idOf(endpoint: Fields, network: string): string | undefined {
  const id = text(endpoint.NetworkID);
  return id === '' || id === network ? undefined : id;
}

function withPrefix(address: string | undefined, length: number | undefined): string | undefined {
  return address === undefined || address === ''
    ? undefined
    : `${address}/${length ?? (address.includes(':') ? 128 : 32)}`;
}

/** What is published while it runs, else what is asked for. Keys are '80/tcp'; a port that is only exposed has null. */
function describePorts(published: Fields, asked: Fields): PublishedPort[] {
  const bindings = Object.keys(published).length > 0 ? published : asked;
  return Object.entries(bindings).flatMap(([key, values]) => {
    const [port = '', protocol = 'tcp'] = key.split('/');
    return list(values).map((value) => {
      const hostPort = Number(text(fields(value).HostPort) ?? 0);
      return {
        protocol: protocol as PublishedPort['protocol'],
        hostAddress: text(fields(value).HostIp) || '0.0.0.0',
        ...(hostPort > 0 ? { hostPort } : {}),
        containerPort: Number(port),
      };
    });
  });
}
