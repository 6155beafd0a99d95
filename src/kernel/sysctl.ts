/**
 * @module Kernel settings (sysctl) of the current network namespace: call these inside `NetworkNamespace.enter` for another.
 *
 * They go through a procfs instance of our own, which is renewed now and then. In one instance the entries below sys/net
 * of all namespaces lie in the same hash chains, so that the first access in a new namespace grows with the number of
 * namespaces that were there before. Measured, the first write to net.ipv4.ip_forward in a new namespace, medians:
 *
 *   namespaces                                        500      3,500
 *   /proc                                           19 µs     831 µs
 *   an instance used by 64 namespaces before it     20 µs      21 µs
 *   an instance used by 256 namespaces before it    47 µs      45 µs
 *
 * To make an instance costs 17 µs, to close one 4 µs for each namespace that used it, on another thread.
 * Where rtnetlink has the same setting (IFLA_AF_SPEC, devconf), that is quicker still.
 * @see sysctl(8), fs/proc/proc_sysctl.c proc_sys_compare
 */

import { closeSync, readFileSync, writeSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import { type Errno, KernelError } from './error.ts';
import * as ffi from './ffi.ts';

/** How many accesses one instance serves. */
const INSTANCE_USES = 64;

let instance: { readonly root: number; uses: number } | undefined;

/**
 * The value of a setting such as 'net.ipv4.ip_forward', without the final newline. A dot inside a part, as in the name of
 * the interface eth0.100, is written '/': 'net.ipv4.conf.eth0/100.forwarding' (see `sysctlPart`).
 * @throws KernelError ENOENT where this kernel (or the current namespace) has no such setting; PontoonError bad-name
 */
export function readSysctl(name: string): string {
  return access('read sysctl', name, ffi.O_RDONLY, (fd) => readFileSync(fd, 'utf8').trimEnd());
}

/** @throws KernelError ENOENT as above, EINVAL where the kernel refuses the value; PontoonError bad-name */
export function writeSysctl(name: string, value: string | number): void {
  access('write sysctl', name, ffi.O_WRONLY, (fd) => writeSync(fd, `${value}\n`), `'${value}'`);
}

/** The name of an interface as a part of the name of a setting. */
export function sysctlPart(interfaceName: string): string {
  return interfaceName.replaceAll('.', '/');
}

function access<T>(call: string, name: string, flags: number, use: (fd: number) => T, detail?: string): T {
  const path = pathOf(name);
  let fd: number | undefined;
  try {
    fd = ffi.openat(procfs(), path, flags);
    return use(fd);
  } catch (cause) {
    const errno = KernelError.isKernel(cause) ? cause.errno : (cause as NodeJS.ErrnoException).code;
    if (errno === undefined) throw cause;
    throw new KernelError(call, errno as Errno, { subject: name, cause, ...(detail === undefined ? {} : { detail }) });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The root of the procfs instance in use. */
function procfs(): number {
  if (instance === undefined || instance.uses === INSTANCE_USES) {
    const former = instance;
    instance = { root: ffi.mountDetached('proc'), uses: 0 };
    if (former !== undefined) void ffi.closeAsync(former.root);
  }
  instance.uses++;
  return instance.root;
}

/** 'net.ipv4.conf.eth0/100.forwarding' is at sys/net/ipv4/conf/eth0.100/forwarding. */
function pathOf(name: string): string {
  const parts = name.split('.').map((part) => part.replaceAll('/', '.'));
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new PontoonError('bad-name', `'${name}' is not the name of a setting: write it like net.ipv4.ip_forward`, {
      subject: name,
    });
  }
  return ['sys', ...parts].join('/');
}
