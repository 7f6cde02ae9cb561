import { describe, expect, it } from 'vitest';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { cholesky, solve } from '../problem/cholesky.ts';
import { random } from '../tensor/random.ts';
import { type SeenProblem, solveSeen } from './dual.ts';

const algebra = linalg(onnxruntimeNode, 1);
const [groups, outputs, inputs, count] = [2, 21, 60, 12];
const map = { groups, outputs, inputs };
const rng = random(3);
const normals = (length: number, shift = 0): Float32Array => Float32Array.from({ length }, () => rng.normal() + shift);

/** Inputs with a mean, as those behind a ReLU have, and a ridge that is not small. */
const problem: SeenProblem = {
  algebra,
  X: normals(groups * inputs * count, 0.7),
  Y: normals(groups * outputs * count),
  W0: normals(groups * outputs * inputs),
  count,
  r: 0.4,
};

/** One row solved plainly: (X_S X_S' / n + r I) w = X_S y / n + r w0 on S. */
function plainRow(row: number, support: Uint8Array): Float64Array {
  const X = (i: number, s: number): number => problem.X[(Math.floor(row / outputs) * inputs + i) * count + s] as number;
  const on = Array.from({ length: inputs }, (_, i) => i).filter((i) => support[row * inputs + i] === 1);
  const K = new Float64Array(on.length ** 2);
  const c = new Float64Array(on.length);
  for (const [a, i] of on.entries()) {
    c[a] = problem.r * (problem.W0[row * inputs + i] as number);
    for (let s = 0; s < count; s++) (c[a] as number) += (X(i, s) * (problem.Y[row * count + s] as number)) / count;
    for (const [b, j] of on.entries()) {
      let sum = i === j ? problem.r : 0;
      for (let s = 0; s < count; s++) sum += (X(i, s) * X(j, s)) / count;
      K[a * on.length + b] = sum;
    }
  }
  const found = new Float64Array(inputs);
  const factor = cholesky(K, on.length);
  if (factor === null) throw new Error('not positive definite');
  const solved = solve(factor, c);
  for (const [a, i] of on.entries()) found[i] = solved[a] as number;
  return found;
}

async function solved(support: Uint8Array, iterations: number, A: Float32Array): Promise<Float32Array> {
  const W = new Float32Array(support.length);
  await solveSeen(map, problem, { W, support, iterations, tolerance: 1e-6, A });
  return W;
}

const emptyA = (): Float32Array => new Float32Array(groups * outputs * count);
const halves = Uint8Array.from({ length: groups * outputs * inputs }, () => (rng.uniform() < 0.4 ? 1 : 0));

describe('weights by the duals of their rows', () => {
  it('are those of the problem solved plainly, row by row, and zero off the support', async () => {
    const W = await solved(halves, 40, emptyA());
    for (let row = 0; row < groups * outputs; row++)
      plainRow(row, halves).forEach((wanted, i) => {
        const found = W[row * inputs + i] as number;
        if (halves[row * inputs + i] === 0) expect(found).toBe(0);
        else expect(Math.abs(found - wanted)).toBeLessThan(1e-4);
      });
  });

  it('are found sooner from what a solve on a larger support left', async () => {
    const fewer = halves.map((kept, k) => (k % 17 === 0 ? 0 : kept));
    const A = emptyA();
    await solved(halves, 40, A);
    const wanted = await solved(fewer, 40, emptyA());
    const distance = (W: Float32Array): number => W.reduce((sum, w, k) => sum + (w - (wanted[k] as number)) ** 2, 0);
    const [warm, cold] = [await solved(fewer, 2, A), await solved(fewer, 2, emptyA())];
    expect(distance(warm)).toBeLessThan(0.5 * distance(cold));
  });

  it('are the dense ones where everything may stand and the outputs are theirs', async () => {
    const all = new Uint8Array(halves.length).fill(1);
    const Y = await algebra.products(problem.W0, problem.X, { groups, rows: outputs });
    const W = new Float32Array(halves.length);
    await solveSeen(map, { ...problem, Y }, { W, support: all, iterations: 5, tolerance: 1e-3, A: emptyA() });
    W.forEach((w, k) => {
      expect(w).toBeCloseTo(problem.W0[k] as number, 4);
    });
  });
});
