import { describe, expect, it } from 'vitest';
import { type Distance, distanceOf } from '../evaluate/distance.ts';
import { random } from '../tensor/random.ts';
import { clearlyNearer } from './nearer.ts';

const of = (errors: readonly number[], logits = errors): Distance =>
  distanceOf(errors.map((outputs, i) => ({ outputs, error: logits[i] as number })));

describe('clearly nearer', () => {
  it('is what is nearer in most parts, by much', () => {
    expect(clearlyNearer(of([0.1, 0.2, 0.1, 0.15]), of([0.3, 0.4, 0.35, 0.3]))).toBe(true);
    expect(clearlyNearer(of([0.3, 0.4, 0.35, 0.3]), of([0.1, 0.2, 0.1, 0.15]))).toBe(false);
  });

  it('is not what one part makes so, what one part tells, or what is as near', () => {
    expect(clearlyNearer(of([0.31, 0.41, 0.36, 0.1]), of([0.3, 0.4, 0.35, 2]))).toBe(false);
    expect(clearlyNearer(of([0.1]), of([0.3]))).toBe(false);
    expect(clearlyNearer(of([0.3, 0.3]), of([0.3, 0.3]))).toBe(false);
  });

  it('is so in outputs and logits both, and never of what is not finite', () => {
    const [near, far] = [
      [0.1, 0.2, 0.1, 0.15],
      [0.3, 0.4, 0.35, 0.3],
    ];
    expect(clearlyNearer(of(near, far), of(far, near))).toBe(false);
    const infinite = far.map(() => Number.POSITIVE_INFINITY);
    expect(clearlyNearer(of(infinite), of(near))).toBe(false);
    expect(clearlyNearer(of(near), of(infinite))).toBe(true);
    expect(clearlyNearer(of(infinite), of(infinite))).toBe(false);
  });

  it('takes what is as good for better in at most one of ten draws', () => {
    const rng = random(4);
    const errors = (n: number): number[] => Array.from({ length: n }, () => Math.exp(rng.normal()));
    for (const n of [2, 3, 5, 24, 64]) {
      let taken = 0;
      for (let t = 0; t < 1000; t++) if (clearlyNearer(of(errors(n)), of(errors(n)))) taken++;
      expect(taken).toBeLessThan(100);
    }
  });
});
