import { describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import type { Method } from '../src/methods/list.ts';
import { prune as prunePipeline } from '../src/methods/prune.ts';
import { tinyData } from './tiny-data.ts';
import { tinyNet } from './tiny-net.ts';

/** Large enough for gradients in worker threads, and for Gram matrices that the runtime shares among threads. */
const NET = tinyNet({ side: 8, filters: 8, stride: 1, hidden: 24, classes: 5 });
const ROWS = 260;
const SOURCE = feedsFromDataset(NET, tinyData({ count: ROWS, sampleDims: [2, 8, 8], classes: 5 }));

describe('a pruning on 1, 2 and 4 threads', { timeout: 120_000 }, () => {
  it.each<Method>(['chita', 'chita-block', 'falcon-bs'])('by %s has the same bits', async (method) => {
    const weights = async (threads: number): Promise<Float64Array> => {
      const asked = { engine: onnxruntimeNode, source: SOURCE, method, samples: ROWS, batch: 1, block: 500, threads };
      return (await prunePipeline(NET, { ...asked, budget: sparsity(0.7) })).w;
    };
    const one = await weights(1);
    expect(one.some((x) => x === 0)).toBe(true);
    for (const threads of [2, 4]) expect(await weights(threads)).toEqual(one);
  });
});
