/** @module What a removal takes away, and when it is refused. */
import { describe, expect, test } from 'vitest';
import { planRemoval } from './removal.ts';

const id = `sha256:${'ab'.repeat(32)}`;
const users = ['c'.repeat(64)];
const plan = (names: string[], by: { name?: string; force?: boolean; users?: string[] } = {}) =>
  planRemoval({ id, names }, { ref: by.name ?? id, name: by.name, force: by.force ?? false, users: by.users ?? [] });

describe('planRemoval', () => {
  test('by name: the name, and the image with its last name', () => {
    expect(plan(['a:1', 'b:1'], { name: 'a:1' })).toEqual(['a:1']);
    expect(plan(['a:1', 'b:1'], { name: 'a:1', users })).toEqual(['a:1']);
    expect(plan(['a:1'], { name: 'a:1' })).toBe('delete');
  });

  test('by ID: the image, unless it has several names', () => {
    expect(plan([])).toBe('delete');
    expect(plan(['a:1'])).toBe('delete');
    expect(plan(['a:1', 'b:1'], { force: true })).toBe('delete');
    expect(() => plan(['a:1', 'b:1'])).toThrow(
      /^conflict: unable to delete abababababab \(must be forced\) - image is referenced in multiple repositories$/,
    );
  });

  test('what containers use stays; forced, it loses its names', () => {
    expect(() => plan(['a:1'], { name: 'a:1', users })).toThrow(
      'conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image abababababab',
    );
    expect(() => plan(['a:1'], { users })).toThrow(/must be forced\) - image is being used by container cccccccccccc$/);
    expect(plan(['a:1'], { name: 'a:1', users, force: true })).toEqual(['a:1']);
    expect(() => plan([], { users, force: true })).toThrow(/cannot be forced/);
  });
});
