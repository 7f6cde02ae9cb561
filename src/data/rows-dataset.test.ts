import { describe, expect, it } from 'vitest';
import { type Random, random } from '../tensor/random.ts';
import { arraySource } from './array-source.ts';
import { type PreprocessOptions, resolvePreprocess } from './preprocess.ts';
import type { RawArray } from './raw-array.ts';
import type { Grid } from './rows.ts';
import { type ModelInput, rowsDataset } from './rows-dataset.ts';

const bytes = (dims: readonly number[], data: readonly number[]): RawArray => ({
  type: 'uint8',
  dims,
  data: Uint8Array.from(data),
});
const floats = (dims: readonly number[], data: readonly number[]): RawArray => ({
  type: 'float32',
  dims,
  data: Float32Array.from(data),
});

function dataset(
  rows: { x: RawArray; y?: RawArray; picture?: Grid },
  options: PreprocessOptions = {},
  modelInput?: ModelInput,
) {
  const preprocess = resolvePreprocess(options);
  return rowsDataset(arraySource(rows, 'a'), { address: 'a', preprocess, modelInput, hash: async () => '' });
}

/** One picture of 2 channels planes would be ambiguous: 3 channels, 1 x 2 pixels, red 10 20, green 30 40, blue 50 60. */
const RGB = {
  x: bytes([1, 3, 1, 2], [10, 20, 30, 40, 50, 60]),
  picture: { channels: 3, height: 1, width: 2, planar: true },
};
const INTERLEAVED = {
  x: bytes([1, 1, 2, 3], [10, 30, 50, 20, 40, 60]),
  picture: { channels: 3, height: 1, width: 2, planar: false },
};
const GRAY = { x: bytes([1, 1, 2], [10, 20]), picture: { channels: 1, height: 1, width: 2, planar: true } };

const values = async (...args: Parameters<typeof dataset>) => {
  const { x } = await dataset(...args).batch([0]);
  return { dims: x.dims, data: [...(x.data as Float32Array)] };
};

describe('pictures', () => {
  it.each([
    ['planes to planes', RGB, {}, [1, 3, 1, 2], [10, 20, 30, 40, 50, 60]],
    ['pixels to planes', INTERLEAVED, {}, [1, 3, 1, 2], [10, 20, 30, 40, 50, 60]],
    ['planes to pixels', RGB, { layout: 'nhwc' }, [1, 1, 2, 3], [10, 30, 50, 20, 40, 60]],
    ['pixels to pixels', INTERLEAVED, { layout: 'nhwc' }, [1, 1, 2, 3], [10, 30, 50, 20, 40, 60]],
    ['bgr', RGB, { channels: 'bgr' }, [1, 3, 1, 2], [50, 60, 30, 40, 10, 20]],
    ['bgr pixels', INTERLEAVED, { channels: 'bgr', layout: 'nhwc' }, [1, 1, 2, 3], [50, 30, 10, 60, 40, 20]],
    ['gray of planes', RGB, { channels: 'gray' }, [1, 1, 1, 2], [26, 36]],
    ['gray of pixels', INTERLEAVED, { channels: 'gray' }, [1, 1, 1, 2], [26, 36]],
    ['gray as stored', GRAY, {}, [1, 1, 1, 2], [10, 20]],
    ['rgb of gray', GRAY, { channels: 'rgb' }, [1, 3, 1, 2], [10, 20, 10, 20, 10, 20]],
  ] as const)('come out as wanted: %s', async (_, rows, options, dims, data) => {
    expect(await values(rows, options)).toEqual({ dims, data });
  });

  it('are scaled, then shifted by mean, then divided by std, in the order of the output channels', async () => {
    const { data } = await values(RGB, { channels: 'bgr', scale: '1/10', mean: [1, 2, 3], std: [2, 1, 0.5] });
    expect(data).toEqual([2, 2.5, 1, 2, -4, -2]);
  });

  it('refuse a mean of another length than the channels', () => {
    expect(() => dataset(RGB, { mean: '1,2' })).toThrow(/one number or 3, one a channel; current value has 2: 1,2/);
    expect(() => dataset(GRAY, { std: [1, 2, 3] })).toThrow(/wanted one number;/);
  });
});

