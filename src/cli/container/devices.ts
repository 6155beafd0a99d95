/**
 * @module Devices on the command line: those of the host that a container gets, GPUs, and the limits of single ones.
 * @see docker/cli, opts/gpus.go, opts/throttledevice.go and opts/weightdevice.go
 */

import { PontoonError } from '../../errors.ts';
import { parseBytes } from '../go-values.ts';
import { csvFields, mapOf } from '../values.ts';

/** HOST[:CONTAINER][:PERMISSIONS]. @throws PontoonError bad-value */
export function deviceOf(text: string): Record<string, string> {
  const [host = '', second, third] = text.split(':');
  if (host === '' || text.split(':').length > 3) throw refuse('device', text, 'write HOST[:CONTAINER[:rwm]]');
  const isPermissions = third === undefined && second !== undefined && /^[rwm]+$/.test(second);
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || isPermissions ? host : second,
    CgroupPermissions: third ?? (isPermissions ? second : 'rwm'),
  };
}

/** /dev/NAME:BYTES, in a second. @throws PontoonError bad-value */
export function byteRateOf(text: string): object {
  const [Path, rate] = deviceAndLimit(text);
  return { Path, Rate: parseBytes(rate) };
}

/** /dev/NAME:NUMBER, in a second. @throws PontoonError bad-value */
export function callRateOf(text: string): object {
  const [Path, rate] = deviceAndLimit(text);
  return { Path, Rate: count(rate, text) };
}

/** /dev/NAME:WEIGHT. @throws PontoonError bad-value */
export function weightOf(text: string): object {
  const [Path, weight] = deviceAndLimit(text);
  return { Path, Weight: count(weight, text) };
}

function deviceAndLimit(text: string): [path: string, limit: string] {
  const [, path, limit] = /^(\/dev\/[^:]+):(.+)$/.exec(text) ?? [];
  if (path === undefined) throw refuse('limit of a device', text, 'write /dev/NAME:NUMBER');
  return [path, limit!];
}

/** 'all', a number, or fields: count=, device=, driver=, capabilities=, options=. @throws PontoonError bad-value */
export function gpusOf(text: string): object {
  const fields = new Map<string, string>();
  for (const field of csvFields(text)) {
    const [, key = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
    const name = value === undefined ? 'count' : key;
    if (fields.has(name)) throw refuse('GPUs', text, `'${name}' is said twice`);
    fields.set(name, value ?? key);
  }
  const unknown = [...fields.keys()].find((key) => !GPU_FIELDS.includes(key));
  if (unknown !== undefined) throw refuse('GPUs', text, `there is no field '${unknown}'`);
  const [number, devices] = [fields.get('count') ?? '1', fields.get('device')];
  return {
    Driver: fields.get('driver') ?? '',
    Count: devices !== undefined && !fields.has('count') ? 0 : number === 'all' ? -1 : count(number, text),
    DeviceIDs: devices?.split(',') ?? null,
    Capabilities: [[...(fields.get('capabilities')?.split(',') ?? []), 'gpu']],
    Options: mapOf(csvFields(fields.get('options') ?? '')),
  };
}

const GPU_FIELDS = ['driver', 'count', 'device', 'capabilities', 'options'];

function count(text: string, whole: string): number {
  if (!/^\d+$/.test(text)) throw refuse('number', whole, `'${text}' is not a whole number`);
  return Number(text);
}

function refuse(what: string, text: string, advice: string): PontoonError {
  return new PontoonError('bad-value', `cannot read the ${what} '${text}': ${advice}`, { subject: text });
}
