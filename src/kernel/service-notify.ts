/**
 * @module Words to the service manager: one datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)).
 */

import * as ffi from './ffi.ts';

/** struct sockaddr_un: the family, then at most 108 bytes of path (unix(7)). */
const PATH_BYTES = 108;

/**
 * Sends 'READY=1' and the like. `path` is a file, or an abstract name after '@'.
 * @throws KernelError ENOENT, ECONNREFUSED where no manager listens
 */
export function notifyService(path: string, state: string): void {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  if (name.length >= PATH_BYTES) throw new RangeError(`the path of the service manager's socket is too long: ${path}`);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(ffi.AF_UNIX);
  name.copy(address, 2);
  const fd = ffi.socket(ffi.AF_UNIX, ffi.SOCK_DGRAM, 0, path);
  try {
    ffi.sendto(fd, Buffer.from(state), address);
  } finally {
    ffi.close(fd);
  }
}
