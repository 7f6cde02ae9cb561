import { beforeAll, describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { type FeedSource, subset } from '../src/data/feeds.ts';
import { openDataset } from '../src/data/open-dataset.node.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { type PruneResult, prune as prunePipeline } from '../src/methods/prune.ts';
import type { PruneOptions } from '../src/methods/prune-options.ts';
import { readModel } from '../src/onnx/files.node.ts';

let model: Model;
let source: FeedSource;
beforeAll(async () => {
  model = await readModel('examples/digits/model.onnx');
  source = feedsFromDataset(model, await openDataset('npz:examples/digits/train.npz', { scale: '1/255' }));
});

/** Two stages to 95 %, from few rows. */
function staged(options: Partial<PruneOptions>): Promise<PruneResult> {
  const few = {
    samples: 40,
    batch: 8,
    stages: 2,
    baseSparsity: 0.8,
    threads: 1,
    lineSearch: 0,
    recalibrateStages: false,
  };
  return prunePipeline(model, { engine, method: 'chita++', budget: sparsity(0.95), source, ...few, ...options });
}

function runningMean({ graph }: Model): number[] {
  return [...(tensorOf(graph.constants.get('norm1.mean') as Constant).data as Float32Array)];
}

describe('stages with a line search', { timeout: 120_000 }, () => {
  it('lower the true loss, keep the budget, and say by how much they went', async () => {
    const plain = await staged({});
    const searched = await staged({ lineSearch: 400 });
    const rows = subset(
      source,
      Int32Array.from({ length: 1000 }, (_, i) => i),
    );
    const loss = async (result: PruneResult): Promise<number> => (await evaluate(engine, result.model, rows)).loss ?? 0;
    expect(await loss(searched)).toBeLessThan(await loss(plain));
    expect(searched.w.filter((x) => x !== 0).length).toBeLessThanOrEqual(Math.trunc((1 - 0.95) * searched.w.length));
    expect(plain.stages.map(({ scale }) => scale)).toEqual([null, null]);
    const factors = [0, ...Array.from({ length: 17 }, (_, i) => 2 ** (i - 8))];
    for (const { scale } of searched.stages) expect(factors).toContain(scale);
  });

  it('are refused without labels', async () => {
    const unlabelled: FeedSource = { ...source, labelled: false };
    await expect(staged({ source: unlabelled, labels: 'model', lineSearch: 50 })).rejects.toThrow(
      /wanted data with labels/,
    );
  });
});

describe('stages with batch statistics of their own', { timeout: 120_000 }, () => {
  it('leave the model with the statistics of the pruned network', async () => {
    const plain = await staged({});
    expect(runningMean(plain.model)).toEqual(runningMean(model));
    const tuned = await staged({ recalibrateStages: true });
    expect(runningMean(tuned.model)).not.toEqual(runningMean(model));
    expect(tuned.stages).toHaveLength(2);
  });
});
