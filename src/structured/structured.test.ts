import { describe, expect, it } from 'vitest';
import { outputGap } from '../../test/shared-models.ts';
import { tinyNet } from '../../test/tiny-net.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { cholesky, invertLower } from '../problem/cholesky.ts';
import { random } from '../tensor/random.ts';
import { LayerState, type RemovalProblem } from './layer-state.ts';
import { shrink } from './structured.ts';

const NET = tinyNet({ side: 6, filters: 6, stride: 1, hidden: 20, classes: 4 });

function asked(model: Model, macs: number, count = 64) {
  const source = randomFeeds(model, { rng: random(2), count, open: 1 });
  return { engine: onnxruntimeNode, model, source, budget: { macs }, samples: count, ridge: 1e-2, seed: 1 };
}

/** Hidden neurons come in pairs that compute the same. */
const PAIRS = parseModelText(`
  input x: float32[N, 12]
  const a: float32[12, 5] = random(1)
  const same: float32[12, 5] = random(1)
  const b: float32[10, 3] = random(3)
  h = MatMul(x, a)
  g = MatMul(x, same)
  j = Concat(h, g) { axis: 1 }
  r = Relu(j)
  y = MatMul(r, b)
  output y
`);

describe('shrink', () => {
  it('keeps within the budget and the model runs as the same with zeros does', async () => {
    const { model, before, after, proof, spaces } = await shrink(asked(NET, 0.5));
    expect(after.macs / before.macs).toBeLessThanOrEqual(0.5);
    expect(proof).toBeLessThan(1e-5);
    for (const space of spaces) expect(space.after).toBeLessThanOrEqual(space.before);
    expect(spaces.some((space) => space.after < space.before)).toBe(true);
    const [weight] = [...model.graph.constants].filter(([name]) => name === 'w1');
    expect(weight?.[1].dims[0]).toBeLessThan(6);
  });

  it('gives the same twice', async () => {
    const [a, b] = await Promise.all([shrink(asked(NET, 0.6)), shrink(asked(NET, 0.6))]);
    const feeds = (await asked(NET, 1).source.feeds([0, 1])).inputs;
    expect(await outputGap(a.model, b.model, feeds)).toBe(0);
    expect(a.spaces).toEqual(b.spaces);
  });

  it('loses little of the variance of the outputs', async () => {
    const { error } = await shrink(asked(NET, 0.7));
    expect(error).toBeLessThan(0.5);
  });

  it('refuses a budget that no number of channels meets', async () => {
    await expect(shrink(asked(NET, 0.001))).rejects.toThrow(/Cannot take enough channels out: wanted 0.001/);
  });

  it('refuses a model without anything to take out, and says why', async () => {
    const single = parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 3] = random(1)
      y = MatMul(x, w)
      output y
    `);
    await expect(shrink(asked(single, 0.5))).rejects.toThrow(
      'Cannot take channels out of the model: it is an output of the model',
    );
  });

  it('takes neurons that others can make up for without a loss', async () => {
    const { error, after, before } = await shrink({ ...asked(PAIRS, 0.55), ridge: 1e-6 });
    expect(after.macs / before.macs).toBeLessThanOrEqual(0.55);
    expect(error).toBeLessThan(1e-3);
  });
});

describe('LayerState', () => {
  const rng = random(7);
  const inputs = 6;
  const outputs = 4;
  const X = Float64Array.from({ length: inputs * 20 }, () => rng.normal());
  const H = new Float64Array(inputs * inputs);
  for (let i = 0; i < inputs; i++)
    for (let j = 0; j < inputs; j++) {
      for (let s = 0; s < 20; s++)
        (H[i * inputs + j] as number) += ((X[i * 20 + s] as number) * (X[j * 20 + s] as number)) / 20;
      if (i === j) (H[i * inputs + j] as number) += 0.1;
    }
  const W = Float64Array.from({ length: outputs * inputs }, () => rng.normal());
  const problem: RemovalProblem = {
    groups: 1,
    outputs,
    inputs,
    H,
    W,
    columns: [Array.from({ length: inputs }, (_, i) => [i >> 1])], // two columns a group
    rows: [Array.from({ length: outputs }, () => [])],
    variance: 1,
    macsPerWeight: 1,
  };

  /** tr((W - V) H (W - V)') with V the best on the columns that stay, each row by itself. */
  function leastError(stay: readonly number[]): number {
    const n = stay.length;
    const block = Float64Array.from(
      { length: n * n },
      (_, k) => H[(stay[Math.floor(k / n)] as number) * inputs + (stay[k % n] as number)] as number,
    );
    const factor = cholesky(block, n);
    if (factor === null) throw new Error('not positive definite');
    const L = invertLower(factor);
    let total = 0;
    for (let o = 0; o < outputs; o++) {
      const w = W.subarray(o * inputs, (o + 1) * inputs);
      const Hw = Float64Array.from({ length: inputs }, (_, i) =>
        w.reduce((sum, x, j) => sum + x * (H[i * inputs + j] as number), 0),
      );
      total += w.reduce((sum, x, i) => sum + x * (Hw[i] as number), 0);
      for (let i = 0; i < n; i++) {
        let image = 0;
        for (let j = 0; j <= i; j++) image += (L[i * n + j] as number) * (Hw[stay[j] as number] as number);
        total -= image ** 2;
      }
    }
    return total;
  }

  it('knows what a removal costs when all others make up for it', () => {
    const state = new LayerState(problem);
    expect(state.cost(1)).toBeCloseTo(leastError([0, 1, 4, 5]), 8);
  });

  it('adds up to the least error over several removals', () => {
    const state = new LayerState(problem);
    const first = state.cost(0);
    state.remove(0);
    const second = state.cost(2);
    state.remove(2);
    expect(first + second).toBeCloseTo(leastError([2, 3]), 8);
    expect([...state.aliveColumns]).toEqual([0, 0, 1, 1, 0, 0]);
    expect(state.kept()).toBe(2 * outputs);
  });

  it('tries out on a copy', () => {
    const state = new LayerState(problem);
    const copy = state.copy();
    copy.remove(0);
    expect(state.kept()).toBe(inputs * outputs);
    expect(copy.kept(1)).toBe(2 * outputs);
  });
});
