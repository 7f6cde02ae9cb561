import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { type ChannelStatistics, measureStatistics } from '../apply/batch-statistics.ts';
import { recalibrate } from '../apply/recalibrate.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { inOrder } from '../data/batches.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import type { FeedSource } from '../data/feeds.ts';
import { weighedBatches } from '../data/whole-batches.ts';
import type { Tensors } from '../engine/engine.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { linearMaps } from './linear-map.ts';
import { type Moments, measureMoments } from './moments.ts';
import { reconstruct } from './reconstruct.ts';

/** Samples lie on axis 0, then on axis 1, then they are all in one axis. */
const net = (batch: string) =>
  parseModelText(`
    opset 17
    input x: float32[${batch}, 3, 4]
    const w: float32[4, 6] = random(1)
    const v: float32[6, 5] = random(2)
    const u: float32[15, 3] = random(3)
    const s: int64[2] = [-1, 15]
    t = Transpose(x) { perm: [1, 0, 2] }
    a = MatMul(t, w)
    h = Relu(a)
    b = MatMul(h, v)
    r = Transpose(b) { perm: [1, 0, 2] }
    f = Reshape(r, s)
    y = MatMul(f, u)
    output y
  `);
const ROWS = 21;
const sourceOf = (model: Model, count = ROWS) => feedsFromDataset(model, tinyData({ count, sampleDims: [3, 4] }));

async function* inputsOf(source: FeedSource, batches: readonly Int32Array[]): AsyncGenerator<Tensors> {
  for (const indices of batches) yield (await source.feeds(indices)).inputs;
}

async function momentsOf(model: Model, size: number, keeps: boolean): Promise<Moments[]> {
  const maps = findWeights(model).prunable.flatMap((layer) => linearMaps(layer, { uses: layer.uses }) ?? []);
  const runs = weighedBatches(inOrder(ROWS), size);
  return measureMoments({
    engine,
    model,
    other: model,
    maps: maps.map((map) => ({ ...map, step: 1, keeps })),
    batches: inputsOf(
      sourceOf(model),
      runs.map(({ indices }) => indices),
    ),
    weights: runs.map(({ weight }) => weight),
  });
}

const halfOf = (weights: number) => cardinality(weights, Math.floor(weights / 2));

const close = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++)
    expect(Math.abs((a[i] as number) - (b[i] as number))).toBeLessThan(1e-3 * (1 + Math.abs(b[i] as number)));
};

describe('a model of a fixed batch', () => {
  it('shows the moments of each sample once, wherever samples lie', async () => {
    const [fixed, free] = [await momentsOf(net('8'), 8, false), await momentsOf(net('N'), ROWS, false)];
    fixed.forEach((moments, i) => {
      const wanted = free[i] as Moments;
      close([moments.count], [wanted.count]);
      close(moments.gram as Float64Array, wanted.gram as Float64Array);
      close(moments.cross as Float64Array, wanted.cross as Float64Array);
      close(moments.sum, wanted.sum);
    });
  });

  it('does so where inputs are kept as they are', async () => {
    const [fixed, free] = [await momentsOf(net('8'), 8, true), await momentsOf(net('N'), ROWS, true)];
    const mean = ({ seen, count }: Moments) => {
      const X = (seen as NonNullable<Moments['seen']>).X;
      const inputs = X.length / count;
      return Array.from({ length: inputs * inputs }, (_, k) => {
        const [i, j] = [Math.floor(k / inputs), k % inputs];
        let sum = 0;
        for (let s = 0; s < count; s++) sum += (X[i * count + s] as number) * (X[j * count + s] as number);
        return sum / count;
      });
    };
    fixed.forEach((moments, i) => {
      close(mean(moments), mean(free[i] as Moments));
      close(
        moments.sum.map((x) => x / moments.count),
        (free[i] as Moments).sum.map((x) => x / (free[i] as Moments).count),
      );
    });
  });

  it('is reconstructed from all rows, also from fewer than a batch', async () => {
    for (const count of [5, 13, ROWS]) {
      const model = net('8');
      const layers = findWeights(model).prunable;
      const { samples } = await reconstruct({
        engine,
        model,
        layers,
        source: sourceOf(model, count),
        constraintsOf: (some) => [halfOf(some.reduce((sum, { size }) => sum + size, 0))],
        samples: 100,
        ridge: 0.01,
        seed: 1,
      });
      expect(samples).toBe(count);
    }
  });

  it('has its channels measured over all rows', async () => {
    const statisticsOf = async (batch: string, size: number) => {
      const model = parseModelText(`
        opset 17
        input x: float32[${batch}, 3, 4]
        const k: float32[5, 3, 1] = random(1)
        const g: float32[5] = ones
        const m: float32[5] = zeros
        const v: float32[5] = ones
        c = Conv(x, k)
        y = BatchNormalization(c, g, m, m, v)
        output y
      `);
      const source = sourceOf(model);
      const runs = weighedBatches(inOrder(ROWS), size);
      const { statistics } = await measureStatistics({
        engine,
        model,
        batches: () =>
          inputsOf(
            source,
            runs.map(({ indices }) => indices),
          ),
        weights: runs.map(({ weight }) => weight),
        batchNorm: 'batch',
      });
      expect((await recalibrate(model, model, { engine, source, samples: ROWS, batch: size })).samples).toBe(ROWS);
      return statistics.get('c') as ChannelStatistics;
    };
    const [fixed, free] = [await statisticsOf('8', 8), await statisticsOf('N', ROWS)];
    close(fixed.mean, free.mean);
    close(fixed.variance, free.variance);
  });
});
