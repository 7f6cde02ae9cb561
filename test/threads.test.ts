import { describe, expect, it } from 'vitest';
import { feedsFromDataset } from '../src/data/feeds.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { type Method, prunePipeline, sparsity } from '../src/index.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tinyData } from './tiny-data.ts';

/** Large enough for gradients in worker threads, and for Gram matrices that the runtime shares among threads. */
const NET = parseModelText(`
  input x: float32[N, 2, 8, 8]
  const w1: float32[8, 2, 3, 3] = random(1, 0.3)
  const w2: float32[512, 24] = random(2, 0.1)
  const w3: float32[24, 5] = random(3)
  c = Conv(x, w1) { pads: [1, 1, 1, 1] }
  r = Relu(c)
  f = Flatten(r)
  h = MatMul(f, w2)
  t = Tanh(h)
  y = MatMul(t, w3)
  output y
`);
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
