/**
 * @module System calls: the one file of foreign function declarations.
 *
 * Each wrapper turns a negative result into a KernelError that names the call, the errno and the object. Calls are
 * synchronous and run on the calling thread, which is what makes a namespace change around them safe. The `*Async`
 * ones run on another thread (in *its* namespace): give them descriptors that are open already, nothing else.
 * Structures are laid out by their users with the help of `uapi/`; here everything is a Buffer.
 */

import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { PontoonError } from '../errors.ts';
import { errnoName, KernelError } from './error.ts';
import * as memfd from './uapi/memfd.ts';
import * as uapi from './uapi/spawn.ts';

const libc = koffi.load('libc.so.6');

const c = {
  setns: libc.func('int setns(int fd, int nstype)'),
  unshare: libc.func('int unshare(int flags)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, void *address, uint32_t length)'),
  connect: libc.func('int connect(int fd, void *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  shutdown: libc.func('int shutdown(int fd, int how)'),
  getsockname: libc.func('int getsockname(int fd, void *address, void *length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  send: libc.func('long send(int fd, void *data, size_t length, int flags)'),
  sendto: libc.func('long sendto(int fd, void *data, size_t length, int flags, void *address, uint32_t addressLength)'),
  recv: libc.func('long recv(int fd, void *data, size_t length, int flags)'),
  recvmsg: libc.func('long recvmsg(int fd, void *message, int flags)'),
  recvfrom: libc.func(
    'long recvfrom(int fd, void *data, size_t length, int flags, void *address, void *addressLength)',
  ),
  mount: libc.func('int mount(str source, str target, str type, unsigned long flags, str data)'),
  umount2: libc.func('int umount2(str target, int flags)'),
  fsopen: libc.func('int fsopen(str type, uint32_t flags)'),
  fsconfig: libc.func('int fsconfig(int fd, uint32_t command, str key, void *value, int aux)'),
  fsmount: libc.func('int fsmount(int fd, uint32_t flags, uint32_t attributes)'),
  openat: libc.func('int openat(int directory, str path, int flags, int mode)'),
  syscall: libc.func('long syscall(long number, int directory, str path, void *how, size_t size)'),
  mknod: libc.func('int mknod(str path, uint32_t mode, uint64_t device)'),
  lgetxattr: libc.func('long lgetxattr(str path, str name, void *value, size_t size)'),
  lsetxattr: libc.func('int lsetxattr(str path, str name, void *value, size_t size, int flags)'),
  flock: libc.func('int flock(int fd, int operation)'),
  epoll_create1: libc.func('int epoll_create1(int flags)'),
  epoll_ctl: libc.func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
  epoll_wait: libc.func('int epoll_wait(int epoll, void *events, int capacity, int timeout)'),
  poll: libc.func('int poll(void *fds, unsigned long count, int timeout)'),
  eventfd: libc.func('int eventfd(uint32_t initial, int flags)'),
  close: libc.func('int close(int fd)'),
  fcntl: libc.func('int fcntl(int fd, int command, long argument)'),
  if_nametoindex: libc.func('uint32_t if_nametoindex(str name)'),
  perf_event_open: libc.func('syscall', 'long', ['long', 'void *', 'int', 'int', 'int', 'unsigned long']),
  mmap: libc.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)'),
  munmap: libc.func('int munmap(void *address, size_t length)'),
  clock_gettime: libc.func('int clock_gettime(int clock, void *time)'),
  pipe2: libc.func('int pipe2(void *fds, int flags)'),
  pidfd_open: libc.func('syscall', 'long', ['long', 'int', 'uint32_t']),
  pidfd_send_signal: libc.func('syscall', 'long', ['long', 'int', 'int', 'void *', 'uint32_t']),
  memfd_create: libc.func('int memfd_create(str name, uint32_t flags)'),
  waitpid: libc.func('int waitpid(int pid, void *status, int options)'),
  malloc_trim: libc.func('int malloc_trim(size_t pad)'),
};

/** Any memory that can be handed to a system call. */
export type Bytes = Uint8Array;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SHUT_WR = 1;
export const MSG_PEEK = 0x02;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const CLONE_NEWNS = 0x00020000;
export const CLONE_NEWNET = 0x40000000;
export const MS_RDONLY = 1;
export const MS_REMOUNT = 32;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MNT_DETACH = 2;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLONESHOT = 1 << 30;
const FSCONFIG_CMD_CREATE = 6;
/** The same on all architectures. @see linux/openat2.h */
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;
const F_DUPFD_CLOEXEC = 1030;
const EINTR = 4;
const EAGAIN = 11;
const ENODATA = 61;
const EOPNOTSUPP = 95;

function check(result: number, call: string, subject?: string): number {
  if (result < 0) throw new KernelError(call, errnoName(koffi.errno()), subject === undefined ? {} : { subject });
  return result;
}

/** Moves the calling thread into a namespace. @throws KernelError */
export function setns(fd: number, type: number): void {
  check(c.setns(fd, type), 'setns', `fd ${fd}`);
}

/** Gives the calling thread new namespaces (CLONE_NEWNET, CLONE_NEWNS). @throws KernelError */
export function unshare(flags: number): void {
  check(c.unshare(flags), 'unshare');
}

/** Opens a socket; always close-on-exec. `subject` names it in errors. @throws KernelError */
export function socket(domain: number, type: number, protocol: number, subject?: string): number {
  return check(c.socket(domain, type | SOCK_CLOEXEC, protocol), 'socket', subject ?? `family ${domain}`);
}

/** @throws KernelError (EADDRINUSE, EADDRNOTAVAIL, …) */
export function bind(fd: number, address: Bytes, subject?: string): void {
  check(c.bind(fd, address, address.length), 'bind', subject);
}

/** Like bind, but returns the errno's name instead of throwing, for callers that expect refusals. */
export function tryBind(fd: number, address: Bytes): string | undefined {
  return c.bind(fd, address, address.length) < 0 ? errnoName(koffi.errno()) : undefined;
}

export function connect(fd: number, address: Bytes, subject?: string): void {
  check(c.connect(fd, address, address.length), 'connect', subject);
}

export function listen(fd: number, backlog: number): void {
  check(c.listen(fd, backlog), 'listen');
}

/** Ends one direction of a connection (SHUT_WR). @throws KernelError ENOTCONN where the other side is gone */
export function shutdown(fd: number, how: number): void {
  check(c.shutdown(fd, how), 'shutdown', `fd ${fd}`);
}

/** The socket's own address as the kernel's struct sockaddr, at most 128 bytes. */
export function getsockname(fd: number): Buffer {
  const address = Buffer.alloc(128);
  const length = new Uint32Array([address.length]);
  check(c.getsockname(fd, address, length), 'getsockname');
  return address.subarray(0, length[0]);
}

/** Sets an option; a number is passed as a C int. @throws KernelError */
export function setsockopt(fd: number, level: number, name: number, value: Bytes | number): void {
  const bytes = typeof value === 'number' ? new Int32Array([value]) : value;
  check(c.setsockopt(fd, level, name, bytes, bytes.byteLength), 'setsockopt', `level ${level} option ${name}`);
}

/** Reads an option of at most `size` bytes. @throws KernelError */
export function getsockopt(fd: number, level: number, name: number, size: number): Buffer {
  const value = Buffer.alloc(size);
  const length = new Uint32Array([size]);
  check(c.getsockopt(fd, level, name, value, length), 'getsockopt', `level ${level} option ${name}`);
  return value.subarray(0, length[0]);
}

/** Sends one message; returns the bytes sent. @throws KernelError */
export function send(fd: number, data: Bytes, flags = 0): number {
  return check(Number(c.send(fd, data, data.length, flags)), 'send');
}

/** Sends one message without waiting; false when there is no room for it now. @throws KernelError EPIPE, … */
export function trySend(fd: number, data: Bytes): boolean {
  if (c.send(fd, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
  const errno = koffi.errno();
  if (errno === EAGAIN) return false;
  throw new KernelError('send', errnoName(errno));
}

/** Sends on another thread, so that a request on which the kernel sleeps (RCU) does not stop this one. */
export function sendAsync(fd: number, data: Bytes): Promise<void> {
  return inThreadPool((done) => c.send.async(fd, data, data.length, 0, done)).then((result) => {
    // errno belongs to the other thread; the netlink reply, which the caller reads next, says what went wrong.
    if (result < 0) throw new KernelError('send', 'EIO', { subject: `fd ${fd}` });
  });
}

/** Closes a descriptor that Node does not know. */
export function close(fd: number): void {
  check(c.close(fd), 'close', `fd ${fd}`);
}

/** Closes on another thread: the close of a packet socket or of the last reference to a namespace waits for RCU. */
export function closeAsync(fd: number): Promise<void> {
  return inThreadPool((done) => c.close.async(fd, done)).then((result) => {
    if (result < 0) throw new KernelError('close', 'EBADF', { subject: `fd ${fd}` });
  });
}

/**
 * Makes room for descriptors up to this number, on another thread. A process with threads waits for RCU each time that
 * its table of descriptors grows (expand_fdtable, fs/file.c), and it grows by doubling: thousands of sockets would
 * stop this thread several times. Where the limit (RLIMIT_NOFILE) is lower, nothing happens.
 */
export async function reserveDescriptors(count: number): Promise<void> {
  const copy = await inThreadPool((done) => c.fcntl.async(0, F_DUPFD_CLOEXEC, count - 1, done));
  if (copy >= 0) close(copy);
}

/** Another descriptor of the same open file, with a number from `least` on. @throws KernelError EMFILE */
export function duplicate(fd: number, least = 0): number {
  return check(c.fcntl(fd, F_DUPFD_CLOEXEC, least), 'fcntl', `fd ${fd}`);
}

/** A pipe: the end to read from and the end to write to. @throws KernelError EMFILE */
export function pipe(): [read: number, write: number] {
  const fds = new Int32Array(2);
  check(c.pipe2(fds, O_CLOEXEC), 'pipe2');
  return [fds[0]!, fds[1]!];
}

/** A file in memory that no path leads to, and that may be sealed. @throws KernelError */
export function memfdCreate(name: string): number {
  return check(c.memfd_create(name, memfd.MFD_CLOEXEC | memfd.MFD_ALLOW_SEALING), 'memfd_create', name);
}

/** Nobody can write to it, change its size or take a seal away from now on. @throws KernelError */
export function seal(fd: number): void {
  const seals = memfd.F_SEAL_SEAL | memfd.F_SEAL_SHRINK | memfd.F_SEAL_GROW | memfd.F_SEAL_WRITE;
  check(c.fcntl(fd, memfd.F_ADD_SEALS, seals), 'fcntl', `fd ${fd}`);
}

/**
 * Starts a call on another thread. That waits for a microtask: the call may be asked for by a step in another network
 * namespace, and the first one makes the threads of the pool, which would be born, and stay, where the step is.
 */
function inThreadPool(start: (done: (error: unknown, result: number | bigint) => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    queueMicrotask(() => start((error, result) => (error ? reject(error as Error) : resolve(Number(result)))));
  });
}

/** Gives back to the kernel what malloc(3) keeps, but for `pad` bytes. */
export function mallocTrim(pad: number): void {
  c.malloc_trim(pad);
}

export function sendto(fd: number, data: Bytes, address: Bytes, flags = 0): number {
  return check(Number(c.sendto(fd, data, data.length, flags, address, address.length)), 'sendto');
}

/**
 * Receives one message into `data`. Returns its length (with MSG_TRUNC: its full length even when cut), or undefined
 * when the descriptor has nothing to give now. @throws KernelError
 */
export function recv(fd: number, data: Bytes, flags = 0): number | undefined {
  for (;;) {
    const length = Number(c.recv(fd, data, data.length, flags));
    if (length >= 0) return length;
    const errno = koffi.errno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new KernelError('recv', errnoName(errno));
  }
}

/** Like recv, with the sender's struct sockaddr written into `address`. */
export function recvfrom(fd: number, data: Bytes, flags: number, address: Bytes): number | undefined {
  for (;;) {
    const length = Number(c.recvfrom(fd, data, data.length, flags, address, new Uint32Array([address.length])));
    if (length >= 0) return length;
    const errno = koffi.errno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new KernelError('recvfrom', errnoName(errno));
  }
}

/** The address of a Buffer's memory, for structures that hold pointers (struct msghdr, struct sock_fprog). */
export function addressOf(data: Bytes): bigint {
  return koffi.address(data);
}

/** Receives with ancillary data; `message` is a struct msghdr whose pointers the caller filled with addressOf. */
export function recvmsg(fd: number, message: Bytes, flags = 0): number | undefined {
  for (;;) {
    const length = Number(c.recvmsg(fd, message, flags));
    if (length >= 0) return length;
    const errno = koffi.errno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new KernelError('recvmsg', errnoName(errno));
  }
}

/** @throws KernelError */
export function mount(source: string, target: string, type: string, flags: number, data = ''): void {
  check(c.mount(source, target, type, flags, data), 'mount', target);
}

/** @throws KernelError */
export function umount(target: string, flags = 0): void {
  check(c.umount2(target, flags), 'umount2', target);
}

/** A file system instance of its own that no path leads to: the descriptor of its root. @throws KernelError */
export function mountDetached(type: string): number {
  const context = check(c.fsopen(type, 1), 'fsopen', type);
  try {
    check(c.fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0), 'fsconfig', type);
    return check(c.fsmount(context, 1, 0), 'fsmount', type);
  } finally {
    closeSync(context);
  }
}

/** @throws KernelError */
export function openat(directory: number, path: string, flags: number): number {
  return check(c.openat(directory, path, flags | O_CLOEXEC, 0), 'open', path);
}

/**
 * Opens a path as if `directory` were the root: neither '..' nor a symbolic link leads out of it.
 * @throws KernelError ENOENT, ELOOP, …
 * @see openat2(2)
 */
export function openInRoot(directory: number, path: string, flags: number): number {
  const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS]);
  for (;;) {
    const fd = Number(c.syscall(SYS_OPENAT2, directory, path, how, how.byteLength));
    if (fd >= 0) return fd;
    const errno = koffi.errno();
    // EAGAIN: something was renamed while the kernel walked the path, so that it cannot be sure.
    if (errno !== EINTR && errno !== EAGAIN) throw new KernelError('openat2', errnoName(errno), { subject: path });
  }
}

