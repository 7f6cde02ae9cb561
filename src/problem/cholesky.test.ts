import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cholesky, cholesky, invertLower, solve } from './cholesky.ts';
import { dot, plusDiagonal, product, solved, times, transposed } from './dense.cases.ts';

const entry = fc.double({ min: -3, max: 3, noNaN: true });

/** B B' + s I of a random B, and a right-hand side. */
const definite = fc
  .integer({ min: 1, max: 9 })
  .chain((n) =>
    fc.record({
      B: fc.array(fc.array(entry, { minLength: n, maxLength: n }), { minLength: n, maxLength: n }),
      c: fc.array(entry, { minLength: n, maxLength: n }),
      s: fc.constantFrom(0.1, 1, 100),
    }),
  )
  .map(({ B, c, s }) => ({ K: plusDiagonal(product(B, transposed(B)), s), c }));

function factorOf(K: readonly (readonly number[])[]): Cholesky {
  return cholesky(Float64Array.from(K.flat()), K.length) as Cholesky;
}

function rowsOf(M: Float64Array, n: number): number[][] {
  return Array.from({ length: n }, (_, i) => [...M.subarray(i * n, (i + 1) * n)]);
}

describe('cholesky', () => {
  it('factors positive definite matrices without jitter: L L = K, L lower triangular', () => {
    fc.assert(
      fc.property(definite, ({ K }) => {
        const { L, n, jitter } = factorOf(K);
        const rows = rowsOf(L, n);
        expect(jitter).toBe(0);
        product(rows, transposed(rows)).forEach((row, i) => {
          row.forEach((x, j) => {
            expect(x).toBeCloseTo((K[i] as number[])[j] as number, 8);
            if (j > i) expect((rows[i] as number[])[j]).toBe(0);
          });
        });
      }),
      { seed: 1 },
    );
  });

  it('solves as elimination does, and inverts its factor', () => {
    fc.assert(
      fc.property(definite, ({ K, c }) => {
        const factor = factorOf(K);
        const z = solve(factor, Float64Array.from(c));
        solved(K, c).forEach((x, i) => {
          expect(z[i]).toBeCloseTo(x, 6);
        });
        const inverse = rowsOf(invertLower(factor), factor.n);
        product(inverse, rowsOf(factor.L, factor.n)).forEach((row, i) => {
          row.forEach((x, j) => {
            expect(x).toBeCloseTo(i === j ? 1 : 0, 8);
          });
        });
        expect(dot(times(inverse, c), times(inverse, c))).toBeCloseTo(dot(c, z), 6);
      }),
      { seed: 2 },
    );
  });

  it('reads the lower half only, and leaves the matrix as it is', () => {
    const K = Float64Array.of(4, Number.NaN, 2, 5);
    expect(
      factorOf([
        [4, Number.NaN],
        [2, 5],
      ]).L,
    ).toEqual(Float64Array.of(2, 0, 1, 2));
    cholesky(K, 2);
    expect(K).toEqual(Float64Array.of(4, Number.NaN, 2, 5));
  });

  it('adds a small jitter to a matrix that rounding made singular', () => {
    const { jitter, L } = factorOf([
      [1, 1],
      [1, 1],
    ]);
    expect(jitter).toBeGreaterThan(0);
    expect(jitter).toBeLessThan(1e-10);
    expect(L.every(Number.isFinite)).toBe(true);
  });

  it('returns null for an indefinite matrix, one of zeros and one that is not finite', () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeNull();
    expect(cholesky(new Float64Array(4), 2)).toBeNull();
    expect(cholesky(Float64Array.of(1, 0, Number.NaN, 1), 2)).toBeNull();
    expect(cholesky(Float64Array.of(Number.POSITIVE_INFINITY, 0, 0, 1), 2)).toBeNull();
  });
});
