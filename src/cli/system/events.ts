/**
 * @module `pontoon events`: what happens, until interrupted. Without a daemon it reads the ledger of the networks, which
 * every command writes.
 */

import type { Command } from 'commander';
import { PontoonError } from '../../errors.ts';
import type { EngineEvent } from '../../network/types.ts';
import { isHostNamed } from '../api/host.ts';
import { Unreachable } from '../api/transport.ts';
import { EVENT } from '../output/go-types.ts';
import { formatValue } from '../output/value.ts';
import { globalFlags, openApi, printLine } from '../session.ts';
import { parseTime, timeOf } from '../times.ts';
import { filtersOf, several } from '../values.ts';

/** Of GET /events. */
interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: string;
  readonly time: number;
  readonly timeNano: bigint;
}

interface EventFlags {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

export function defineEvents(command: Command): void {
  command
    .addOption(several('-f, --filter <key=value>', 'only what fits: type=network, event=start, container=web, …'))
    .option('--format <format>', "'json' or a Go template")
    .option('--since <time>', 'begin in the past: 10m (ago), 2025-01-31T12:00:00Z, or Unix seconds')
    .option('--until <time>', 'end then')
    .action(async (flags: EventFlags) => {
      const interrupted = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
      try {
        for await (const event of eventsOf(command, flags, interrupted.signal)) printLine(textOf(event, flags.format));
      } catch (error) {
        if (!interrupted.signal.aborted) throw error;
      }
    });
}

async function* eventsOf(command: Command, flags: EventFlags, signal: AbortSignal): AsyncGenerator<EventMessage> {
  const query = { filters: filtersOf(flags.filter), since: timeOf(flags.since), until: timeOf(flags.until) };
  await using api = openApi(command);
  try {
    yield* api.messages<EventMessage>('GET', '/events', { query, signal });
  } catch (error) {
    if (!(error instanceof Unreachable) || isHostNamed(globalFlags(command))) throw error;
    yield* ledgerEvents(command, flags, signal);
  }
}

async function* ledgerEvents(command: Command, flags: EventFlags, signal: AbortSignal): AsyncGenerator<EventMessage> {
  if (flags.filter !== undefined || flags.until !== undefined) {
    throw new PontoonError('bad-value', 'no daemon answers: without one, leave --filter and --until out');
  }
  const { followLedger } = await import('../../network/ledger.ts');
  const since = flags.since === undefined ? {} : { since: parseTime(flags.since) };
  for await (const event of followLedger(globalFlags(command).dataRoot, { signal, ...since })) yield messageOf(event);
}

function messageOf({ type, action, id, attributes, timeMs }: EngineEvent): EventMessage {
  return {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(timeMs / 1000),
    timeNano: BigInt(timeMs) * 1_000_000n,
  };
}

/** Docker's line: time, type, action, ID, and the attributes in brackets. */
function textOf(event: EventMessage, format: string | undefined): string {
  if (format !== undefined) return formatValue(event, format, EVENT);
  const { Type, Action, Actor, timeNano } = event;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
  const details = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  const words = [timeOfNano(timeNano), Type, Action, Actor.ID].filter((word) => word !== '');
  return `${words.join(' ')}${details}`;
}

/** RFC 3339 in local time, with all nine digits. */
function timeOfNano(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0');
  const zone =
    offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
  return `${local}.${fraction}${zone}`;
}
