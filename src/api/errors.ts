/**
 * @module Failures as HTTP has them: the status of each kind of PontoonError, and Docker's body {"message": …}.
 *
 * Docker answers some failures otherwise than their kind suggests (a taken address is 403, a taken port 500); clients
 * know those statuses, so they are kept.
 */

import type { FastifyReply } from 'fastify';
import { type ErrorCode, type ErrorKind, PontoonError } from '../errors.ts';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unsupported: 501,
  exhausted: 503,
  system: 500,
};

/** Where Docker differs: libnetwork's error types. */
const DOCKER_STATUS: Partial<Record<ErrorCode, number>> = {
  'subnet-overlap': 403,
  'address-taken': 403,
  'already-attached': 403,
  'mode-conflict': 403,
  'pools-full': 400,
  'port-taken': 500,
  'ports-full': 500,
};

/** What Docker says first, and clients look for; our own sentence follows. */
const DOCKER_WORDS: Partial<Record<ErrorCode, string>> = {
  'subnet-overlap': 'Pool overlaps with other one on this address space',
  'address-taken': 'Address already in use',
};

/** A failure that only HTTP has: its status is its own. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export function badRequest(message: string): HttpError {
  return new HttpError(400, message);
}

/** For what Pontoon does not do: a plain sentence. */
export function notImplemented(message: string): HttpError {
  return new HttpError(501, message);
}

export function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  if (PontoonError.is(error)) return DOCKER_STATUS[error.code] ?? STATUS[error.kind];
  // Fastify's own: a body that is too large, a path that is not well encoded.
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 600 ? statusCode : 500;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = PontoonError.is(error) ? DOCKER_WORDS[error.code] : undefined;
  return words === undefined ? error.message : `${words}: ${error.message}`;
}

/** Answers a failure. The log has the stack of what nobody expected, since the client sees its message only. */
export function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const status = statusOf(error);
  const message = messageOf(error);
  if (PontoonError.is(error)) reply.log.debug({ code: error.code }, message);
  else if (status >= 500 && !(error instanceof HttpError)) reply.log.error({ err: error }, 'request failed');
  return reply.code(status).type('application/json').send({ message });
}
