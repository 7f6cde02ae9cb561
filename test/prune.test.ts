import { describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { OptionError } from '../src/errors/errors.ts';
import type { WeightLayer } from '../src/graph/weights.ts';
import { prune } from '../src/index.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { chita } from '../src/solvers/chita/back-solving.ts';
import { magnitude } from '../src/solvers/magnitude/magnitude.ts';
import { tinyData } from './tiny-data.ts';

const MLP = parseModelText(`
  name mlp
  input x: float32[N, 6]
  const w1: float32[5, 6] = random(1)
  const w2: float32[5, 3] = random(2)
  const unused: float32[4, 4] = random(3)
  h = Gemm(x, w1) { transB: 1 } @fc1
  r = Relu(h)
  y = MatMul(r, w2) @fc2
  output y: float32[N, 3]
`);
const DATA = tinyData({ count: 40, sampleDims: [6], classes: 3 });
const TESTS = tinyData({ count: 20, sampleDims: [6], classes: 3, seed: 2 });

function zeros(model: Model, names: readonly string[]): number {
  const elements = names.flatMap((name) => [
    ...(tensorOf(model.graph.constants.get(name) as Constant).data as Float32Array),
  ]);
  return elements.filter((x) => x === 0).length;
}

describe('prune', () => {
  it('returns the pruned model and a complete report', async () => {
    const request = {
      data: DATA,
      evaluation: TESTS,
      solver: chita(),
      budget: sparsity(0.6),
      samples: 40,
      latency: [1],
    };
    const { model, report, result } = await prune(MLP, request);
    expect(zeros(model, ['w1', 'w2'])).toBe(27);
    expect(report).toMatchObject({
      sparsity: 0.6,
      nonzeros: 18,
      prunable: 45,
      asked: { method: 'chita', sparsity: 0.6, options: { samples: 40, batch: 1, lambda: 1e-3, stages: 1 } },
      status: { code: 'converged' },
      macs: { before: 45, after: 18 },
      data: { rows: 40 },
      eval: { rows: 20 },
      model: { name: 'mlp' },
      warnings: [expect.stringMatching(/^40 gradient rows are few/)],
    });
    expect(report.objective).toBe(result.stages[0]?.value?.objective);
    expect(report.predicted?.objective.before).toBeGreaterThanOrEqual(report.objective as number);
    expect(report.accuracy.before).toEqual(expect.any(Number));
    expect(report.loss.after).toEqual(expect.any(Number));
    expect(report.latency?.[0]).toMatchObject({ batch: 1, before: { runs: 50 }, after: { runs: 50 } });
    expect(Object.keys(report.seconds)).toEqual(expect.arrayContaining(['gradients', 'solve', 'evaluate']));
    expect(report.bytes.after?.raw).toBe(report.bytes.before?.raw);
  });

  it('needs no data for magnitude, and then has no objective and no status', async () => {
    const { report } = await prune(MLP, { solver: magnitude(), budget: sparsity(0.5) });
    expect(report).toMatchObject({
      sparsity: 23 / 45,
      objective: null,
      predicted: null,
      status: null,
      data: null,
      eval: null,
    });
    expect(report.macs).toEqual({ before: 45, after: 22 });
  });

  it('is deterministic given the seed, and another seed draws other samples', async () => {
    const run = async (seed: number) =>
      (await prune(MLP, { data: DATA, budget: sparsity(0.6), samples: 10, seed })).result.w;
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it('counts the dense multiply-accumulates of layers that were left out', async () => {
    const { report } = await prune(MLP, { solver: magnitude(), budget: sparsity(0.5), exclude: ['fc2'] });
    expect(report.layers.map((layer) => layer.name)).toEqual(['w1']);
    expect(report.macs).toEqual({ before: 45, after: 30 });
    expect(report.untouched).toContainEqual(expect.objectContaining({ name: 'w2', weights: 15 }));
  });

  it('warns where accuracy was measured on the rows of the gradients', async () => {
    const { report } = await prune(MLP, { data: DATA, evaluation: DATA, budget: sparsity(0.5), samples: 40 });
    expect(report.warnings.slice(1)).toEqual([expect.stringMatching(/rows that the gradients come from/)]);
  });

  it('returns the recalibrated model where that is asked for, and reports both accuracies', async () => {
    const text = `input x: float32[N, 2, 4, 4]
      const w: float32[6, 2, 3, 3] = random(1)
      const head: float32[6, 3] = random(2)
      a = Conv(x, w) { pads: [1, 1, 1, 1] }
      r = Relu(a)
      g = GlobalAveragePool(r)
      f = Flatten(g)
      y = MatMul(f, head)
      output y`;
    const pictures = { count: 30, sampleDims: [2, 4, 4], classes: 3 };
    const request = {
      data: tinyData(pictures),
      evaluation: tinyData({ ...pictures, seed: 2 }),
      method: 'magnitude',
      budget: sparsity(0.7),
    } as const;
    const { model, report, result } = await prune(parseModelText(text), { ...request, recalibrate: true });
    expect(report.recalibrated).toMatchObject({ rows: 30, loss: expect.any(Number) });
    expect(report.recalibrated?.loss).not.toBe(report.loss.after);
    expect(model).not.toBe(result.model);
    expect(zeros(model, ['w', 'head'])).toBe(zeros(result.model, ['w', 'head']));
    await expect(prune(MLP, { method: 'magnitude', budget: sparsity(0.5), recalibrate: true })).rejects.toThrow(
      OptionError,
    );
  });

  it('refuses a method and a solver at once', async () => {
    const request = { solver: chita(), method: 'chita', budget: sparsity(0.5), data: DATA } as const;
    await expect(prune(MLP, request)).rejects.toThrow(OptionError);
  });

  it('predicts the change of the loss to first order for a small change', async () => {
    const layers: readonly WeightLayer[] = (await prune(MLP, { solver: magnitude(), budget: sparsity(0) })).result
      .chosen.layers;
    expect(layers.map((layer) => layer.size)).toEqual([30, 15]);
    const request = { data: DATA, evaluation: DATA, budget: sparsity(0), samples: 40, firstOrder: 1, lambda: 100 };
    const { report } = await prune(MLP, request);
    const change = (report.loss.after as number) - (report.loss.before as number);
    expect(report.predicted?.lossChange).toBeLessThan(0);
    expect(change / (report.predicted?.lossChange as number)).toBeCloseTo(1, 1);
  });
});
