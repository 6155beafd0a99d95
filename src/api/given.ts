/** @module What was given: specs leave out what nobody asked for. */

/** The properties that are not undefined. */
export function given<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, property]) => property !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** A number, or undefined where it is 0: clients send that for "not given". */
export function unlessZero(value: number | undefined): number | undefined {
  return value || undefined;
}

/** A list or a text, or undefined where it is empty: clients send both for "the default". */
export function unlessEmpty<T extends { readonly length: number }>(value: T | undefined): T | undefined {
  return value === undefined || value.length === 0 ? undefined : value;
}