/** Makes a device, FIFO or socket; `mode` has its type. @throws KernelError */
export function mknod(path: string, mode: number, device: bigint): void {
  check(c.mknod(path, mode, device), 'mknod', path);
}

/** Takes an advisory lock; false when another holds it and LOCK_NB was asked for. @throws KernelError */
export function flock(fd: number, operation: number): boolean {
  if (c.flock(fd, operation) === 0) return true;
  const errno = koffi.errno();
  if (errno === EAGAIN) return false;
  throw new KernelError('flock', errnoName(errno), { subject: `fd ${fd}` });
}

/** An extended attribute of at most 256 bytes; undefined where the file has none of this name. @throws KernelError */
export function lgetxattr(path: string, name: string): Buffer | undefined {
  const value = Buffer.alloc(256);
  const length = Number(c.lgetxattr(path, name, value, value.length));
  if (length >= 0) return value.subarray(0, length);
  const errno = koffi.errno();
  if (errno === ENODATA || errno === EOPNOTSUPP) return undefined;
  throw new KernelError('lgetxattr', errnoName(errno), { subject: path, detail: name });
}

/** @throws KernelError */
export function lsetxattr(path: string, name: string, value: Bytes): void {
  check(c.lsetxattr(path, name, value, value.length, 0), 'lsetxattr', path);
}