describe('arrays', () => {
  it('are taken as they are, with scale, mean and std by channel', async () => {
    const x = floats([1, 2, 1, 2], [1, 2, 3, 4]);
    expect(await values({ x })).toEqual({ dims: [1, 2, 1, 2], data: [1, 2, 3, 4] });
    expect((await values({ x }, { scale: 2, mean: [1, 0], std: [1, 2] })).data).toEqual([1, 3, 3, 4]);
    expect((await values({ x }, { mean: [1, 0], layout: 'nhwc' })).data).toEqual([0, 2, 2, 4]);
    expect((await values({ x: floats([1, 3], [1, 2, 3]) }, { mean: [1, 0, 3] })).data).toEqual([0, 2, 0]);
    expect((await values({ x: bytes([1, 3], [0, 51, 255]) }, { scale: '1/255' })).data[1]).toBeCloseTo(0.2, 7);
  });

  it('refuse what only pictures have', () => {
    const x = floats([1, 4], [1, 2, 3, 4]);
    expect(() => dataset({ x }, { channels: 'bgr' })).toThrow(/channels to bgr.*arrays of shape \[4\]/);
    expect(() => dataset({ x }, { size: 4 })).toThrow(/size to 4x4/);
    expect(() => dataset({ x }, { augment: { flip: true } })).toThrow(/augment/);
  });

  it('refuse NaN and infinity, naming the row', () => {
    expect(() => dataset({ x: floats([2, 2], [1, 2, 3, Number.NaN]) })).toThrow(/row 1 holds NaN/);
    expect(() => dataset({ x: floats([1, 1], [Number.NEGATIVE_INFINITY]) })).toThrow(/row 0 holds -Infinity/);
    const y = floats([2], [0, Number.NaN]);
    expect(() => dataset({ x: floats([2, 1], [1, 2]), y })).toThrow(/targets of "a": row 1 holds NaN/);
  });

  it('have classes of any shape for each row', async () => {
    const set = dataset({ x: floats([2, 1], [1, 2]), y: bytes([2, 3], [0, 1, 2, 0, 1, 5]) });
    expect(set.labelDims).toEqual([3]);
    expect([...((await set.batch([1])).labels as Int32Array)]).toEqual([0, 1, 5]);
  });

  it('refuse labels of another length and rows without elements', () => {
    expect(() => dataset({ x: floats([2, 1], [1, 2]), y: bytes([3], [0, 1, 2]) })).toThrow(/each of the 2 rows.*\[3\]/);
    expect(() => dataset({ x: floats([2, 0], []) })).toThrow(/at least one element/);
    expect(() => dataset({ x: floats([], [1]) })).toThrow(/shape \[\]/);
  });
});

describe('labels and targets', () => {
  const x = floats([3, 1], [1, 2, 3]);

  it('whole numbers are classes', async () => {
    const data = dataset({ x, y: { type: 'int64', dims: [3, 1], data: Float64Array.of(5, 6, 7) } });
    expect([data.labelled, data.targetDims, (await data.batch([2, 0])).labels]).toEqual([
      true,
      undefined,
      Int32Array.of(7, 5),
    ]);
  });

  it('floats are targets', async () => {
    const data = dataset({ x, y: floats([3, 2], [0, 1, 2, 3, 4, 5]) });
    const { labels, targets } = await data.batch([2, 0]);
    expect([data.labelled, data.targetDims, labels]).toEqual([false, [2], undefined]);
    expect(targets).toEqual({ type: 'float32', dims: [2, 2], data: Float32Array.of(4, 5, 0, 1) });
  });

  it('may be absent', async () => {
    expect(Object.keys(await dataset({ x }).batch([0]))).toEqual(['x']);
  });

  it('that no 32-bit class can be are refused', () => {
    const y: RawArray = { type: 'int64', dims: [3], data: Float64Array.of(0, 2 ** 40, 1) };
    expect(() => dataset({ x, y })).toThrow(/row 1 is 1099511627776/);
  });
});

