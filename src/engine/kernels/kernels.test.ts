import { describe, expect, it } from 'vitest';
import { random } from '../../tensor/random.ts';
import { allocate, arenaOf, freeIdle, giveBack, TILE } from './arena.ts';
import { kernels } from './kernels.ts';
import { type Kernels, scalarKernels } from './scalar.ts';
import { simdKernels } from './simd-kernels.ts';

const rng = random(3);
const normals = (length: number): Float64Array => Float64Array.from({ length }, () => rng.normal());

/** The same matrix in an ordinary array and where kernels work in place. */
function twice(values: Float32Array): [name: string, A: Float32Array][] {
  const [, placed] = allocate([3, values.length]) as [Float32Array, Float32Array];
  placed.set(values);
  return [
    ['copied', values],
    ['in place', placed],
  ];
}

function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(found.length).toBe(wanted.length);
  const errors = Array.from(wanted, (x, i) => Math.abs(x - (found[i] as number)));
  expect(Math.max(...errors)).toBeLessThan(1e-10);
}

const SHAPES = [
  [1, 1],
  [3, 2],
  [4, 4],
  [5, 7],
  [9, 130],
  [6, TILE - 1],
  [5, TILE + 3],
  [2, 2 * TILE + 5],
] as const;

const VARIANTS: readonly Kernels[] = [scalarKernels, simdKernels];

describe.each(VARIANTS)('$name kernels', (variant) => {
  it.each(SHAPES)('multiply [%i, %i] and its transpose by a vector, adding to what is there', (n, width) => {
    for (const [, A] of twice(Float32Array.from(normals(n * width)))) {
      const [x, r, y, z] = [normals(width), normals(n), normals(n), normals(width)];
      const wantedY = y.map((c, i) => x.reduce((s, v, j) => s + v * (A[i * width + j] as number), c));
      const wantedZ = z.map((c, j) => r.reduce((s, v, i) => s + v * (A[i * width + j] as number), c));
      variant.addProduct(A, x, y);
      variant.addTransposedProduct(A, r, z);
      expectClose(y, wantedY);
      expectClose(z, wantedZ);
    }
  });

  it.each(SHAPES)('add up squares of the columns of [%i, %i]', (n, width) => {
    for (const [, A] of twice(Float32Array.from(normals(n * width)))) {
      const y = normals(width);
      const wanted = y.map((c, j) => {
        for (let i = 0; i < n; i++) c += (A[i * width + j] as number) ** 2;
        return c;
      });
      variant.addSquares(A, y);
      expectClose(y, wanted);
    }
  });

  it.each(SHAPES)('pick columns of [%i, %i]', (n, width) => {
    for (const [, A] of twice(Float32Array.from(normals(n * width)))) {
      for (const share of [0, 0.3, 1]) {
        const columns = Int32Array.from({ length: width }, (_, j) => j).filter(() => rng.uniform() < share);
        const block = new Float32Array(n * columns.length);
        variant.pickColumns(A, width, columns, block);
        const wanted = Array.from({ length: n }, (_, i) => [...columns].map((j) => A[i * width + j] as number)).flat();
        expect([...block]).toEqual(wanted);
      }
    }
  });

  it.each([1, 2, 7, 8, 9, 40, 49, 130])('factor a positive definite matrix of %i rows', (n) => {
    const B = normals(n * (n + 3));
    const K = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++)
        for (let t = 0; t < n + 3; t++)
          (K[i * n + j] as number) += (B[i * (n + 3) + t] as number) * (B[j * (n + 3) + t] as number);
    const L = variant.factor(K, n, 0.5) as Float64Array;
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let t = 0; t <= j; t++) product += (L[i * n + t] as number) * (L[j * n + t] as number);
        expect(product).toBeCloseTo((K[i * n + j] as number) + (i === j ? 0.5 : 0), 10);
      }
    expect([...L].every((x, at) => at % n <= Math.floor(at / n) || x === 0)).toBe(true);
  });

  it('refuse a matrix that is not positive definite', () => {
    expect(variant.factor(Float64Array.of(1, 0, 2, 1), 2, 0)).toBeNull();
    expect(variant.factor(Float64Array.of(Number.NaN), 1, 0)).toBeNull();
  });
});

describe('kernels', () => {
  it('are those by vectors where they run', () => {
    expect(kernels).toBe(simdKernels);
  });

  it('keep f64 sums that f32 would lose', () => {
    for (const variant of VARIANTS) {
      const y = new Float64Array(1);
      variant.addProduct(Float32Array.of(2 ** 24, 1), Float64Array.of(1, 1), y);
      expect(y[0]).toBe(2 ** 24 + 1);
    }
  });

  it('share one arena among arrays that fit, all zeros and apart', () => {
    const arrays = allocate([5, 0, 7]);
    expect(arrays.map(({ length }) => length)).toEqual([5, 0, 7]);
    arrays[0]?.fill(1);
    expect([...(arrays[2] as Float32Array)]).toEqual(new Array(7).fill(0));
    expect(arenaOf(arrays[0] as Float32Array)).toBe(arenaOf(arrays[2] as Float32Array));
    expect(arenaOf(new Float32Array(1))).toBeNull();
  });

  it('use memory that was given back, cleared, for arrays about as large, and free it when told', () => {
    const [first] = allocate([100_000]) as [Float32Array];
    first.fill(1);
    giveBack([first]);
    const [second] = allocate([99_000]) as [Float32Array];
    expect(second.buffer).toBe(first.buffer);
    expect(second.every((x) => x === 0)).toBe(true);
    giveBack([second]);
    expect(allocate([10])[0]?.buffer).not.toBe(first.buffer);
    expect(allocate([99_000])[0]?.buffer).not.toBe(first.buffer); // let go by the allocation before
    giveBack([second]);
    freeIdle();
    expect(allocate([99_000])[0]?.buffer).not.toBe(first.buffer);
  });
});
