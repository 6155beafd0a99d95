/**
 * @module The daemon's life: it opens everything, serves the API, reloads on SIGHUP, and ends on SIGTERM and SIGINT.
 *
 * Containers and networks do not end with it: traffic goes on, conmon holds the streams, and the next daemon finds
 * what runs.
 */

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApi, type DaemonInfo } from '../api/app.ts';
import { isIdle, serveConnection } from '../api/connections.ts';
import type { Defaults } from '../api/defaults.ts';
import { type ApiEvent, EventHub } from '../api/events.ts';
import { type Containers, openContainers } from '../container/containers.ts';
import { abortAfter } from '../container/delays.ts';
import { type Images, openImages } from '../container/images/index.ts';
import { programVersions } from '../container/program-versions.ts';
import { findRuntime } from '../container/runtime/index.ts';
import type { ContainerEvent } from '../container/types.ts';
import { openVolumes, type Volumes } from '../container/volumes.ts';
import { PontoonError } from '../errors.ts';
import { makeDirectories } from '../kernel/directory.ts';
import { type Engine, openEngine } from '../network/engine.ts';
import { type DaemonConfig, daemonConfig } from './config.ts';
import { Listeners } from './listeners.ts';
import { takePidFile } from './pid-file.ts';
import { takeInheritedSockets, tellService } from './service.ts';
import { type GivenFlag, readSettings, withoutEffect } from './settings.ts';
import { watchSignals } from './signals.ts';
import { giveBackWhenQuiet } from './spare-memory.ts';

export interface DaemonOptions {
  /** By name. */
  readonly flags: ReadonlyMap<string, GivenFlag>;
  readonly version: string;
}

/** Checks flags and file, and says what has no effect. @throws PontoonError bad-value, bad-address, bad-subnet */
export function validate({ flags }: DaemonOptions): readonly string[] {
  const settings = readSettings(flags);
  daemonConfig(settings);
  return withoutEffect(settings).map(noteOf);
}

/** Serves until a signal ends it. @throws PontoonError; nothing is left open then */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  requireRoot();
  const settings = readSettings(options.flags);
  let config = daemonConfig(settings);
  const log = pino({ level: config.logLevel }, pino.destination({ dest: process.stderr.fd, sync: true }));
  for (const note of withoutEffect(settings)) log.info(noteOf(note));
  process.on('uncaughtExceptionMonitor', (error) =>
    log.fatal({ err: error }, 'this is a bug in Pontoon, please report it'),
  );
  Object.assign(process.env, config.proxies);
  const inherited = takeInheritedSockets();
  const events = new EventHub();
  using signals = watchSignals(() => {
    const next = reload(options, log);
    if (next === undefined) return;
    config = next;
    events.publish(reloadEvent(config));
  });

  await using opened = new AsyncDisposableStack();
  opened.use(takePidFile(config.pidFile));
  const current = (): DaemonConfig => config;
  const parts = await openParts(opened, { current, events, log });
  const info = await describe(options.version, { current, log });
  const app = createApi({ ...parts, info, defaults: currentDefaults(current), events, log });
  opened.defer(() => app.close());
  if (config.metricsAddress !== undefined) {
    const { serveMetrics } = await import('./metrics.ts');
    const { engine } = parts;
    opened.use(await serveMetrics({ address: config.metricsAddress, engine, app, version: options.version }));
  }
  giveBackWhenQuiet(app);
  await app.ready();
  const listeners = opened.use(
    await Listeners.open({
      hosts: config.hosts,
      group: config.group,
      inherited,
      serve: (socket) => serveConnection(app, socket),
      warn: (message) => log.warn(message),
    }),
  );
  tellService('READY=1');
  log.info({ hosts: config.hosts.map(describeHost) }, 'the API is served');

  log.info(`stopping: ${await signals.ended}`);
  tellService('STOPPING=1');
  listeners.stopListening();
  events.close();
  const deadline = AbortSignal.any([abortAfter(config.shutdownTimeoutMs), signals.insisted]);
  await listeners.drain(isIdle, deadline);
}

/** What the parts of the daemon share. A reload changes what `current` gives. */
interface Surroundings {
  readonly current: () => DaemonConfig;
  readonly log: pino.Logger;
}

