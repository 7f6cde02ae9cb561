import { describe, expect, it } from 'vitest';
import { product, times, transposed } from '../problem/dense.cases.ts';
import { random } from '../tensor/random.ts';
import { linalg } from './linalg.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';

const algebra = linalg(onnxruntimeNode, 1);
const rng = random(1);
const [n, w] = [4, 7];
const A = Float32Array.from({ length: n * w }, () => rng.normal());
const rows = Array.from({ length: n }, (_, i) => [...A.subarray(i * w, (i + 1) * w)]);
const normals = (length: number): number[] => Array.from({ length }, () => rng.normal());

function product64(A: Float32Array, x: Float64Array, n: number): Float64Array {
  const y = new Float64Array(n);
  algebra.addProduct64(A, x, y);
  return y;
}

function expectClose(found: ArrayLike<number>, wanted: readonly number[], digits: number): void {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((x, i) => {
    expect(found[i]).toBeCloseTo(x, digits);
  });
}

describe('linalg', () => {
  it('multiplies a matrix and its transpose by a vector, in f32 and in f64', async () => {
    const [x, r] = [normals(w), normals(n)];
    expectClose(await algebra.transposedMatVec(A, Float32Array.from(r)), times(transposed(rows), r), 5);
    expectClose(product64(A, Float64Array.from(x), n), times(rows, x), 13);
    expectClose(algebra.transposedProduct64(A, Float64Array.from(r)), times(transposed(rows), r), 13);
  });

  it('adds A A to a matrix and makes A A of the columns, in f64', async () => {
    const C = Float64Array.from(normals(n * n));
    const wanted = product(rows, transposed(rows)).flat();
    expectClose(
      await algebra.addGram(A, C),
      wanted.map((x, i) => x + (C[i] as number)),
      13,
    );
    expectClose(await algebra.innerGram(A, n), product(transposed(rows), rows).flat(), 13);
  });

  it.each([4, 63, 64, 131])('adds the lower half of A A of %i rows, with products in f32', async (n) => {
    const B = Float32Array.from(normals(n * 9));
    const C = Float64Array.from(normals(n * n));
    const before = C.slice();
    await algebra.addLowerGram(B, C);
    const full = await algebra.addGram(B, before.slice());
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) expect(C[i * n + j]).toBeCloseTo(full[i * n + j] as number, 4);
    }
  });

  it('gives the squared norms of the columns of B A in f64', async () => {
    const B = Array.from({ length: n }, () => normals(n));
    const BA = transposed(product(B, rows));
    expectClose(
      await algebra.columnNorms(Float64Array.from(B.flat()), A),
      BA.map((c) => c.reduce((s, x) => s + x * x, 0)),
      12,
    );
  });

  it('is opened once for an engine and a number of threads', () => {
    expect(linalg(onnxruntimeNode, 1)).toBe(algebra);
    expect(linalg(onnxruntimeNode)).not.toBe(algebra);
  });

  it('serves matrices of any shape with the same graphs', async () => {
    for (const [height, width] of [
      [1, 1],
      [1, 5],
      [6, 1],
    ] as const) {
      const ones = new Float32Array(height * width).fill(1);
      expect([...product64(ones, new Float64Array(width).fill(2), height)]).toEqual(new Array(height).fill(2 * width));
      expect([...(await algebra.addGram(ones, new Float64Array(height * height)))]).toEqual(
        new Array(height * height).fill(width),
      );
    }
  });

  it('keeps sums that f32 would lose', async () => {
    const big = Float32Array.of(2 ** 24, 1);
    expect(product64(big, Float64Array.of(1, 1), 1)).toEqual(Float64Array.of(2 ** 24 + 1));
    expect((await algebra.addGram(Float32Array.of(2 ** 13, 1), new Float64Array(1)))[0]).toBe(2 ** 26 + 1);
  });
});
