import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrdinalSet } from './ordinal-set.ts';

function lowestAbsentOf(model: Set<number>): number {
  let ordinal = 0;
  while (model.has(ordinal)) ordinal++;
  return ordinal;
}

it('agrees with a plain set', () => {
  const ordinal = fc.oneof(fc.nat({ max: 70 }), fc.nat({ max: 2100 }), fc.maxSafeNat());
  const step = fc.oneof(
    fc.record({ do: fc.constant('toggle' as const), ordinal }),
    fc.record({ do: fc.constant('fill' as const), count: fc.nat({ max: 1100 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const set = new OrdinalSet();
      const model = new Set<number>();
      for (const current of steps) {
        if (current.do === 'fill') {
          for (let left = current.count; left > 0; left--) {
            const lowest = set.lowestAbsent;
            expect(model.has(lowest)).toBe(false);
            set.add(lowest);
            model.add(lowest);
          }
        } else if (model.delete(current.ordinal)) {
          set.delete(current.ordinal);
        } else {
          set.add(current.ordinal);
          model.add(current.ordinal);
        }
        expect(set.lowestAbsent).toBe(lowestAbsentOf(model));
      }
    }),
  );
});

it('fills, empties and fills again across several levels', () => {
  const set = new OrdinalSet();
  const count = 32 ** 3 + 5;
  for (let ordinal = 0; ordinal < count; ordinal++) set.add(ordinal);
  expect(set.lowestAbsent).toBe(count);
  for (let ordinal = count - 1; ordinal >= 0; ordinal -= 2) set.delete(ordinal);
  for (let ordinal = (count - 1) % 2; ordinal < count; ordinal += 2) {
    expect(set.lowestAbsent).toBe(ordinal);
    set.add(ordinal);
  }
  expect(set.lowestAbsent).toBe(count);
});
