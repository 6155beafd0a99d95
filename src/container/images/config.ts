/**
 * @module An image's configuration document: what it says, in our words. Docker's and OCI's are one format; Docker's
 * has more (healthcheck, shell), and is kept byte for byte, since its digest is the image's ID.
 * @see OCI image-spec config.md; moby image/spec/specs-go
 */

import type { ExposedPort, HealthcheckSpec, ImageConfig } from '../types.ts';
import { badImage, hexOf, isObject, parseObject } from './oci.ts';

export interface ConfigDocument {
  readonly createdMs: number;
  readonly architecture: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly config: ImageConfig;
  /** 'sha256:…' of each layer's tar, lowest first. */
  readonly diffIds: readonly string[];
  /** Oldest first. */
  readonly history: readonly HistoryRecord[];
}

export interface HistoryRecord {
  readonly createdMs: number;
  readonly createdBy: string;
  readonly comment: string;
  /** It added no layer. */
  readonly empty: boolean;
}

/** Reads a configuration; what an image leaves out is empty. @throws PontoonError bad-image, naming the field */
export function parseConfig(text: Buffer | string): ConfigDocument {
  const fields = new Fields(parseObject(text, "the image's configuration"), '');
  const config = fields.object('config');
  const rootfs = fields.object('rootfs');
  return {
    createdMs: milliseconds(fields.text('created')),
    architecture: fields.text('architecture'),
    os: fields.text('os') || 'linux',
    author: fields.text('author'),
    comment: fields.text('comment'),
    config: {
      user: config.text('User'),
      exposedPorts: config.keys('ExposedPorts').map(parsePort),
      env: config.list('Env'),
      entrypoint: config.list('Entrypoint'),
      command: config.list('Cmd'),
      volumes: config.keys('Volumes'),
      workingDirectory: config.text('WorkingDir'),
      labels: config.labels('Labels'),
      stopSignal: config.text('StopSignal') || undefined,
      healthcheck: config.has('Healthcheck') ? parseHealthcheck(config.object('Healthcheck')) : undefined,
      shell: config.list('Shell'),
    },
    diffIds: rootfs.list('diff_ids').map((digest) => `sha256:${hexOf(digest)}`),
    history: fields.objects('history').map((entry) => ({
      createdMs: milliseconds(entry.text('created')),
      createdBy: entry.text('created_by'),
      comment: entry.text('comment'),
      empty: entry.flag('empty_layer'),
    })),
  };
}

function parsePort(text: string): ExposedPort {
  const [port = '', protocol = 'tcp'] = text.split('/');
  const number = Number(port);
  const known = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  if (!known || !Number.isInteger(number) || number < 1 || number > 65535) {
    throw badImage(`the image's configuration: ExposedPorts has "${text}", which is no port`);
  }
  return { port: number, protocol };
}

function parseHealthcheck(fields: Fields): HealthcheckSpec {
  return {
    test: fields.list('Test'),
    intervalNs: fields.number('Interval'),
    timeoutNs: fields.number('Timeout'),
    startPeriodNs: fields.number('StartPeriod'),
    startIntervalNs: fields.number('StartInterval'),
    retries: fields.number('Retries'),
  };
}

/** RFC 3339, whatever its precision; 0 where there is none. */
function milliseconds(time: string): number {
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? 0 : parsed;
}

/** An object whose fields may be absent or null, but not of another type. */
class Fields {
  readonly #value: Record<string, unknown>;
  readonly #path: string;

  constructor(value: Record<string, unknown>, path: string) {
    this.#value = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null;
  }

  text(name: string): string {
    return this.#get(name, '', (value) => typeof value === 'string');
  }

  number(name: string): number {
    return this.#get(name, 0, (value) => typeof value === 'number');
  }

  flag(name: string): boolean {
    return this.#get(name, false, (value) => typeof value === 'boolean');
  }

  list(name: string): string[] {
    return this.#get<string[]>(name, [], isTextList);
  }

  object(name: string): Fields {
    return new Fields(this.#get<Record<string, unknown>>(name, {}, isObject), `${this.#path}${name}.`);
  }

  objects(name: string): Fields[] {
    const list = this.#get<Record<string, unknown>[]>(name, [], (v) => Array.isArray(v) && v.every(isObject));
    return list.map((value, at) => new Fields(value, `${this.#path}${name}[${at}].`));
  }

  keys(name: string): string[] {
    return Object.keys(this.#get<object>(name, {}, isObject));
  }

  labels(name: string): Record<string, string> {
    return this.#get<Record<string, string>>(name, {}, (v) => isObject(v) && isTextList(Object.values(v)));
  }

  #get<T>(name: string, absent: T, fits: (value: unknown) => boolean): T {
    if (!this.has(name)) return absent;
    const value = this.#value[name];
    if (!fits(value)) throw badImage(`the image's configuration: ${this.#path}${name} is of the wrong type`);
    return value as T;
  }
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
