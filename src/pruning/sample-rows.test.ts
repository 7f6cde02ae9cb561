import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { readWeights, writeWeights } from '../apply/weights.ts';
import type { Dataset } from '../data/dataset.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { denseOf } from '../problem/dense.cases.ts';
import { type RowsRequest, rowsOf } from '../pruning/gradients.ts';
import { fixed, KEPT_APART, MIXING } from '../samples/batches.cases.ts';
import { random } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';

const DATA = tinyData({ count: 10, sampleDims: [4], classes: 3 });

async function rows(text: string, options: Partial<RowsRequest> = {}): Promise<number[][]> {
  const model = parseModelText(text);
  const found = await rowsOf({
    engine: onnxruntimeNode,
    model,
    layers: findWeights(model).prunable,
    source: feedsFromDataset(model, DATA),
    loss: 'cross-entropy',
    labels: 'data',
    samples: 10,
    batch: 1,
    rng: random(1),
    augment: false,
    threads: 1,
    ...options,
  });
  return denseOf(found);
}

/** Mean cross-entropy over each group of `size` rows, run by themselves. */
async function lossesAlone(model: Model, data: Dataset, { size, count }: { size: number; count: number }) {
  const session = await onnxruntimeNode.createSession(model, { threads: 1 });
  const losses: number[] = [];
  for (let g = 0; g < count; g++) {
    const { x, labels } = await data.batch(Array.from({ length: size }, (_, i) => g * size + i));
    const y = [...(await session.run(new Map([['x', x]]))).values()][0] as Tensor<Float32Array>;
    const each = Array.from({ length: y.data.length / 3 }, (_, i) => {
      const row = [...y.data.subarray(3 * i, 3 * i + 3)];
      return Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - (row[labels?.[i] as number] as number);
    });
    losses.push(each.reduce((a, b) => a + b, 0) / each.length);
  }
  await session.release();
  return losses;
}

async function differences(text: string, groups = { size: 1, count: 10 }): Promise<number[][]> {
  const model = parseModelText(text);
  const layers = findWeights(model).prunable;
  const w = readWeights(model, layers);
  const h = 2 ** -7;
  const columns: number[][] = [];
  for (let j = 0; j < w.length; j++) {
    const at = (step: number) =>
      lossesAlone(writeWeights(model, layers, w.with(j, (w[j] as number) + step)), DATA, groups);
    const [up, down] = [await at(h), await at(-h)];
    columns.push(up.map((x, i) => (x - (down[i] as number)) / (2 * h)));
  }
  return Array.from({ length: groups.count }, (_, i) => columns.map((column) => column[i] as number));
}

function gap(A: readonly (readonly number[])[], B: readonly (readonly number[])[]): number {
  expect(A.map((row) => row.length)).toEqual(B.map((row) => row.length));
  return Math.max(...A.flatMap((row, i) => row.map((x, j) => Math.abs(x - ((B[i] as number[])[j] as number)))));
}

function means(A: readonly (readonly number[])[], of: number): number[][] {
  return Array.from({ length: A.length / of }, (_, g) =>
    (A[0] as number[]).map(
      (_, j) => A.slice(g * of, (g + 1) * of).reduce((sum, row) => sum + (row[j] as number), 0) / of,
    ),
  );
}

describe('gradient rows are those of samples alone', () => {
  for (const { name, text } of [...KEPT_APART, ...MIXING])
    it(name, async () => {
      const wanted = await differences(text);
      expect(gap(await rows(text), wanted)).toBeLessThan(2e-3);
      expect(gap(await rows(text, { samples: 5, batch: 2 }), means(wanted, 2))).toBeLessThan(2e-3);
    });
});

describe('gradient rows of a fixed batch', () => {
  for (const { name, text } of KEPT_APART)
    it(`are those of samples alone, whatever their number: ${name}`, async () => {
      const wanted = await rows(text);
      for (const batch of [3, 4]) expect(gap(await rows(fixed(text, batch)), wanted)).toBeLessThan(1e-5);
      expect(gap(await rows(fixed(text, 4), { samples: 5, batch: 2 }), means(wanted, 2))).toBeLessThan(1e-5);
      expect(gap(await rows(fixed(text, 4), { samples: 2, batch: 5 }), means(wanted, 5))).toBeLessThan(1e-5);
      expect(gap(await rows(fixed(text, 16)), wanted)).toBeLessThan(1e-5);
    });

  for (const { name, text } of MIXING.slice(0, -1))
    it(`are those of whole batches where they mix: ${name}`, async () => {
      const wanted = await differences(fixed(text, 5), { size: 5, count: 2 });
      expect(gap(await rows(fixed(text, 5), { samples: 2 }), wanted)).toBeLessThan(2e-3);
    });

  it('are of copies of one drawn or augmented sample each where samples are stacked on the way', async () => {
    const { text } = KEPT_APART[2] as (typeof KEPT_APART)[number];
    const model = parseModelText(fixed(text, 4));
    const drawn = await rows(fixed(text, 4), { labels: 'model', rng: random(3) });
    const byLabel = await Promise.all([0, 1, 2].map((label) => rows(text, { source: labelled(model, label) })));
    for (const [i, row] of drawn.entries())
      expect(Math.min(...byLabel.map((A) => gap([row], [A[i] as number[]])))).toBeLessThan(1e-5);
  });
});

/** The same samples, all of one class. */
function labelled(model: Model, label: number) {
  const source = feedsFromDataset(model, DATA);
  return {
    ...source,
    fixedBatch: null,
    feeds: async (indices: ArrayLike<number>) => ({
      ...(await source.feeds(indices)),
      labels: new Int32Array(indices.length).fill(label),
    }),
  };
}
