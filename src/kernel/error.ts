/**
 * @module KernelError: what the kernel refused, with the call, the errno and the object.
 *
 * Every wrapper of the kernel layer throws it. The netlink extended-ACK text, where the kernel gave one, is part of
 * the message: it is the kernel's own explanation.
 */

import { constants } from 'node:os';
import { PontoonError } from '../errors.ts';

/** A symbolic errno, such as 'ENOENT'. */
export type Errno = keyof typeof constants.errno | (string & {});

const NAMES = new Map<number, Errno>(Object.entries(constants.errno).map(([name, value]) => [value, name]));
// Aliases that would shadow the customary name of their number.
NAMES.set(constants.errno.EAGAIN, 'EAGAIN');
NAMES.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
// Numbers that Node.js has no names for.
NAMES.set(54, 'EXFULL');
NAMES.set(117, 'EUCLEAN');

/** The symbolic name of an errno number. */
export function errnoName(errno: number): Errno {
  return NAMES.get(errno) ?? `E${errno}`;
}

export class KernelError extends PontoonError {
  /** The system call or netlink message, such as 'setns' or 'RTM_NEWLINK'. */
  readonly call: string;
  readonly errno: Errno;

  constructor(call: string, errno: Errno, options: { subject?: string; detail?: string; cause?: unknown } = {}) {
    const { subject, detail, cause } = options;
    const code = errno === 'EPERM' || errno === 'EACCES' ? 'no-privilege' : 'kernel';
    const about = subject === undefined ? '' : ` ${subject}`;
    const why = detail === undefined ? '' : `: ${detail}`;
    const remedy = code === 'no-privilege' ? ' (run as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN)' : '';
    super(code, `${call}${about}: ${errno}${why}${remedy}`, {
      ...(subject === undefined ? {} : { subject }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.call = call;
    this.errno = errno;
  }

  /** True when `error` is a refusal of the kernel (with one of `errnos`, where given). */
  static isKernel(error: unknown, ...errnos: Errno[]): error is KernelError {
    return error instanceof KernelError && (errnos.length === 0 || errnos.includes(error.errno));
  }
}
