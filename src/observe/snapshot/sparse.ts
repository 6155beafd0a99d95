/**
 * @module Objects of the document without what is not so: unknown fields and flags that are off take no room in it.
 */

/** T with every field named; those that T may lack can be undefined, and false. */
export type Loose<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? T[K] | false | undefined : T[K];
};

/** The object without its undefined fields and without flags that are off. Changes the object that it is given. */
export function sparse<T extends object>(fields: Loose<T>): T {
  const object = fields as Record<string, unknown>;
  for (const key in object) {
    if (object[key] === undefined || object[key] === false) delete object[key];
  }
  return object as T;
}
