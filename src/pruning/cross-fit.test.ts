import { expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { crossFitted } from './cross-fit.ts';

const NET = parseModelText(`
  opset 17
  input x: float32[N, 3]
  const w: float32[3, 4] = random(1)
  y = MatMul(x, w)
  output y
`);
const { prunable: layers } = findWeights(NET);
const scaled = (factor: number): Model =>
  writeWeights(
    NET,
    layers,
    readWeights(NET, layers).map((x) => factor * x),
  );
const fitted = async (count: number, make: (part: FeedSource) => Promise<Model | null>) => {
  const source = randomFeeds(NET, { rng: random(2), count });
  const meter = await distanceMeter({ engine, dense: NET, source });
  return { meter, distance: await crossFitted({ source, meter, make, folds: 5, seed: 1 }) };
};

it('judges each sample by a model that was made from the others', async () => {
  const counts: number[] = [];
  const { meter, distance } = await fitted(13, async (part) => {
    counts.push(part.count);
    return scaled(1 + counts.length); // one factor a fold, so that the errors tell which model judged
  });
  expect(counts).toEqual([10, 10, 10, 11, 11]);
  const { each } = await meter.measure(scaled(2));
  const factors = each.map((part, i) => Math.round(Math.sqrt((distance?.each[i]?.error ?? 0) / part.error)));
  expect([1, 2, 3, 4, 5].map((f) => factors.filter((factor) => factor === f).length)).toEqual([3, 3, 3, 2, 2]);
});

it('tells nothing of one sample, or where a fold leaves nothing to make a model of', async () => {
  expect((await fitted(1, async () => NET)).distance).toBeNull();
  expect((await fitted(8, async () => null)).distance).toBeNull();
});
