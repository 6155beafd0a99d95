/** @module Images as Docker shows them: their list, inspect and history. */

import type { Removal } from '../../container/images/index.ts';
import type { HistoryEntry, Image, ImageConfig } from '../../container/types.ts';
import { given } from '../given.ts';
import { exposedPorts, healthcheck } from './config.ts';
import { timestamp, unixSeconds } from './time.ts';

/** The first version without VirtualSize and, later, without a container's fields. */
const NO_VIRTUAL_SIZE_MINOR = 44;
const NO_CONTAINER_FIELDS_MINOR = 45;
const IMAGE_CONFIG_ONLY_MINOR = 50;
/** The first version that leaves out what an image does not say. */
const SAID_ONLY_MINOR = 52;

const NOT_COUNTED = -1;

export function imageSummary(image: Image, minor: number) {
  return {
    Containers: NOT_COUNTED,
    Created: unixSeconds(image.createdMs),
    Id: image.id,
    Labels: image.config.labels,
    ParentId: '',
    RepoDigests: image.digests,
    RepoTags: image.tags,
    SharedSize: NOT_COUNTED,
    Size: image.sizeBytes,
    ...(minor < NO_VIRTUAL_SIZE_MINOR && { VirtualSize: image.sizeBytes }),
  };
}

export function imageInspect(image: Image, minor: number) {
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    ...said({ Parent: '', Comment: image.comment, DockerVersion: '', Author: image.author }, minor),
    Created: timestamp(image.createdMs),
    ...(minor < NO_CONTAINER_FIELDS_MINOR && { Container: '', ContainerConfig: emptyConfig() }),
    Config: imageConfig(image.config, minor),
    Architecture: image.architecture,
    Os: image.os,
    Size: image.sizeBytes,
    ...(minor < NO_VIRTUAL_SIZE_MINOR && { VirtualSize: image.sizeBytes }),
    GraphDriver: { Data: {}, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: image.layers },
    Metadata: { LastTagTime: timestamp(undefined) },
  };
}

export function imageHistory(entries: readonly HistoryEntry[]) {
  return entries.map(({ createdMs, createdBy, comment, sizeBytes, tags, id }) => ({
    Comment: comment,
    Created: unixSeconds(createdMs),
    CreatedBy: createdBy,
    Id: id,
    Size: sizeBytes,
    Tags: tags.length > 0 ? tags : null,
  }));
}

/** A name that is gone, or an image that is. */
export function removalView(removal: Removal): object {
  return 'untagged' in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted };
}

function imageConfig(config: ImageConfig, minor: number) {
  return {
    ...(minor < IMAGE_CONFIG_ONLY_MINOR && emptyConfig()),
    ...said(
      {
        User: config.user,
        Env: config.env,
        Cmd: orNull(config.command),
        Volumes: config.volumes.length > 0 ? Object.fromEntries(config.volumes.map((path) => [path, {}])) : null,
        WorkingDir: config.workingDirectory,
        Entrypoint: orNull(config.entrypoint),
        OnBuild: null,
        Labels: config.labels,
      },
      minor,
    ),
    ...(config.exposedPorts.length > 0 && { ExposedPorts: exposedPorts(config.exposedPorts) }),
    ...(config.healthcheck !== undefined && { Healthcheck: healthcheck(config.healthcheck) }),
    ...given({ StopSignal: config.stopSignal, Shell: config.shell.length > 0 ? config.shell : undefined }),
  };
}

/** From API 1.52 on without what is empty. */
function said<T extends object>(fields: T, minor: number): Partial<T> {
  if (minor < SAID_ONLY_MINOR) return fields;
  const isSaid = (value: unknown): boolean =>
    typeof value === 'object' ? value !== null && Object.keys(value).length > 0 : value !== '';
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isSaid(value))) as Partial<T>;
}

/** An image has the shape of a container's configuration in old versions, with nothing in these fields. */
function emptyConfig() {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  };
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}
