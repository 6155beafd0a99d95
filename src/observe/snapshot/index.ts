/**
 * @module Snapshots: take one of this host, read one of somebody else's, hide what is nobody's business.
 */
export type { ContainerSources } from './containers/read.ts';
export type { NamedNamespace } from './names.ts';
export { checkSnapshot, parseSnapshot } from './parse.ts';
export { type RedactOptions, redactSnapshot } from './redact/redact.ts';
export { type SnapshotOptions, takeSnapshot } from './take.ts';
export type * from './types.ts';
export { SNAPSHOT_FORMAT, SNAPSHOT_VERSION } from './types.ts';