/** Opens the engine and what is built on it; all of it ends with `opened`. */
async function openParts(
  opened: AsyncDisposableStack,
  { current, events, log }: Surroundings & { readonly events: EventHub },
): Promise<{ engine: Engine; images: Images; volumes: Volumes; containers: Containers }> {
  const { dataRoot, runRoot, runtime, engine: engineOptions } = current();
  const onError = (error: Error): void => log.error({ err: error }, error.message);
  const engine = opened.use(await openEngine({ ...engineOptions, dataRoot, runRoot, onError }));
  const { repaired, removed } = engine.opening;
  for (const line of repaired) log.warn(`repaired: ${line}`);
  for (const line of removed) log.warn(`removed: ${line}`);
  const told = events.publishEngine(engine);
  opened.defer(async () => {
    events.close();
    await told;
  });
  const onEvent = (event: ContainerEvent): void => events.publish(event);
  const images = await openImages({
    dataRoot,
    runRoot,
    onEvent,
    get defaultRegistry() {
      return current().defaultRegistry;
    },
    get insecureRegistries() {
      return current().insecureRegistries;
    },
  });
  const volumes = await openVolumes({ dataRoot, onEvent });
  const preferred = runtime === undefined ? {} : { runtime };
  const containers = opened.use(
    await openContainers({ engine, images, volumes, dataRoot, runRoot, log, onEvent, ...preferred }),
  );
  return { engine, images, volumes, containers };
}

async function describe(version: string, { current, log }: Surroundings): Promise<DaemonInfo> {
  const { dataRoot, runRoot, runtime: preferred } = current();
  const runtime = await runtimeOf(preferred, log);
  return {
    version,
    dataRoot,
    runRoot,
    id: daemonId(dataRoot),
    ...(runtime !== undefined && { runtime }),
    components: () => programVersions({ preferred }),
    get labels() {
      return current().labels;
    },
    get debug() {
      return current().logLevel === 'debug';
    },
    get insecureRegistries() {
      return current().insecureRegistries;
    },
    get registryMirrors() {
      return current().registryMirrors;
    },
    get logDriver() {
      return current().defaults.containers.logDriver;
    },
    get seccompProfile() {
      const { seccomp = 'builtin' } = current().defaults.containers;
      return ['builtin', 'unconfined'].includes(seccomp) ? seccomp : 'custom';
    },
  };
}

function currentDefaults(current: () => DaemonConfig): Defaults {
  return {
    get containers() {
      return current().defaults.containers;
    },
    get networkOptions() {
      return current().defaults.networkOptions;
    },
  };
}

function reloadEvent({ dataRoot, labels }: DaemonConfig): ApiEvent {
  return {
    timeNs: BigInt(Date.now()) * 1_000_000n,
    type: 'daemon',
    action: 'reload',
    id: daemonId(dataRoot),
    attributes: { name: hostname(), labels: JSON.stringify(labels) },
  };
}

/** A file that cannot be used changes nothing: it has no configuration. */
function reload(options: DaemonOptions, log: pino.Logger): DaemonConfig | undefined {
  tellService('RELOADING=1');
  try {
    const next = daemonConfig(readSettings(options.flags));
    log.level = next.logLevel;
    log.info('the configuration is read again');
    return next;
  } catch (error) {
    log.error({ err: error }, 'the configuration cannot be read again: everything stays as it is');
    return undefined;
  } finally {
    tellService('READY=1');
  }
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new PontoonError('no-privilege', 'the daemon makes namespaces, interfaces and mounts: start it as root');
}

/** What runs containers, where something does: it may be installed later. */
async function runtimeOf(preferred: string | undefined, log: pino.Logger): Promise<DaemonInfo['runtime']> {
  try {
    return await findRuntime({ preferred });
  } catch (error) {
    log.warn(`containers cannot run: ${(error as Error).message}`);
    return undefined;
  }
}

/** Stays with the data. */
function daemonId(dataRoot: string): string {
  makeDirectories(dataRoot, 0o700);
  const path = join(dataRoot, 'engine-id');
  if (!existsSync(path)) writeFileSync(path, `${randomUUID()}\n`);
  return readFileSync(path, 'utf8').trim();
}

function noteOf({ key, why }: ReturnType<typeof withoutEffect>[number]): string {
  return `${key} is accepted and has no effect: ${why}`;
}

function describeHost(host: DaemonConfig['hosts'][number]): string {
  if (host.kind === 'unix') return `unix://${host.path}`;
  return host.kind === 'tcp' ? `tcp://${host.address}:${host.port}` : `fd://${host.name}`;
}
