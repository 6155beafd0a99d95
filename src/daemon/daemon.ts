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
import { EventHub } from '../api/events.ts';
import { openContainers } from '../container/containers.ts';
import { openImages } from '../container/images/index.ts';
import { programVersions } from '../container/program-versions.ts';
import { findRuntime } from '../container/runtime/index.ts';
import type { ContainerEvent } from '../container/types.ts';
import { openVolumes } from '../container/volumes.ts';
import { openEngine } from '../network/engine.ts';
import { type DaemonConfig, daemonConfig } from './config.ts';
import { Listeners } from './listeners.ts';
import { takePidFile } from './pid-file.ts';
import { takeInheritedSockets, tellService } from './service.ts';
import { type GivenFlag, readSettings, withoutEffect } from './settings.ts';

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
  const settings = readSettings(options.flags);
  let config = daemonConfig(settings);
  const log = pino({ level: config.logLevel }, pino.destination({ dest: process.stderr.fd, sync: true }));
  for (const note of withoutEffect(settings)) log.info(noteOf(note));
  process.on('uncaughtExceptionMonitor', (error) =>
    log.fatal({ err: error }, 'this is a bug in Pontoon, please report it'),
  );
  const inherited = takeInheritedSockets();

  await using opened = new AsyncDisposableStack();
  opened.use(takePidFile(config.pidFile));
  const { dataRoot, runRoot } = config;
  const engine = opened.use(
    await openEngine({
      ...config.engine,
      dataRoot,
      runRoot,
      onError: (error) => log.error({ err: error }, error.message),
    }),
  );
  const { repaired, removed } = engine.opening;
  for (const line of repaired) log.warn(`repaired: ${line}`);
  for (const line of removed) log.warn(`removed: ${line}`);

  const events = new EventHub();
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
      return config.defaultRegistry;
    },
    get insecureRegistries() {
      return config.insecureRegistries;
    },
  });
  const volumes = await openVolumes({ dataRoot, onEvent });
  const containers = opened.use(
    await openContainers({
      engine,
      images,
      volumes,
      dataRoot,
      runRoot,
      log,
      onEvent,
      ...(config.runtime !== undefined && { runtime: config.runtime }),
    }),
  );
  const runtime = await runtimeOf(config, log);
  const startedMs = Date.now();
  const id = daemonId(dataRoot);
  const info: DaemonInfo = {
    version: options.version,
    dataRoot,
    runRoot,
    startedMs,
    id,
    ...(runtime !== undefined && { runtime }),
    components: () => programVersions({ preferred: config.runtime }),
    get labels() {
      return config.labels;
    },
    get debug() {
      return config.logLevel === 'debug';
    },
    get insecureRegistries() {
      return config.insecureRegistries;
    },
  };
  const defaults: Defaults = {
    get containers() {
      return config.defaults.containers;
    },
    get networkOptions() {
      return config.defaults.networkOptions;
    },
  };
  const app = createApi({ engine, containers, images, volumes, info, defaults, events, log });
  opened.defer(() => app.close());
  if (config.metricsAddress !== undefined) {
    const { serveMetrics } = await import('./metrics.ts');
    opened.use(await serveMetrics({ address: config.metricsAddress, engine, app, version: options.version }));
  }
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
  const signals = watchSignals(() => {
    config = reload(options, config, log);
    events.publish({
      timeNs: BigInt(Date.now()) * 1_000_000n,
      type: 'daemon',
      action: 'reload',
      id,
      attributes: { name: hostname(), labels: JSON.stringify(config.labels) },
    });
  });
  tellService('READY=1');
  log.info({ hosts: config.hosts.map(describeHost) }, 'the API is served');

  log.info(`stopping: ${await signals.ended}`);
  tellService('STOPPING=1');
  listeners.stopListening();
  events.close();
  const deadline = AbortSignal.any([AbortSignal.timeout(config.shutdownTimeoutMs), signals.insisted]);
  await listeners.drain(isIdle, deadline);
  signals.forget();
}

/** A file that cannot be used changes nothing. */
function reload(options: DaemonOptions, config: DaemonConfig, log: pino.Logger): DaemonConfig {
  tellService('RELOADING=1');
  try {
    const next = daemonConfig(readSettings(options.flags));
    log.level = next.logLevel;
    log.info('the configuration is read again');
    return next;
  } catch (error) {
    log.error({ err: error }, 'the configuration cannot be read again: everything stays as it is');
    return config;
  } finally {
    tellService('READY=1');
  }
}

interface Signals {
  /** Resolves with the signal that asks for the end. */
  readonly ended: Promise<string>;
  /** Aborted by the next one: somebody does not want to wait. */
  readonly insisted: AbortSignal;
  readonly forget: () => void;
}

function watchSignals(onReload: () => void): Signals {
  const { promise, resolve } = Promise.withResolvers<string>();
  const insisted = new AbortController();
  let isEnding = false;
  const end = (signal: string): void => {
    if (isEnding) insisted.abort();
    isEnding = true;
    resolve(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  process.on('SIGHUP', onReload);
  return {
    ended: promise,
    insisted: insisted.signal,
    forget: () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end);
      process.off('SIGHUP', onReload);
    },
  };
}

/** What runs containers, where something does: it may be installed later. */
async function runtimeOf({ runtime }: DaemonConfig, log: pino.Logger): Promise<DaemonInfo['runtime']> {
  try {
    return await findRuntime({ preferred: runtime });
  } catch (error) {
    log.warn(`containers cannot run: ${(error as Error).message}`);
    return undefined;
  }
}

/** Stays with the data. */
function daemonId(dataRoot: string): string {
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
