/** @module The error catalogue: what callers may rely on in a PontoonError. */
import { describe, expect, test } from 'vitest';
import { ERROR_KINDS, type ErrorCode, PontoonError } from './errors.ts';

const codes = Object.keys(ERROR_KINDS) as ErrorCode[];

describe('PontoonError', () => {
  test('carries its code, kind, message, subject and cause', () => {
    const cause = new Error('EEXIST');
    const error = new PontoonError('name-taken', 'network "a" exists: choose another name', { cause, subject: 'a' });
    expect(error).toMatchObject({ name: 'PontoonError', code: 'name-taken', kind: 'conflict', subject: 'a', cause });
    expect(error.message).toBe('network "a" exists: choose another name');
    expect(error).toBeInstanceOf(Error);
  });

  test('has no cause and no subject where none is given', () => {
    const error = new PontoonError('store', 'the disk is full');
    expect(error.subject).toBeUndefined();
    expect('cause' in error).toBe(false);
  });

  test.each(codes)('%s has the kind that the catalogue says', (code) => {
    expect(new PontoonError(code, 'x').kind).toBe(ERROR_KINDS[code]);
  });
});

describe('PontoonError.is', () => {
  test('knows a Pontoon error, and one of the given codes', () => {
    const error = new PontoonError('port-taken', 'x');
    expect(PontoonError.is(error)).toBe(true);
    expect(PontoonError.is(error, 'port-taken')).toBe(true);
    expect(PontoonError.is(error, 'name-taken', 'port-taken')).toBe(true);
    expect(PontoonError.is(error, 'name-taken')).toBe(false);
  });

  test('knows the error of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { name: 'PontoonError', code: 'port-taken' });
    expect(PontoonError.is(foreign, 'port-taken')).toBe(true);
  });

  test('refuses everything else', () => {
    for (const other of [new Error('x'), new TypeError('x'), { name: 'PontoonError', code: 'store' }, 'store', null]) {
      expect(PontoonError.is(other)).toBe(false);
    }
  });
});

test('codes are words joined by hyphens: they go into JSON and onto the command line', () => {
  for (const code of codes) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
});
