import { describe, expect, it } from 'vitest';
import { readWeights } from '../src/apply/weights.ts';
import { sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { subset } from '../src/data/feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { DataError, OptionError } from '../src/errors/errors.ts';
import { findWeights } from '../src/graph/weights.ts';
import { prune } from '../src/methods/prune.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tune } from '../src/pipeline/tune.ts';
import { unitsOf } from '../src/pruning/scaling.ts';
import { tinyData } from './tiny-data.ts';

const MLP = parseModelText(`
  input x: float32[N, 6]
  const w1: float32[5, 6] = random(1, 10)
  const w2: float32[5, 3] = random(2, 0.1)
  h = Gemm(x, w1) { transB: 1 } @fc1
  r = Relu(h)
  y = MatMul(r, w2) @fc2
  output y: float32[N, 3]
`);
const source = feedsFromDataset(MLP, tinyData({ count: 50, sampleDims: [6], classes: 3 }));
const REQUEST = { engine, source, method: 'chita', budget: sparsity(0.5), samples: 20 } as const;

describe('tune', () => {
  it('tries every lambda on samples that the gradients never see and names the best', async () => {
    const tuned = await tune(MLP, REQUEST, { grid: [1e-3, 1e-1], heldOut: 10 });
    expect(tuned.trials.map((trial) => trial.lambda)).toEqual([1e-3, 1e-1]);
    expect(tuned.heldOut).toBe(10);
    expect(tuned.source.count).toBe(40);
    const best = tuned.trials.reduce((a, b) =>
      b.accuracy > a.accuracy || (b.accuracy === a.accuracy && b.loss < a.loss) ? b : a,
    );
    expect(tuned.lambda).toBe(best.lambda);
  });

  it('gives the same answer for the same seed', async () => {
    const [a, b] = [await tune(MLP, REQUEST, { grid: [1e-2] }), await tune(MLP, REQUEST, { grid: [1e-2] })];
    expect(a.trials).toEqual(b.trials);
  });

  it('refuses a method without lambda and data without labels', async () => {
    await expect(tune(MLP, { ...REQUEST, method: 'magnitude' })).rejects.toThrow(OptionError);
    await expect(tune(MLP, { ...REQUEST, source: { ...source, labelled: false } })).rejects.toThrow(DataError);
  });
});

describe('subset', () => {
  it('renumbers the samples it keeps', async () => {
    const some = subset(source, Int32Array.of(7, 3));
    const [picked, direct] = [await some.feeds([1]), await source.feeds([3])];
    expect(some.count).toBe(2);
    expect(picked.inputs.get('x')?.data).toEqual(direct.inputs.get('x')?.data);
  });
});

describe('scaling by layer', () => {
  const layers = findWeights(MLP).prunable;

  it('measures every layer by the norm of its filters, with geometric mean 1', () => {
    const w = readWeights(MLP, layers);
    const units = unitsOf('layer', layers, w);
    const norm = (from: number, to: number, filters: number): number =>
      Math.sqrt(w.subarray(from, to).reduce((sum, x) => sum + x * x, 0) / filters);
    expect((units[0] as number) / (units[30] as number)).toBeCloseTo(norm(0, 30, 5) / norm(30, 45, 3), 6);
    expect(units.reduce((sum, u) => sum + Math.log(u), 0)).toBeCloseTo(0, 9);
  });

  it('measures a weight by the root of its multiply-accumulates, where asked to', async () => {
    const units = unitsOf('macs', layers, readWeights(MLP, layers), [4, 64]);
    expect((units[30] as number) / (units[0] as number)).toBeCloseTo(4, 9);
    const even = await prune(MLP, { ...REQUEST, method: 'magnitude', scaling: 'macs' });
    const plain = await prune(MLP, { ...REQUEST, method: 'magnitude' });
    expect(even.w).toEqual(plain.w); // in a network of linear layers every weight costs the same
  });

  it('prunes two layers of very different size alike, where plain magnitude empties the small one', async () => {
    const kept = async (scaling: 'none' | 'layer'): Promise<number> =>
      (await prune(MLP, { ...REQUEST, method: 'magnitude', scaling })).w.subarray(30).filter((x) => x !== 0).length;
    expect(await kept('none')).toBe(0);
    expect(await kept('layer')).toBeGreaterThan(3);
  });

  it.each(['chita', 'chita-cd', 'chita-block', 'woodfisher'] as const)(
    '%s gives the answer of the rescaled model',
    async (method) => {
      const options = { ...REQUEST, method, lambda: 1e-2 };
      const { w } = await prune(MLP, { ...options, scaling: 'layer' });
      const units = unitsOf('layer', layers, readWeights(MLP, layers));
      expect(w.filter((x) => x !== 0).length).toBeLessThanOrEqual(22);
      // A network whose layers are divided by their units and whose activations are multiplied back computes the same.
      const rescaled = parseModelText(`
      input x: float32[N, 6]
      const w1: float32[5, 6] = random(1, ${10 / (units[0] as number)})
      const w2: float32[5, 3] = random(2, ${0.1 / (units[30] as number)})
      const u1: float32[1] = [${(units[0] as number).toFixed(12)}]
      const u2: float32[1] = [${(units[30] as number).toFixed(12)}]
      h = Gemm(x, w1) { transB: 1 } @fc1
      g = Mul(h, u1)
      r = Relu(g)
      z = MatMul(r, w2) @fc2
      y = Mul(z, u2)
      output y: float32[N, 3]
    `);
      const plain = await prune(rescaled, options);
      plain.w.forEach((x, i) => {
        expect(w[i]).toBeCloseTo(x * (units[i] as number), 2);
      });
    },
  );
});