export function epollCreate(): number {
  return check(c.epoll_create1(O_CLOEXEC), 'epoll_create1');
}

/** Adds or removes a descriptor; `event` is a packed struct epoll_event. @throws KernelError */
export function epollControl(epoll: number, operation: number, fd: number, event: Bytes | null): void {
  check(c.epoll_ctl(epoll, operation, fd, event), 'epoll_ctl', `fd ${fd}`);
}

/** Waits for events, as long as it takes; returns how many struct epoll_event were written. A signal counts as none. @throws KernelError */
export function epollWait(epoll: number, events: Bytes, capacity: number): number {
  const count = c.epoll_wait(epoll, events, capacity, -1);
  if (count >= 0) return count;
  const errno = koffi.errno();
  if (errno === EINTR) return 0;
  throw new KernelError('epoll_wait', errnoName(errno));
}

/** What poll(2) says of a descriptor now, without waiting: of POLLERR, POLLHUP and POLLNVAL. @throws KernelError */
export function pollNow(fd: number): number {
  const entry = Buffer.alloc(8); // struct pollfd: int fd, short events, short revents
  entry.writeInt32LE(fd);
  check(c.poll(entry, 1, 0), 'poll', `fd ${fd}`);
  return entry.readInt16LE(6);
}

export function eventfd(): number {
  return check(c.eventfd(0, O_CLOEXEC | SOCK_NONBLOCK), 'eventfd');
}

