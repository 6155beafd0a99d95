/**
 * @module Signals by name or number, as `kill` takes them: 'SIGTERM', 'term', '15', 'SIGRTMIN+3'.
 */

import { constants } from 'node:os';
import { PontoonError } from '../errors.ts';

/** signal(7): the real-time signals as glibc leaves them to programs. */
const FIRST_REAL_TIME = 34;
const LAST_REAL_TIME = 64;

/** @throws PontoonError bad-value */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : numberOf(text.toUpperCase().replace(/^SIG/, ''));
  if (number !== undefined && number >= 1 && number <= LAST_REAL_TIME) return number;
  throw new PontoonError('bad-value', `Invalid signal: ${text}`, { subject: text });
}

function numberOf(name: string): number | undefined {
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime === null) return (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  const [, end, sign, offset = '0'] = realTime;
  return (end === 'MIN' ? FIRST_REAL_TIME : LAST_REAL_TIME) + (sign === '-' ? -1 : 1) * Number(offset);
}
