/**
 * @module The keys that leave a container running and go: ctrl-p ctrl-q, unless others were chosen.
 */

import { Transform } from 'node:stream';
import { PontoonError } from '../errors.ts';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** 'ctrl-p,ctrl-q', 'ctrl-@,x' → bytes. @throws PontoonError bad-value */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(
    text.split(',').map((key) => {
      const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
      if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
      if (key.length === 1) return key.charCodeAt(0);
      throw new PontoonError('bad-value', `there is no key '${key}': write a character, or ctrl- and one`, {
        subject: key,
      });
    }),
  );
}

/**
 * Passes keys on; a sequence that has begun is held back until it is complete or broken, or nothing more comes. When it
 * is complete, `onDetach` is called.
 */
export function detachFilter(keys: Uint8Array, onDetach: () => void): Transform {
  let matched = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const out: number[] = [];
      for (const byte of chunk) {
        if (byte === keys[matched]) {
          matched++;
          if (matched < keys.length) continue;
          matched = 0;
          if (out.length > 0) this.push(Buffer.from(out));
          onDetach();
          done();
          return;
        }
        out.push(...keys.subarray(0, matched));
        matched = byte === keys[0] ? 1 : 0;
        if (matched === 0) out.push(byte);
        else if (keys.length === 1) matched = 0;
      }
      done(null, out.length === 0 ? undefined : Buffer.from(out));
    },
    flush: (done) => done(null, keys.subarray(0, matched)),
  });
}