/** The index of an interface in the current namespace, or undefined. */
export function interfaceIndex(name: string): number | undefined {
  return c.if_nametoindex(name) || undefined;
}

/** libnftables, loaded on first use: the functions that the nftables module needs. */
export interface LibNftables {
  nft_ctx_new(flags: number): unknown;
  nft_ctx_free(context: unknown): void;
  nft_ctx_buffer_output(context: unknown): number;
  nft_ctx_buffer_error(context: unknown): number;
  nft_ctx_output_set_flags(context: unknown, flags: number): void;
  nft_ctx_set_dry_run(context: unknown, dry: boolean): void;
  nft_ctx_get_output_buffer(context: unknown): string | null;
  nft_ctx_get_error_buffer(context: unknown): string | null;
  nft_run_cmd_from_buffer(context: unknown, commands: string): number;
}

let nftables: LibNftables | undefined;

/** @throws PontoonError feature-missing where the library is not installed */
export function libnftables(): LibNftables {
  if (nftables !== undefined) return nftables;
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libnftables.so.1');
  } catch (cause) {
    throw new PontoonError('feature-missing', 'libnftables.so.1 is not here: install the package libnftables1', {
      cause,
      subject: 'libnftables',
    });
  }
  nftables = {
    nft_ctx_new: library.func('void *nft_ctx_new(uint32_t flags)'),
    nft_ctx_free: library.func('void nft_ctx_free(void *context)'),
    nft_ctx_buffer_output: library.func('int nft_ctx_buffer_output(void *context)'),
    nft_ctx_buffer_error: library.func('int nft_ctx_buffer_error(void *context)'),
    nft_ctx_output_set_flags: library.func('void nft_ctx_output_set_flags(void *context, unsigned int flags)'),
    nft_ctx_set_dry_run: library.func('void nft_ctx_set_dry_run(void *context, bool dry)'),
    nft_ctx_get_output_buffer: library.func('str nft_ctx_get_output_buffer(void *context)'),
    nft_ctx_get_error_buffer: library.func('str nft_ctx_get_error_buffer(void *context)'),
    nft_run_cmd_from_buffer: library.func('int nft_run_cmd_from_buffer(void *context, str commands)'),
  };
  return nftables;
}

