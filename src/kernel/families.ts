/**
 * @module Address families by number, for those who read the kernel's messages themselves.
 */

export { AF_BRIDGE, AF_INET, AF_INET6 } from './ffi.ts';
