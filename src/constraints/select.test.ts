import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from '../tensor/random.ts';
import { cardinality, grouped } from './cardinality.ts';
import { projection, squared } from './constraint.ts';
import { knapsack } from './knapsack.ts';
import { markLargest, markLargestMagnitudes } from './select.ts';

function marked(mark: (marks: Uint8Array) => void, length: number): number[] {
  const marks = new Uint8Array(length);
  mark(marks);
  return [...marks];
}

describe('markLargestMagnitudes', () => {
  it('marks what squares in f64 would, whatever the range, ties to the lower index', () => {
    const floats = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1, -1, 2 ** -149, -(2 ** -149), 2 ** -126, 3e38),
    );
    fc.assert(
      fc.property(fc.array(floats, { minLength: 1, maxLength: 40 }), fc.nat(40), (list, most) => {
        const values = Float32Array.from(list);
        const k = Math.min(most, values.length);
        const magnitudes = Float64Array.from(values, Math.abs);
        expect(marked((marks) => markLargestMagnitudes(values, k, marks), list.length)).toEqual(
          marked((marks) => markLargest(magnitudes, k, marks), list.length),
        );
      }),
    );
  });

  it('counts NaN as zero and infinity as largest', () => {
    const values = Float32Array.of(Number.NaN, 1, Number.NEGATIVE_INFINITY, 0);
    expect(marked((marks) => markLargestMagnitudes(values, 2, marks), 4)).toEqual([0, 1, 1, 0]);
  });
});

describe('projection', () => {
  const rng = random(3);
  const w = new Float32Array(5000);
  for (let i = 0; i < w.length; i++) w[i] = i % 7 === 0 ? 0 : Math.fround(rng.normal() * 10 ** ((i % 5) - 2));
  const groups = [
    { start: 0, size: 2000 },
    { start: 2000, size: 3000 },
  ];
  const limits = [
    { what: 'MACs', costs: [9, 1], limit: 4000 },
    { what: 'weights', costs: [1, 1], limit: 1500 },
  ];

  it.each([
    ['a count', cardinality(5000, 777)],
    [
      'a count of each group',
      grouped(
        5000,
        groups.map((group, g) => ({ ...group, kept: 100 + g })),
      ),
    ],
    ['limits of costs', knapsack(5000, groups, limits)],
  ])('of f32 weights onto %s is that of their squares', (_, constraint) => {
    expect(projection(constraint, w)).toEqual(constraint.support(squared(w)));
    expect(projection({ ...constraint, projection: undefined }, w)).toEqual(constraint.support(squared(w)));
  });
});
