import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { DataError } from '../errors/errors.ts';
import { hashBytes } from './hash.node.ts';
import { holdOutRows, pickRows } from './pick-rows.ts';

const data = tinyData({ count: 23, sampleDims: [3], classes: 4 });
const sha256 = hashBytes;

describe('pickRows', () => {
  it('renumbers rows and labels', async () => {
    const picked = pickRows(data, Int32Array.of(7, 2), { name: 'two', sha256 });
    expect([picked.count, picked.labels]).toEqual([2, Int32Array.of(data.labels?.[7] ?? -1, data.labels?.[2] ?? -1)]);
    expect(await picked.batch([1, 0])).toEqual(await data.batch([2, 7]));
    expect(picked.address).toBe(`${data.address} (two)`);
  });
});

describe('holdOutRows', () => {
  const parts = (seed: number) => holdOutRows(data, { share: 0.2, most: 100, seed, sha256 });

  it('gives every row to one part, the same ones for the same seed', async () => {
    const { rest, heldOut } = parts(1);
    expect([rest.count, heldOut.count]).toEqual([19, 4]);
    const rows = async (part: typeof rest) => {
      const values = (await part.batch(Array.from({ length: part.count }, (_, i) => i))).x.data as Float32Array;
      return Array.from({ length: part.count }, (_, i) => values.slice(3 * i, 3 * i + 3).join());
    };
    expect(new Set([...(await rows(rest)), ...(await rows(heldOut))]).size).toBe(23);
    expect(await rows(heldOut)).toEqual(await rows(parts(1).heldOut));
    expect(await rows(heldOut)).not.toEqual(await rows(parts(2).heldOut));
  });

  it('gives the parts hashes of their own', async () => {
    const { rest, heldOut } = parts(1);
    expect(new Set([await data.hash(), await rest.hash(), await heldOut.hash()]).size).toBe(3);
  });

  it('holds out no more than asked, and refuses too few rows', () => {
    expect(holdOutRows(data, { share: 0.2, most: 2, seed: 1, sha256 }).heldOut.count).toBe(2);
    expect(() => holdOutRows(data, { share: 0.02, most: 9, seed: 1, sha256 })).toThrow(DataError);
  });
});
