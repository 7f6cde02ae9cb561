import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { DataError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { feedsFromDataset } from './dataset-feeds.ts';
import { randomFeeds } from './feeds.ts';
import { fixedBatchOf } from './model-sides.ts';

const model = (inputs: string) => parseModelText(`${inputs} y = Identity(x) output y`);

describe('feedsFromDataset', () => {
  it('feeds rows under the name of the one input, with their labels and targets', async () => {
    const data = tinyData({ count: 4, sampleDims: [3], classes: 2, targetDims: [2] });
    const source = feedsFromDataset(model('input x: float32[N, 3]'), data);
    expect(source).toMatchObject({ count: 4, labelled: true, hasTargets: true, fixedBatch: null });
    const { inputs, labels, targets } = await source.feeds([2, 0]);
    const wanted = await data.batch([2, 0]);
    expect(inputs.get('x')).toEqual(wanted.x);
    expect([labels, targets]).toEqual([wanted.labels, wanted.targets]);
  });

  it('does not count an initializer among the inputs', () => {
    const withDefault = model('input x: float32[N, 3], k: float32[1] const k: float32[1] = ones');
    expect(() => feedsFromDataset(withDefault, tinyData({ count: 1, sampleDims: [3] }))).not.toThrow();
  });

  it('refuses inputs that nothing is given for, and names them', () => {
    const two = model('input x: float32[N, 3], scores: float32[N]');
    const feed = () => feedsFromDataset(two, tinyData({ count: 1, sampleDims: [3] }));
    expect(feed).toThrow(DataError);
    expect(feed).toThrow(/2 inputs \(x, scores\): wanted arrays for "x", "scores"/);
    const one = () => feedsFromDataset(two, { ...tinyData({ count: 1, sampleDims: [3] }), inputs: ['x'] });
    expect(one).toThrow(/wanted arrays for "scores", it has "x"/);
  });

  it('fills masks, token types and positions by what they are', async () => {
    const text = model(
      'input ids: float32[N, T], attention_mask: int64[N, T], token_type_ids: int32[N, T], position_ids: int64[1, T]',
    );
    const source = feedsFromDataset(text, tinyData({ count: 3, sampleDims: [4] }));
    expect(source.filled?.map(({ by }) => by)).toEqual(['ones', 'zeros', 'counting']);
    const { inputs } = await source.feeds([0, 2]);
    const of = (name: string) => [
      inputs.get(name)?.dims,
      Array.from(inputs.get(name)?.data as ArrayLike<unknown>, Number),
    ];
    expect(of('attention_mask')).toEqual([[2, 4], Array(8).fill(1)]);
    expect(of('token_type_ids')).toEqual([[2, 4], Array(8).fill(0)]);
    expect(of('position_ids')).toEqual([
      [1, 4],
      [0, 1, 2, 3],
    ]);
  });
});

describe('fixedBatchOf', () => {
  it('is the first dimension where that is a number above zero', () => {
    expect(['4, 3', 'N, 3', '?, 3', '1'].map((dims) => fixedBatchOf(model(`input x: float32[${dims}]`)))).toEqual([
      4,
      null,
      null,
      1,
    ]);
    expect(fixedBatchOf(model('input x: float32'))).toBeNull();
  });
});

describe('randomFeeds', () => {
  const mixed = model('input x: float32[N, 3, H], ids: int64[N], on: bool[N]');

  it('makes up inputs of the types and shapes declared, and the same ones again', async () => {
    const source = randomFeeds(mixed, { rng: random(1), count: 10, open: 5 });
    const { inputs } = await source.feeds([0, 1]);
    expect([...inputs].map(([name, { type, dims }]) => [name, type, dims])).toEqual([
      ['x', 'float32', [2, 3, 5]],
      ['ids', 'int64', [2]],
      ['on', 'bool', [2]],
    ]);
    expect(Array.from((inputs.get('ids') as Tensor<BigInt64Array>).data).every((x) => x === 0n || x === 1n)).toBe(true);
    expect((await source.feeds([0, 1])).inputs).toEqual(inputs);
    expect((await source.feeds([5, 6])).inputs).not.toEqual(inputs);
  });

  it('keeps to the batch that the model insists on', async () => {
    const source = randomFeeds(model('input x: float32[4, 3]'), { rng: random(1), count: 8 });
    expect((await source.feeds([0])).inputs.get('x')?.dims).toEqual([4, 3]);
  });

  it('refuses an input that cannot be made up', () => {
    expect(() => randomFeeds(model('input x: string[N]'), { rng: random(1), count: 1 })).toThrow(DataError);
  });
});
