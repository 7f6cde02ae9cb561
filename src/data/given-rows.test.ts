import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import type { GivenRow, GivenRows } from './given.ts';
import { openGivenRows } from './given-rows.ts';
import { hashRows } from './hash.node.ts';

const ROWS: readonly GivenRow[] = [
  {
    x: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    label: 1,
  },
  {
    x: [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
    label: 0,
  },
  {
    x: [
      [9, 8],
      [7, 6],
      [5, 4],
    ],
    label: 2,
  },
];
const FLAT = Float32Array.from(ROWS.flatMap(({ x }) => (x as number[][]).flat()));

async function* oneByOne(): AsyncGenerator<GivenRow> {
  yield* ROWS;
}

const open = (given: GivenRows, options = {}) => openGivenRows(given, options, hashRows);

describe('the same rows', () => {
  const kinds: [string, () => GivenRows][] = [
    ['a flat typed array', () => ({ x: FLAT, dims: [3, 3, 2], labels: Int32Array.of(1, 0, 2) })],
    ['nested arrays', () => ({ x: ROWS.map(({ x }) => x), labels: [1, 0, 2] })],
    [
      'typed arrays of rows',
      () => ({ x: [0, 1, 2].map((i) => FLAT.slice(6 * i, 6 * i + 6)), dims: [3, 3, 2], labels: [1, 0, 2] }),
    ],
    ['a list of rows', () => ROWS],
    ['rows one after another', oneByOne],
    ['a function of the row', () => ({ count: 3, row: async (i) => ROWS[i] as GivenRow })],
  ];

  it.each(kinds)('as %s give the same batches and hash', async (_, make) => {
    const data = await open(make(), { scale: 0.5 });
    expect([data.count, data.sampleDims, data.labelled]).toEqual([3, [3, 2], true]);
    const { x, labels } = await data.batch([2, 0]);
    expect([x.dims, Array.from(x.data as Float32Array), Array.from(labels as Int32Array)]).toEqual([
      [2, 3, 2],
      [4.5, 4, 3.5, 3, 2.5, 2, 0.5, 1, 1.5, 2, 2.5, 3],
      [2, 1],
    ]);
    const first = await open(kinds[0]?.[1]() as GivenRows);
    expect(await data.hash()).toBe(await first.hash());
  });
});

describe('given rows', () => {
  it('have targets, of one number or several', async () => {
    const one = await open({ x: [[1], [2]], targets: [0.5, 0.25] });
    expect([one.targetDims, Array.from((await one.batch([1])).targets?.data as Float32Array)]).toEqual([[], [0.25]]);
    const two = await open([
      { x: [1], target: [1, 2] },
      { x: [2], target: [3, 4] },
    ]);
    expect([two.targetDims, Array.from((await two.batch([1])).targets?.data as Float32Array)]).toEqual([[2], [3, 4]]);
  });

  it('have several classes a row', async () => {
    const data = await open({
      x: [[1], [2]],
      labels: [
        [1, 0, 3],
        [2, 2, 1],
      ],
    });
    expect([data.labelDims, Array.from((await data.batch([1])).labels as Int32Array)]).toEqual([[3], [2, 2, 1]]);
  });

  it('stay bytes where they are', async () => {
    const data = await open({ x: Uint8Array.of(0, 255, 51, 102), dims: [2, 2] }, { scale: '1/255' });
    expect(Array.from((await data.batch([0, 1])).x.data as Float32Array)).toEqual([0, 1, 0.2, 0.4].map(Math.fround));
  });

  const wrong: [string, GivenRows, RegExp][] = [
    ['of different lengths', { x: [[1, 2], [3]] }, /parts differ in length, wanted shape \[2,2\]/],
    ['with too few labels', { x: [[1], [2]], labels: [1] }, /wanted a label or target for each of the 2 rows/],
    ['of broken labels', { x: [[1], [2]], labels: [1, 0.5] }, /a label is 0.5, wanted whole numbers/],
    ['with labels and targets', { x: [[1]], labels: [1], targets: [1] }, /labels and targets, wanted one of them/],
    [
      'of another shape than said',
      { x: Float32Array.of(1, 2, 3), dims: [2, 2] },
      /shape \[2,2\] wants 4 numbers, there are 3/,
    ],
    ['that are not finite', { x: [[1], [Number.NaN]] }, /row 1 holds NaN/],
    ['of which one has no label', [{ x: [1], label: 1 }, { x: [2] }], /row 1 has no label/],
    ['whose shapes differ', [{ x: [1] }, { x: [2, 3] }], /row 1 has shape \[2\], the rows before have \[1\]/],
    ['of none', [], /there is no row/],
    ['that are no rows', [3 as never], /wanted an array of numbers/],
    [
      'by a function that fails',
      {
        count: 2,
        row: () => {
          throw new Error('gone');
        },
      },
      /Cannot read row 0 of "given rows": gone/,
    ],
    ['of no count', { count: 0, row: () => ({ x: [1] }) }, /its count is 0/],
  ];

  it.each(wrong)('%s are refused', async (_, given, sentence) => {
    const opening = open(given);
    await expect(opening).rejects.toThrow(DataError);
    await expect(open(given)).rejects.toThrow(sentence);
  });
});
