import { expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../ir/model.ts';
import { Packer, type Parcels, type RemoteCall, Unpacker } from './sending.ts';

const parcels: Parcels = { encode: () => new Uint8Array(), decode: () => ({}) as Model };

/** What another thread is given: a copy, whose functions call back. */
function sent(value: unknown): unknown {
  const packer = new Packer(parcels);
  const copied = structuredClone(packer.pack(value));
  const remote = async ({ call, given }: RemoteCall): Promise<unknown> =>
    packer.functions[call]?.(...(given as never[]));
  return new Unpacker({ ...parcels, remote }).unpack(copied);
}

it('a data set keeps its facts, and its rows are asked for', async () => {
  const data = tinyData({ count: 6, sampleDims: [3], classes: 2 });
  const there = (sent({ data }) as { data: Dataset }).data;
  const { address, count, sampleDims, labels } = data;
  expect(there).toMatchObject({ address, count, sampleDims, labels });
  expect(await there.batch([1, 4])).toEqual(await data.batch([1, 4]));
  expect(await there.hash()).toBe(await data.hash());
});

it('plain values, lists and typed arrays are copied', () => {
  const value = { a: [1, { b: 'x' }], c: Float32Array.of(1, 2), d: null, e: new Map([['k', 1]]) };
  expect(sent(value)).toEqual(value);
});
