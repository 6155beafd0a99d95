/** @module Booleans as Go writes them (strconv.ParseBool), for options and filters. */

/** Undefined for anything else: the caller knows what it was for. */
export function parseBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}
