import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { cifarBytes, idxBytes, npyBytes } from './bytes.cases.ts';
import { openDataset } from './open-dataset.node.ts';

const folder = mkdtempSync(join(tmpdir(), 'coppice-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into the test's folder and returns its path. */
function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const pixels = idxBytes(8, [3, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
const IMAGES = file('images.idx', pixels);
const IMAGES_GZ = file('images.idx.gz', gzipSync(pixels));
const LABELS = file('labels.idx', idxBytes(8, [3], [7, 8, 9]));
const CIFAR = file('train.bin', cifarBytes([3, 1, 4, 1]));
const MORE = file('more,of[it].bin', cifarBytes([5, 9]));
const X = npyBytes('<f4', [4, 2], Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
const Y = npyBytes('<i8', [4], BigInt64Array.of(0n, 1n, 2n, 1n));
const NPZ = file('xy.npz', zipSync({ 'x.npy': X, 'y.npy': Y }));
const NPY_X = file('x.npy', X);
const NPY_Y = file('y.npy', Y);

describe('openDataset', () => {
  it('opens IDX, zipped or not, with and without labels', async () => {
    for (const images of [IMAGES, IMAGES_GZ]) {
      const data = await openDataset(`idx:${images},${LABELS}`);
      expect([data.count, data.sampleDims, data.labelled]).toEqual([3, [1, 2, 2], true]);
      const { x, labels } = await data.batch([2]);
      expect([[...x.data], labels]).toEqual([[9, 10, 11, 12], Int32Array.of(9)]);
    }
    expect((await openDataset(`idx:${IMAGES}`)).labelled).toBe(false);
  });

  it('opens CIFAR-10 files laid end to end, commas and brackets in their names escaped', async () => {
    const data = await openDataset(`cifar10:${CIFAR},${MORE.replace(',', '\\,')}[1:-1]`);
    expect([data.count, data.sampleDims, data.labels]).toEqual([4, [3, 32, 32], Int32Array.of(1, 4, 1, 5)]);
    expect((await data.batch([0])).x.data[0]).toBe(7);
  });

  it('opens npz and npy, and a range of their rows', async () => {
    for (const address of [`npz:${NPZ}[1:3]`, `npy:${NPY_X},${NPY_Y}[1:3]`]) {
      const data = await openDataset(address);
      expect([data.count, data.sampleDims, data.labels]).toEqual([2, [2], Int32Array.of(1, 2)]);
      expect([...(await data.batch([1])).x.data]).toEqual([4, 5]);
    }
  });

  it('fits rows to the model', async () => {
    const modelInput = { type: 'float16', shape: ['N', 4] } as const;
    const { x } = await (await openDataset(`idx:${IMAGES}`, { modelInput })).batch([0, 1]);
    expect([x.type, x.dims, x.data[0]]).toEqual(['float16', [2, 4], 0x3c00]);
  });

  it.each([`npz:${NPZ}`, `cifar10:${CIFAR}`])('takes every so manyth row of %s', async (address) => {
    const all = await openDataset(address);
    const some = await openDataset(`${address}[1::2]`);
    const rows = Array.from({ length: all.count }, (_, i) => i).filter((i) => i % 2 === 1);
    expect(some.count).toBe(rows.length);
    expect(await some.batch(rows.map((_, i) => i))).toEqual(await all.batch(rows));
    expect(some.labels).toEqual(all.labels && Int32Array.from(rows, (i) => all.labels?.[i] ?? -1));
    expect(await some.hash()).not.toBe(await all.hash());
  });

  it('scales pictures in memory to a size', async () => {
    for (const [channels, dims] of [
      ['stored', [1, 4, 4]],
      ['rgb', [3, 4, 4]],
    ] as const) {
      const data = await openDataset(`idx:${IMAGES}`, { size: 4, interpolation: 'nearest', channels });
      expect(data.sampleDims).toEqual(dims);
      expect([...(await data.batch([0])).x.data.slice(0, 8)]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    }
    const cropped = await openDataset(`cifar10:${CIFAR}`, { size: 2, resize: 32 });
    expect([...(await cropped.batch([0])).x.data]).toEqual(
      [0, 1024, 2048].flatMap((plane) => [495, 496, 527, 528].map((p) => (plane + p) % 251)),
    );
  });
});

describe('hash', () => {
  const hashOf = async (address: string) => (await openDataset(address)).hash();

  it('is of the selected rows and labels, however they are kept', async () => {
    expect(await hashOf(`idx:${IMAGES_GZ},${LABELS}`)).toBe(await hashOf(`idx:${IMAGES},${LABELS}`));
    expect(await hashOf(`npz:${NPZ}[1:3]`)).toBe(await hashOf(`npy:${NPY_X},${NPY_Y}[1:3]`));
    expect(await hashOf(`npz:${NPZ}[1:3]`)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('changes with rows, labels and range', async () => {
    const other = file(
      'other.npz',
      zipSync({ 'x.npy': X, 'y.npy': npyBytes('<i8', [4], BigInt64Array.of(0n, 1n, 2n, 2n)) }),
    );
    const addresses = [`npz:${NPZ}`, `npz:${NPZ}[0:3]`, `npz:${other}`, `npy:${NPY_X}`, `idx:${IMAGES}`];
    expect(new Set(await Promise.all(addresses.map(hashOf))).size).toBe(addresses.length);
  });

  it('does not depend on preprocessing', async () => {
    const scaled = await openDataset(`cifar10:${CIFAR}`, { scale: '1/255', size: 8, layout: 'nhwc' });
    expect(await scaled.hash()).toBe(await hashOf(`cifar10:${CIFAR}`));
  });
});

describe('bad input ends in one DataError', () => {
  mkdirSync(join(folder, 'empty'));
  const cut = file('cut.gz', gzipSync(pixels).subarray(0, 25));
  const html = file('page.npz', new TextEncoder().encode('<!DOCTYPE html><html></html> and some more text'));
  const nan = file('nan.npy', npyBytes('<f4', [2, 1], Float32Array.of(0, Number.NaN)));
  const odd = file('odd.npz', zipSync({ 'images.npy': X, 'labels.npy': Y }));
  const nothing = file('nothing.bin', new Uint8Array(0));
  const none = file('none.npy', npyBytes('<f4', [0, 3], new Float32Array(0)));
  const short = file('short.idx', idxBytes(8, [2], [1, 2]));

  it.each([
    ['a missing file', `npz:${folder}/absent.npz`, /absent\.npz": there is no such file/],
    ['a folder for a file', `npz:${folder}/empty`, /it is a folder, wanted a file/],
    ['a file within a file', `npz:${NPZ}/x`, /a part of its path is a file/],
    ['a device', 'npz:/dev/null', /a pipe or a device/],
    ['an empty file', `cifar10:${nothing}`, /it is empty/],
    ['a cut gzip', `idx:${cut}`, /Cannot unzip.*cut off or damaged/],
    ['an HTML page', `npz:${html}`, /HTML page/],
    ['no array x', `npz:${odd}`, /wanted an array named x.*it has images, labels/],
    ['no rows', `npy:${none}`, /has no rows/],
    ['NaN', `npy:${nan}`, /row 1 holds NaN/],
    ['too few labels', `idx:${IMAGES},${short}`, /each of the 3 rows, y has shape \[2\]/],
    ['too few labels, though the range has them', `idx:${IMAGES},${short}[0:2]`, /each of the 3 rows/],
    ['an empty range', `npz:${NPZ}[4:]`, /selects no rows.*4 rows/],
    ['a folder without pictures', `images:${folder}/empty`, /wanted pictures.*found none/],
    ['a file for a folder', `images:${NPZ}`, /wanted a folder of pictures, it is a file/],
    ['a missing folder', `images:${folder}/absent`, /there is no such file/],
    ['an unknown reader', `tfrecord:${NPZ}`, /"tfrecord" is none of these/],
  ])('%s', async (_, address, message) => {
    const error = await openDataset(address).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
    expect((error as DataError).message).not.toContain('\n');
  });

  it('data of another shape than the model wants', async () => {
    const opening = openDataset(`cifar10:${CIFAR}`, { modelInput: { shape: ['N', 1, 28, 28] } });
    await expect(opening).rejects.toThrow(/wants samples of shape \[1,28,28\], the data's are \[3,32,32\]/);
  });
});

it('augments byte pictures deterministically', async () => {
  const data = await openDataset(`cifar10:${CIFAR}`, { augment: { crop: 4, flip: true } });
  const draw = async (options = {}) => (await data.batch([0, 1, 2, 3], options)).x.data.join();
  const augmented = await draw({ augment: random('s') });
  expect(augmented === (await draw({ augment: random('s') }))).toBe(true);
  expect(augmented === (await draw())).toBe(false);
});