/** By architecture, since these numbers are not the same everywhere (asm/unistd.h). */
const SYS_PERF_EVENT_OPEN: Partial<Record<NodeJS.Architecture, number>> = { x64: 298, arm64: 241 };
const PERF_FLAG_FD_CLOEXEC = 8;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Opens a performance event of one CPU, for all processes. `attributes`: struct perf_event_attr. @throws KernelError */
export function perfEventOpen(attributes: Bytes, cpu: number): number {
  const number = SYS_PERF_EVENT_OPEN[process.arch];
  if (number === undefined) {
    throw new PontoonError('feature-missing', `performance events are not known for the architecture ${process.arch}`);
  }
  return check(Number(c.perf_event_open(number, attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)), 'perf_event_open');
}

/** Memory that a descriptor shares with the kernel, until it is disposed of. */
export interface SharedMemory extends Disposable {
  readonly bytes: Buffer;
}

/** @throws KernelError */
export function mapShared(fd: number, length: number): SharedMemory {
  const address = c.mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0) as unknown;
  if (koffi.address(address) === 0xffff_ffff_ffff_ffffn) throw new KernelError('mmap', errnoName(koffi.errno()), {});
  const bytes = Buffer.from(koffi.view(address, length));
  return {
    bytes,
    [Symbol.dispose]: () => {
      check(c.munmap(address, length), 'munmap');
    },
  };
}

/** The time of day in nanoseconds since 1970 (CLOCK_REALTIME), as the kernel stamps packets. */
export function realtimeNs(): bigint {
  const time = Buffer.alloc(16);
  check(c.clock_gettime(0, time), 'clock_gettime');
  return time.readBigInt64LE(0) * 1_000_000_000n + time.readBigInt64LE(8);
}

/** Loaded on first use: who only looks at networks needs none of them, also where the C library is older. */
function loadSpawning() {
  return {
    posix_spawn: libc.func(
      'int posix_spawn(void *pid, str path, void *actions, void *attributes, str *argv, str *envp)',
    ),
    posix_spawn_file_actions_init: libc.func('int posix_spawn_file_actions_init(void *actions)'),
    posix_spawn_file_actions_destroy: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
    posix_spawn_file_actions_adddup2: libc.func(
      'int posix_spawn_file_actions_adddup2(void *actions, int from, int to)',
    ),
    posix_spawn_file_actions_addchdir_np: libc.func(
      'int posix_spawn_file_actions_addchdir_np(void *actions, str path)',
    ),
    posix_spawnattr_init: libc.func('int posix_spawnattr_init(void *attributes)'),
    posix_spawnattr_setflags: libc.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
    posix_spawnattr_setsigmask: libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)'),
    posix_spawnattr_setsigdefault: libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)'),
    posix_spawnattr_destroy: libc.func('int posix_spawnattr_destroy(void *attributes)'),
    /** undefined before glibc 2.34: then close-on-exec, which all of our descriptors have, must do. */
    posix_spawn_file_actions_addclosefrom_np: optionalFunction(
      'int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)',
    ),
  };
}