describe('the model input', () => {
  it('gives samples their type and shape', async () => {
    const x = bytes([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    const batch = await dataset({ x }, {}, { type: 'int64', shape: ['N', 2, 2] }).batch([1]);
    expect(batch.x).toEqual({ type: 'int64', dims: [1, 2, 2], data: BigInt64Array.of(5n, 6n, 7n, 8n) });
    expect((await dataset({ x }, {}, { type: null, shape: null }).batch([0])).x.type).toBe('float32');
  });

  it('refuses types that no data have', () => {
    expect(() => dataset({ x: floats([1, 1], [1]) }, {}, { type: 'string' })).toThrow(/no data can be made string/);
  });
});

it('an index outside the data is refused', async () => {
  const data = dataset({ x: floats([2, 1], [1, 2]) });
  await expect(data.batch([0, 2])).rejects.toThrow(/row 2 of "a": wanted 0 to 1/);
  await expect(data.batch([-1])).rejects.toThrow(/row -1/);
  await expect(data.batch([0.5])).rejects.toThrow(/row 0.5/);
});

describe('augmentation', () => {
  const square = { x: bytes([1, 2, 2], [1, 2, 3, 4]), picture: { channels: 1, height: 2, width: 2, planar: true } };

  /** Answers from a list, so that a test can say which view is drawn. */
  const scripted = (draws: number[]): Random => ({
    ...random(1),
    integer: () => draws.shift() as number,
    uniform: () => draws.shift() as number,
  });
  const augmented = async (options: PreprocessOptions, ...draws: number[]) => {
    const { x } = await dataset(square, options).batch([0], { augment: scripted(draws) });
    return [...(x.data as Float32Array)];
  };

  it('cuts the window out of a black border', async () => {
    const crop = { augment: { crop: 1 } };
    expect(await augmented(crop, 1, 1)).toEqual([1, 2, 3, 4]);
    expect(await augmented(crop, 0, 1)).toEqual([0, 0, 1, 2]);
    expect(await augmented(crop, 2, 2)).toEqual([4, 0, 0, 0]);
    expect(await augmented({ augment: { crop: 5 } }, 0, 0)).toEqual([0, 0, 0, 0]);
  });

  it('mirrors after the crop', async () => {
    expect(await augmented({ augment: { flip: true } }, 0.1)).toEqual([2, 1, 4, 3]);
    expect(await augmented({ augment: { flip: true } }, 0.5)).toEqual([1, 2, 3, 4]);
    expect(await augmented({ augment: { crop: 1, flip: true } }, 1, 0, 0)).toEqual([1, 0, 3, 0]);
  });

  it('pads with black before normalisation', async () => {
    expect(await augmented({ augment: { crop: 1 }, mean: 1, std: 2 }, 0, 1)).toEqual([-0.5, -0.5, 0, 0.5]);
  });

  it('moves all channels alike, in every layout', async () => {
    const at = (layout: 'nchw' | 'nhwc', rows: typeof RGB) =>
      dataset(rows, { layout, augment: { flip: true } }).batch([0], { augment: scripted([0]) });
    for (const rows of [RGB, INTERLEAVED]) {
      expect([...(await at('nchw', rows)).x.data]).toEqual([20, 10, 40, 30, 60, 50]);
      expect([...(await at('nhwc', rows)).x.data]).toEqual([20, 40, 60, 10, 30, 50]);
    }
  });

  it('works on float arrays too', async () => {
    const data = dataset({ x: floats([1, 2, 2], [1, 2, 3, 4]) }, { augment: { crop: 1 } });
    const { x } = await data.batch([0], { augment: scripted([2, 1]) });
    expect([...x.data]).toEqual([3, 4, 0, 0]);
  });

  it('is the same for the same seed, differs between rows, and is off unless asked for', async () => {
    const data = dataset(square, { augment: { crop: 1, flip: true } });
    const rows = Array.from({ length: 50 }, () => 0);
    const draw = async (seed: number) => [...(await data.batch(rows, { augment: random(seed) })).x.data].join();
    expect(await draw(1)).toBe(await draw(1));
    expect(await draw(1)).not.toBe(await draw(2));
    const { x } = await data.batch(rows, { augment: random(1) });
    expect(new Set(rows.map((_, k) => [...x.data.slice(4 * k, 4 * k + 4)].join())).size).toBeGreaterThan(5);
    expect([...(await data.batch([0])).x.data]).toEqual([1, 2, 3, 4]);
  });
});

describe('memory of inputs', () => {
  const three = { x: bytes([3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) };

  it('is used again, all of it written anew, where a batch has the same size', async () => {
    const room = {};
    const data = dataset(three);
    const first = (await data.batch([0, 1], { room })).x.data;
    const second = (await data.batch([2, 0], { room })).x.data;
    expect(second).toBe(first);
    expect([...(second as Float32Array)]).toEqual([9, 10, 11, 12, 1, 2, 3, 4]);
    expect([...((await data.batch([1], { room })).x.data as Float32Array)]).toEqual([5, 6, 7, 8]);
  });

  it('is not shared by batches without it, nor by inputs of another type', async () => {
    const data = dataset(three);
    expect((await data.batch([0])).x.data).not.toBe((await data.batch([0])).x.data);
    const [room, whole] = [{}, dataset(three, {}, { type: 'uint8', shape: [null, 4] })];
    const first = (await whole.batch([0], { room })).x.data;
    await whole.batch([1], { room });
    expect([...(first as Uint8Array)]).toEqual([1, 2, 3, 4]);
  });
});
