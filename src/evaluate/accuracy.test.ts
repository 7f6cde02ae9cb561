import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import type { FeedSource } from '../data/feeds.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { DataError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { type EvaluateOptions, evaluate } from './accuracy.ts';

/** Passes its input on: the samples are the outputs. */
const passing = (batch: number | string = 'N', ending = 'Identity(x)') =>
  parseModelText(`input x: float32[${batch}, 3] y = ${ending} output y: float32[${batch}, 3]`);

/** Rows of three logits with their labels. */
const ROWS: readonly (readonly [logits: readonly number[], label: number])[] = [
  [[2, 1, 0], 0],
  [[0, 3, 1], 1],
  [[1, 1, 0], 0], // a tie: the lower index
  [[1, 1, 0], 1],
  [[-5, -9, -7], 2],
];

function source(fixedBatch: number | null = null): FeedSource {
  return {
    count: ROWS.length,
    labelled: true,
    hasTargets: false,
    fixedBatch,
    feeds: async (indices) => {
      const rows = Array.from(indices, (i) => ROWS[i] as (typeof ROWS)[number]);
      const x = float32(
        rows.flatMap(([logits]) => [...logits]),
        [rows.length, 3],
      );
      return { inputs: new Map([['x', x]]), labels: Int32Array.from(rows, ([, label]) => label) };
    },
  };
}

const LOSS =
  ROWS.reduce((sum, [z, label]) => sum + Math.log(z.reduce((s, v) => s + Math.exp(v), 0)) - (z[label] as number), 0) /
  5;

describe('evaluate', () => {
  const run = (options: EvaluateOptions = {}, fixed: number | null = null) =>
    evaluate(onnxruntimeNode, passing(fixed ?? 'N'), source(fixed), options);

  it('counts right answers, ties to the lower index, and averages cross-entropy in f64', async () => {
    const { accuracy, loss, predictions, count } = await run();
    expect({ accuracy, count, predictions: [...predictions] }).toEqual({
      accuracy: 3 / 5,
      count: 5,
      predictions: [0, 1, 0, 0, 0],
    });
    expect(loss).toBeCloseTo(LOSS, 12);
  });

  it('says the same whatever the batch size', async () => {
    for (const batch of [1, 2, 3, 5, 100]) expect(await run({ batch })).toEqual(await run());
  });

  it('says the same of a model that insists on its batch, also where the data does not fill it', async () => {
    for (const fixed of [1, 2, 4, 5, 8]) expect(await run({}, fixed)).toEqual(await run());
  });

  it('says the same behind Softmax and LogSoftmax', async () => {
    for (const ending of ['Softmax(x)', 'LogSoftmax(x)']) {
      const { accuracy, loss } = await evaluate(onnxruntimeNode, passing('N', ending), source());
      expect(accuracy).toBe(3 / 5);
      expect(loss).toBeCloseTo(LOSS, 5);
    }
  });

  it('keeps the loss finite where the probability of a label underflows to zero', async () => {
    const steep = parseModelText(
      'input x: float32[N, 3] const k: float32[1] = 100.0 s = Mul(x, k) y = Softmax(s) output y',
    );
    const { loss } = await evaluate(onnxruntimeNode, steep, source());
    expect(loss).toBeGreaterThan(10);
    expect(loss).toBeLessThan(100);
  });

  it('averages squared errors over targets, and has no accuracy then', async () => {
    const data = tinyData({ count: 7, sampleDims: [3], targetDims: [3] });
    const { x, targets } = await data.batch([0, 1, 2, 3, 4, 5, 6]);
    const errors = [...(x.data as Float32Array)].map((value, i) => (value - Number(targets?.data[i])) ** 2);
    const { accuracy, loss } = await evaluate(onnxruntimeNode, passing(), feedsFromDataset(passing(), data), {
      batch: 3,
    });
    expect(accuracy).toBeNull();
    expect(loss).toBeCloseTo(errors.reduce((sum, e) => sum + e, 0) / 21, 6);
  });

  it('predicts where there are neither labels nor targets', async () => {
    const unlabelled = feedsFromDataset(passing(), tinyData({ count: 4, sampleDims: [3] }));
    const { accuracy, loss, predictions } = await evaluate(onnxruntimeNode, passing(), unlabelled);
    expect({ accuracy, loss, length: predictions.length }).toEqual({ accuracy: null, loss: null, length: 4 });
  });

  it('refuses labels that are no classes of the model', async () => {
    const data = feedsFromDataset(passing(), tinyData({ count: 20, sampleDims: [3], classes: 9 }));
    await expect(evaluate(onnxruntimeNode, passing(), data)).rejects.toThrow(DataError);
  });

  it('stops when told to', async () => {
    await expect(run({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('reports a row that cannot be read later on, without an error of the process', async () => {
    const { feeds, ...rest } = source();
    const failing = {
      ...rest,
      feeds: (i: ArrayLike<number>) => (i[0] === 0 ? feeds(i) : Promise.reject(new DataError('a corrupt row'))),
    };
    await expect(evaluate(onnxruntimeNode, passing(), failing, { batch: 2 })).rejects.toThrow('a corrupt row');
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('tells how far it is', async () => {
    const done: number[] = [];
    await run({ batch: 2, onProgress: (progress) => done.push(progress.done) });
    expect(done).toEqual([2, 4, 5]);
  });
});
