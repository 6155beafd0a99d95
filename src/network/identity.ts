/**
 * @module IDs and names: how they are made and what is allowed.
 */

import { randomBytes } from 'node:crypto';
import { PontoonError } from '../errors.ts';

/** Docker's rule for names (daemon/names): what is allowed is safe in DNS, paths and URLs. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** A DNS label would end at 63 bytes; names are used as paths and table keys as well, and Docker allows them longer. */
const NAME_BYTES = 255;
/** One DNS label (RFC 1035, 2.3.4); the kernel takes 64 (__NEW_UTS_LEN). */
const HOSTNAME_BYTES = 63;
/** IFNAMSIZ - 1 */
const INTERFACE_NAME_BYTES = 15;

/** 64 random hexadecimal digits, as Docker's IDs. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** @throws PontoonError bad-name, name-too-long */
export function checkName(kind: string, name: string): string {
  if (Buffer.byteLength(name) > NAME_BYTES) {
    throw new PontoonError(
      'name-too-long',
      `the ${kind} name '${name.slice(0, 20)}…' has ${Buffer.byteLength(name)} bytes: use at most ${NAME_BYTES}`,
    );
  }
  if (!NAME.test(name)) {
    throw new PontoonError(
      'bad-name',
      `'${name}' cannot be the name of a ${kind}: use letters, digits, '_', '.' and '-', beginning with a letter or digit`,
      {
        subject: name,
      },
    );
  }
  return name;
}

/** @throws PontoonError bad-name, name-too-long */
export function checkHostname(name: string): string {
  if (Buffer.byteLength(name) <= HOSTNAME_BYTES) return checkName('host', name);
  const message = `the hostname '${name.slice(0, 20)}…' has ${Buffer.byteLength(name)} bytes: use at most ${HOSTNAME_BYTES}`;
  throw new PontoonError('name-too-long', message, { subject: name });
}

/** @throws PontoonError bad-name, name-too-long */
export function checkInterfaceName(name: string): string {
  if (Buffer.byteLength(name) > INTERFACE_NAME_BYTES) {
    throw new PontoonError(
      'name-too-long',
      `the interface name '${name}' has ${Buffer.byteLength(name)} bytes: the kernel allows ${INTERFACE_NAME_BYTES}`,
      {
        subject: name,
      },
    );
  }
  // dev_valid_name (net/core/dev.c): no '/', ':' or white space, not '.' or '..'; '%' would be a pattern.
  if (name === '' || name === '.' || name === '..' || /[/:%\s]/.test(name)) {
    throw new PontoonError('bad-name', `'${name}' is not an interface name: leave out '/', ':', '%' and spaces`, {
      subject: name,
    });
  }
  return name;
}
