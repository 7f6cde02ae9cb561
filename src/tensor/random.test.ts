import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random, sampleWithoutReplacement } from './random.ts';

const draw = (count: number, next: () => number): number[] => Array.from({ length: count }, next);

describe('random', () => {
  it('gives the same stream for the same seed, on every machine', () => {
    expect(draw(3, random(1).uniform)).toEqual(draw(3, random('1').uniform));
    expect(draw(4, () => random(1).uniform())).toEqual(new Array(4).fill(random(1).uniform()));
    expect(draw(3, random(1).uniform)).toMatchInlineSnapshot(`
      [
        0.04965587437910557,
        0.5592439177911144,
        0.5812795402832218,
      ]
    `);
  });

  it('gives unrelated streams for neighbouring seeds', () => {
    const [a, b] = [draw(2000, random(1).normal), draw(2000, random(2).normal)];
    const correlation = a.reduce((sum, x, i) => sum + x * (b[i] as number), 0) / 2000;
    expect(Math.abs(correlation)).toBeLessThan(0.08);
  });

  it('forks streams that depend on seed and label alone', () => {
    const moved = random(1);
    draw(10, moved.uniform);
    expect(draw(3, moved.fork('a').uniform)).toEqual(draw(3, random(1).fork('a').uniform));
    expect(draw(3, random(1).fork('a').uniform)).not.toEqual(draw(3, random(1).fork('b').uniform));
    expect(draw(3, random(1).fork('a').uniform)).not.toEqual(draw(3, random(2).fork('a').uniform));
  });

  it('is uniform in [0, 1) and normal with mean 0 and variance 1', () => {
    const uniform = draw(20_000, random(3).uniform);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(uniform.reduce((a, b) => a + b) / 20_000).toBeCloseTo(0.5, 2);
    const normal = draw(20_000, random(4).normal);
    expect(normal.reduce((a, b) => a + b) / 20_000).toBeCloseTo(0, 1);
    expect(normal.reduce((a, b) => a + b * b, 0) / 20_000).toBeCloseTo(1, 1);
    expect(normal.every(Number.isFinite)).toBe(true);
  });
});

describe('sampleWithoutReplacement', () => {
  it('draws different numbers below the bound, as many as asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(60), fc.integer(), (below, wanted, seed) => {
        const count = Math.min(below, wanted);
        const drawn = [...sampleWithoutReplacement(random(seed), below, count)];
        expect(drawn).toHaveLength(count);
        expect(new Set(drawn).size).toBe(count);
        expect(drawn.every((x) => Number.isInteger(x) && x >= 0 && x < below)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it('draws every number about equally often, in every place', () => {
    const counts = new Float64Array(25);
    const rng = random(5);
    for (let i = 0; i < 5000; i++)
      sampleWithoutReplacement(rng, 5, 5).forEach((x, place) => {
        counts[place * 5 + x] = (counts[place * 5 + x] as number) + 1;
      });
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
