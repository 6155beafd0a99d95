/**
 * @module The memory that malloc(3) keeps for this process.
 */

import * as ffi from './ffi.ts';

/** Gives what was freed back to the kernel; takes a millisecond or less for tens of MB. @see malloc_trim(3) */
export function trimHeap(): void {
  ffi.mallocTrim(0);
}
