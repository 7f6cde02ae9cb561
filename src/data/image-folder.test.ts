import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { openDataset } from './open-dataset.node.ts';

const folder = mkdtempSync(join(tmpdir(), 'coppice-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (...parts: string[]) => join(folder, ...parts);

/** A lossless picture of one colour. */
async function picture(to: string, [height, width]: [number, number], [r, g, b]: [number, number, number]) {
  await sharp({ create: { height, width, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(to);
}

beforeAll(async () => {
  for (const name of ['classes/b', 'classes/a/deep', 'classes/.hidden', 'loose', 'mixed/a', 'listed', 'odd']) {
    mkdirSync(path(name), { recursive: true });
  }
  await picture(path('classes/a/1.png'), [2, 2], [10, 20, 30]);
  await picture(path('classes/a/deep/0.PNG'), [2, 2], [40, 50, 60]);
  await picture(path('classes/b/x.png'), [2, 2], [70, 80, 90]);
  writeFileSync(path('classes/a/notes.txt'), 'not a picture');
  for (const [i, name] of ['loose/b.png', 'loose/a.png', 'mixed/z.png', 'mixed/a/y.png', 'listed/p.png'].entries()) {
    copyFileSync(path('classes', i % 2 === 0 ? 'a/1.png' : 'b/x.png'), path(name));
  }
  copyFileSync(path('classes/b/x.png'), path('listed/q.png'));
});

const first = async (address: string, options = {}) => {
  const { x, labels } = await (await openDataset(address, options)).batch([0]);
  return { dims: x.dims, data: [...(x.data as Float32Array)], labels };
};

describe('a folder of pictures', () => {
  it('has a class for each sub-folder, sorted, with its pictures at any depth', async () => {
    const data = await openDataset(`images:${path('classes')}`);
    expect([data.count, data.sampleDims, data.labels]).toEqual([3, [3, 2, 2], Int32Array.of(0, 0, 1)]);
    const { x, labels } = await data.batch([2, 0, 1]);
    expect(labels).toEqual(Int32Array.of(1, 0, 0));
    expect([0, 4, 8, 12, 24].map((i) => x.data[i])).toEqual([70, 80, 90, 10, 40]);
  });

  it('without sub-folders has no labels', async () => {
    const data = await openDataset(`images:${path('loose')}`);
    expect([data.count, data.labelled, (await data.batch([0])).x.data[0]]).toEqual([2, false, 70]);
  });

  it('goes by labels.csv where there is one', async () => {
    writeFileSync(path('listed/labels.csv'), 'file,label\nq.png,7\np.png,3\nq.png,7\n');
    const data = await openDataset(`images:${path('listed')}[:2]`);
    expect([data.count, data.labels, (await data.batch([0])).x.data[0]]).toEqual([2, Int32Array.of(7, 3), 70]);
  });

  it('with both classes and loose pictures is refused', async () => {
    await expect(openDataset(`images:${path('mixed')}`)).rejects.toThrow(/class folders \(a, ...\) and loose.*z\.png/);
  });

  it('is hashed by the bytes of its pictures and by its labels', async () => {
    const hash = async (name: string) => (await openDataset(`images:${path(name)}`)).hash();
    const before = await hash('listed');
    expect(await hash('listed')).toBe(before);
    writeFileSync(path('listed/labels.csv'), 'file,label\nq.png,7\np.png,4\nq.png,7\n');
    expect(await hash('listed')).not.toBe(before);
  });
});

describe('a picture', () => {
  it('is preprocessed as the model wants it', async () => {
    const options = { scale: '1/10', layout: 'nhwc', channels: 'bgr' };
    const { dims, data } = await first(`images:${path('classes')}`, options);
    expect([dims, data.slice(0, 3)]).toEqual([
      [1, 2, 2, 3],
      [3, 2, 1],
    ]);
    expect((await first(`images:${path('classes')}`, { channels: 'gray' })).data).toEqual([18, 18, 18, 18]);
  });

  it('takes its size from the model where none is given', async () => {
    const modelInput = { shape: [null, 3, 4, 6] };
    expect((await first(`images:${path('classes')}`, { modelInput })).dims).toEqual([1, 3, 4, 6]);
    const opening = openDataset(`images:${path('classes')}`, { modelInput: { shape: ['N', 4, 6, 3] } });
    await expect(opening).rejects.toThrow(/\[4,6,3\].*set layout to nhwc/);
  });

  it('is cropped at its centre without scaling where it is only a little larger', async () => {
    const size = 8;
    const data = Uint8Array.from({ length: 9 * 9 * 3 }, (_, i) => Math.floor(i / 3) * 3);
    mkdirSync(path('crop'));
    await sharp(data, { raw: { height: 9, width: 9, channels: 3 } })
      .png()
      .toFile(path('crop/p.png'));
    const { data: out } = await first(`images:${path('crop')}`, { size });
    expect(out.slice(0, 9)).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 27]);
  });

  it('in gray, with transparency, 16 bits or a palette becomes rgb bytes', async () => {
    const gray = sharp(Uint8Array.of(5, 6, 7, 8), { raw: { height: 2, width: 2, channels: 1 } });
    const deep = sharp(Uint16Array.of(0x0500, 0x0600, 0x07ff, 0xff00), { raw: { height: 2, width: 2, channels: 1 } });
    const clear = sharp({ create: { height: 2, width: 2, channels: 4, background: { r: 9, g: 8, b: 7, alpha: 0.5 } } });
    const save = async (name: string, image: Sharp, palette = false) => {
      mkdirSync(path(name));
      await image.png({ palette }).toFile(path(name, 'p.png'));
      return (await first(`images:${path(name)}`)).data;
    };
    expect(await save('gray', gray.toColourspace('b-w'))).toEqual([5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8]);
    expect(await save('deep', deep.toColourspace('grey16'))).toEqual([5, 6, 7, 255, 5, 6, 7, 255, 5, 6, 7, 255]);
    expect((await save('clear', clear)).filter((_, i) => i % 4 === 0)).toEqual([9, 8, 7]);
    expect((await save('palette', sharp(path('classes/a/1.png')), true)).filter((_, i) => i % 4 === 0)).toEqual([
      10, 20, 30,
    ]);
  });
});

describe('a picture in four inks', () => {
  const inks = [
    [0, 20, 40, 60],
    [21, 50, 79, 108],
    [255, 0, 0, 0],
    [0, 0, 0, 255],
  ];
  /** What Pillow makes of them. */
  const rgb = [
    [195, 180, 164],
    [135, 118, 101],
    [0, 255, 255],
    [0, 0, 0],
  ];

  it('becomes rgb by the plain formula, from TIFF and from JPEG with its inverted inks', async () => {
    const blocks = inks.map((ink) => Array.from({ length: 8 }, () => ink));
    const row = blocks.flat();
    const tiff = cmykTiff(Array.from({ length: 8 }, () => row));
    mkdirSync(path('inks'));
    writeFileSync(path('inks/a.tiff'), tiff);
    const straight = sharp(tiff).pipelineColourspace('cmyk').toColourspace('cmyk');
    await straight.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toFile(path('inks/b.jpg'));
    expect((await sharp(path('inks/b.jpg')).metadata()).space).toBe('cmyk');
    const { x } = await (await openDataset(`images:${path('inks')}`, { layout: 'nhwc' })).batch([0, 1]);
    expect(x.dims).toEqual([2, 8, 32, 3]);
    for (const [i, colour] of rgb.entries()) {
      expect([...x.data.slice(24 * i, 24 * i + 3)]).toEqual(colour);
      for (const [k, value] of colour.entries())
        expect(Math.abs((x.data[8 * 32 * 3 + 24 * i + 9 + k] as number) - value)).toBeLessThan(4);
    }
    const small = await first(`images:${path('inks')}`, { layout: 'nhwc', size: 4 });
    expect(small.dims).toEqual([1, 4, 4, 3]);
  });
});

describe('a folder of classes', () => {
  const laid = async (name: string, files: readonly string[], folders: readonly string[] = []) => {
    for (const folder of folders) mkdirSync(path(name, folder), { recursive: true });
    for (const file of files) {
      mkdirSync(join(path(name, file), '..'), { recursive: true });
      if (file.endsWith('.png')) copyFileSync(path('classes/a/1.png'), path(name, file));
      else writeFileSync(path(name, file), 'x');
    }
    return openDataset(`images:${path(name)}`);
  };

  it('passes over hidden files and what systems leave', async () => {
    const clutter = ['__MACOSX/a/._1.png', 'a/._1.png', 'b/.thumbs/1.png', 'b/__MACOSX/2.png', '@eaDir/1.png'];
    const data = await laid('cluttered', [
      'a/1.png',
      'b/1.png',
      ...clutter,
      'Thumbs.db',
      'a/desktop.ini',
      'b/Thumbs.db',
    ]);
    expect(data.labels).toEqual(Int32Array.of(0, 1));
  });

  it('is refused where one has no pictures', async () => {
    const open = laid('gap', ['a/1.png', 'c/1.png', 'b/notes.txt'], ['d']);
    await expect(open).rejects.toThrow(
      /wanted pictures .* in each class folder, "b" has none \(and 1 more\); .*labels\.csv/,
    );
    await expect(open).rejects.toBeInstanceOf(DataError);
  });
});

describe('a bad picture ends in one DataError', () => {
  const refusal = async (name: string, bytes: Uint8Array, options = {}) => {
    mkdirSync(path(name));
    writeFileSync(path(name, 'bad.png'), bytes);
    const error = await first(`images:${path(name)}`, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  };

  it('that is an HTML page', async () => {
    expect(await refusal('html', new TextEncoder().encode('<html></html>'))).toMatch(
      /bad\.png": .*unsupported image format/,
    );
  });

  it('that is empty', async () => {
    expect(await refusal('empty', new Uint8Array(0))).toMatch(/bad\.png": it is empty/);
  });

  it('that is cut off', async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i) % 253);
    const bytes = await sharp(noise, { raw: { height: 64, width: 64, channels: 3 } })
      .png()
      .toBuffer();
    expect(await refusal('cut', bytes.subarray(0, bytes.length / 2))).toMatch(/Cannot read the picture.*bad\.png/);
    const jpeg = await sharp(noise, { raw: { height: 64, width: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    expect(await refusal('cut-jpeg', jpeg.subarray(0, jpeg.length / 2))).toMatch(/premature end of JPEG/);
  });

  it('that has a hundred megapixels', async () => {
    const bytes = Uint8Array.from(readFileSync(path('classes/a/1.png')));
    const header = new DataView(bytes.buffer);
    header.setUint32(16, 12000); // width and height of the IHDR chunk; its checksum follows
    header.setUint32(20, 9000);
    header.setUint32(29, crc32(bytes.subarray(12, 29)));
    expect(await refusal('huge', bytes)).toMatch(/12000 x 9000 pixels, wanted at most 67108864/);
    expect(await refusal('huge-scaled', bytes, { size: 32 })).toMatch(/12000 x 9000 pixels/);
  });

  it('that has another size than the first, unless a size is set', async () => {
    mkdirSync(path('sizes'));
    await picture(path('sizes/a.png'), [2, 2], [1, 2, 3]);
    await picture(path('sizes/b.png'), [3, 2], [1, 2, 3]);
    const data = await openDataset(`images:${path('sizes')}`);
    await expect(data.batch([0, 1])).rejects.toThrow(
      /b\.png" into a batch: it is 3 x 2, the first picture is 2 x 2; set size/,
    );
    const sized = await openDataset(`images:${path('sizes')}`, { size: 2 });
    expect((await sized.batch([0, 1])).x.dims).toEqual([2, 3, 2, 2]);
  });

  it('that labels.csv names but is not there', async () => {
    writeFileSync(path('odd/labels.csv'), 'file,label\nabsent.png,1\n');
    await expect(openDataset(`images:${path('odd')}`)).rejects.toThrow(/absent\.png.*there is no such file/);
    writeFileSync(path('odd/labels.csv'), 'file,label\n');
    await expect(openDataset(`images:${path('odd')}`)).rejects.toThrow(/found none/);
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** An unpacked TIFF of rows of pixels of four inks. */
function cmykTiff(rows: readonly (readonly (readonly number[])[])[]): Uint8Array {
  const [height, width] = [rows.length, rows[0]?.length ?? 0];
  const pixels = Uint8Array.from(rows.flat(2));
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, 3, 1, width],
    [257, 3, 1, height],
    [258, 3, 4, 8 + pixels.length], // bits of the samples: behind the pixels
    [259, 3, 1, 1],
    [262, 3, 1, 5], // inks
    [273, 4, 1, 8],
    [277, 3, 1, 4],
    [278, 3, 1, height],
    [279, 4, 1, pixels.length],
  ];
  const [bits, start] = [8 + pixels.length, 16 + pixels.length];
  const view = new DataView(new ArrayBuffer(start + 6 + 12 * entries.length));
  view.setUint32(0, 0x49492a00);
  view.setUint32(4, start, true);
  new Uint8Array(view.buffer).set(pixels, 8);
  for (let i = 0; i < 4; i++) view.setUint16(bits + 2 * i, 8, true);
  view.setUint16(start, entries.length, true);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = start + 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, value, true);
  }
  return new Uint8Array(view.buffer);
}
