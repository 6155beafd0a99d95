/** @module The error of a call that must fail, as text 'code: message', for the tests. */
import { PontoonError } from '../../src/errors.ts';

export function errorOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof PontoonError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}