function optionalFunction(declaration: string): ReturnType<typeof libc.func> | undefined {
  try {
    return libc.func(declaration);
  } catch {
    return undefined; // koffi says no more than that there is none
  }
}

let spawning: ReturnType<typeof loadSpawning> | undefined;

export interface SpawnRequest {
  readonly path: string;
  /** With the program's own name first. */
  readonly argv: readonly string[];
  /** NAME=VALUE */
  readonly environment: readonly string[];
  readonly directory: string;
  /** The child's descriptors from 0 on, each one of ours; it gets no other. */
  readonly descriptors: readonly number[];
  /** A session of its own: what is typed at our terminal is not for it. */
  readonly session: boolean;
}

/**
 * Starts a program; returns its process ID. It is born in the calling thread's namespaces, with no signal ignored or
 * blocked. posix_spawn lends the child our memory until it has the program's, where fork would copy our page tables.
 * @throws KernelError ENOENT, EACCES, EAGAIN, …: there is no child then
 */
export function posixSpawn({ path, argv, environment, directory, descriptors, session }: SpawnRequest): number {
  spawning ??= loadSpawning();
  const posix = spawning;
  const actions = Buffer.alloc(uapi.SPAWN_SIZES.posix_spawn_file_actions_t);
  const attributes = Buffer.alloc(uapi.SPAWN_SIZES.posix_spawnattr_t);
  const succeed = (errno: number, call: string): void => {
    if (errno !== 0) throw new KernelError(call, errnoName(errno), { subject: path });
  };
  succeed(posix.posix_spawn_file_actions_init(actions), 'posix_spawn_file_actions_init');
  succeed(posix.posix_spawnattr_init(attributes), 'posix_spawnattr_init');
  try {
    succeed(posix.posix_spawn_file_actions_addchdir_np(actions, directory), 'posix_spawn_file_actions_addchdir_np');
    for (const [number, fd] of descriptors.entries())
      succeed(posix.posix_spawn_file_actions_adddup2(actions, fd, number), 'posix_spawn_file_actions_adddup2');
    const closing = posix.posix_spawn_file_actions_addclosefrom_np?.(actions, descriptors.length) ?? 0;
    succeed(closing, 'posix_spawn_file_actions_addclosefrom_np');
    posix.posix_spawnattr_setsigmask(attributes, Buffer.alloc(uapi.SPAWN_SIZES.sigset_t));
    posix.posix_spawnattr_setsigdefault(attributes, Buffer.alloc(uapi.SPAWN_SIZES.sigset_t, 0xff));
    const flags = uapi.POSIX_SPAWN_SETSIGDEF | uapi.POSIX_SPAWN_SETSIGMASK | (session ? uapi.POSIX_SPAWN_SETSID : 0);
    posix.posix_spawnattr_setflags(attributes, flags);
    const pid = new Int32Array(1);
    succeed(posix.posix_spawn(pid, path, actions, attributes, [...argv, null], [...environment, null]), 'posix_spawn');
    return pid[0]!;
  } finally {
    posix.posix_spawn_file_actions_destroy(actions);
    posix.posix_spawnattr_destroy(attributes);
  }
}

/** A descriptor that can be read when the process has ended. @throws KernelError ESRCH @see pidfd_open(2) */
export function pidfdOpen(pid: number): number {
  return check(Number(c.pidfd_open(uapi.SYS_pidfd_open, pid, 0)), 'pidfd_open', `process ${pid}`);
}

/** @throws KernelError ESRCH where it has ended and was reaped, EPERM @see pidfd_send_signal(2) */
export function pidfdSendSignal(fd: number, signal: number): void {
  check(Number(c.pidfd_send_signal(uapi.SYS_pidfd_send_signal, fd, signal, null, 0)), 'pidfd_send_signal');
}

/** The wait status of a child that has ended, which is then forgotten; undefined while it runs. @throws KernelError */
export function reap(pid: number): number | undefined {
  const status = new Int32Array(1);
  return check(c.waitpid(pid, status, uapi.WNOHANG), 'waitpid', `process ${pid}`) === 0 ? undefined : status[0];
}
