/**
 * @module The error catalogue: every failure that Pontoon reports has a stable code from this list.
 *
 * Callers match `code` (never the message, which is for people). The kind says what sort of failure it is; the API
 * layer turns kinds into HTTP statuses and the command line into exit statuses, each in one place.
 * A message is one line: what was wrong, with what, and what to do. docs/errors.md describes each code; a test holds
 * the two lists together.
 */

/** What sort of failure a code is. */
export type ErrorKind = 'invalid' | 'not-found' | 'conflict' | 'forbidden' | 'exhausted' | 'unsupported' | 'system';

export const ERROR_KINDS = {
  'bad-value': 'invalid',
  'bad-address': 'invalid',
  'bad-subnet': 'invalid',
  'bad-image': 'invalid',
  'bad-name': 'invalid',
  'name-too-long': 'invalid',
  'start-failed': 'invalid',
  'network-not-found': 'not-found',
  'sandbox-not-found': 'not-found',
  'endpoint-not-found': 'not-found',
  'binding-not-found': 'not-found',
  'namespace-not-found': 'not-found',
  'container-not-found': 'not-found',
  'exec-not-found': 'not-found',
  'image-not-found': 'not-found',
  'volume-not-found': 'not-found',
  'path-not-found': 'not-found',
  'name-taken': 'conflict',
  'subnet-overlap': 'conflict',
  'address-taken': 'conflict',
  'port-taken': 'conflict',
  'already-attached': 'conflict',
  'interface-taken': 'conflict',
  'mode-conflict': 'conflict',
  'engine-busy': 'conflict',
  'container-state': 'conflict',
  'image-in-use': 'conflict',
  'volume-in-use': 'conflict',
  'network-in-use': 'forbidden',
  'sandbox-in-use': 'forbidden',
  'network-predefined': 'forbidden',
  'no-privilege': 'forbidden',
  'registry-denied': 'forbidden',
  'pool-full': 'exhausted',
  'pools-full': 'exhausted',
  'ports-full': 'exhausted',
  'disk-full': 'exhausted',
  'feature-missing': 'unsupported',
  'program-missing': 'unsupported',
  kernel: 'system',
  store: 'system',
  registry: 'system',
  program: 'system',
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/**
 * A failure with a stable code. The message is one line, whatever is quoted in it. `subject` is the thing it is about
 * (a name, an address, a path), where there is one.
 */
export class PontoonError extends Error {
  readonly code: ErrorCode;
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; subject?: string } = {}) {
    super(message.replaceAll(/\p{Cc}+/gu, ' '), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PontoonError';
    this.code = code;
    this.subject = options.subject;
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }

  /** True for a Pontoon error (with one of `codes`, where given), also when it comes from another copy of the package. */
  static is(error: unknown, ...codes: ErrorCode[]): error is PontoonError {
    if (!(error instanceof Error) || error.name !== 'PontoonError') return false;
    return codes.length === 0 || codes.includes((error as PontoonError).code);
  }
}
