/**
 * @module watch: what changes in the kernel, as it changes, over all namespaces.
 */
export { type Change, type ChangeKind, describeChange } from './change.ts';
export { type WatchOptions, watchHost } from './watch.ts';
