/**
 * @module Pontoon as a library: the network engine.
 *
 * @example
 * ```ts
 * import { openEngine } from 'pontoon';
 * await using engine = await openEngine();
 * await engine.createSandbox({ name: 'web', endpoints: [{ network: 'bridge', ports: [{ port: 80, hostPort: 9001 }] }] });
 * ```
 */

export { ERROR_KINDS, type ErrorCode, type ErrorKind, PontoonError } from './errors.ts';
export type { DefaultPool } from './ipam/index.ts';
export type { DefaultNetworkSpec } from './network/default-network.ts';
export {
  Engine,
  type EngineOptions,
  type InitialEndpoint,
  openEngine,
} from './network/engine.ts';
export type { EventOptions } from './network/events.ts';
export type { DnsDefaults } from './network/resolvers.ts';
export type * from './network/types.ts';
