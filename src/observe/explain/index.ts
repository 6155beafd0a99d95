/**
 * @module explain: why one reaches another, or why not. No part of it touches the kernel: it works from a snapshot.
 */
export { CAUSES, type Cause, type CauseCode, type Language, remedyOf, sentenceOf } from './causes.ts';
export { explain, explainFlow, type FlowQuestion } from './explain.ts';
export type { Direction, Evidence, Explanation, Hop, Place } from './outcome.ts';
export { describeExplanation, teach, wayOf } from './story.ts';
