/**
 * @module trace: what real packets do, hop by hop.
 */
export { describeEvent, describeTrace } from './describe.ts';
export { captureFile, type Followed } from './file.ts';
export { disagreement, follow, type TraceEvent, type TraceOptions, type TraceResult, trace } from './trace.ts';
