/**
 * @module doctor: all that is wrong with a host, from a snapshot alone.
 */
export { describeFindings } from './describe.ts';
export { examine, isHealthy } from './examine.ts';
export type { ConditionCode, Finding, Severity } from './finding.ts';
