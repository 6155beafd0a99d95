/**
 * @module Files in memory that no path leads to: what was written to one may be sealed, and is then what it is.
 * @see memfd_create(2)
 */

export { memfdCreate as createMemoryFile, seal as sealFile } from './ffi.ts';
