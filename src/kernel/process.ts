/**
 * @module What a program of Pontoon asks of its own process.
 */

export { reserveDescriptors } from './ffi.ts';
