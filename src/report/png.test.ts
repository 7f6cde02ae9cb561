import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { bytePng, indexedPng } from './png.ts';

/** Pixels as another program reads them. */
async function decoded(
  address: string,
): Promise<{ width: number; height: number; channels: number; pixels: number[] }> {
  const bytes = Buffer.from(address.replace('data:image/png;base64,', ''), 'base64');
  const { data, info } = await sharp(bytes).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, pixels: [...data] };
}

describe('indexedPng', () => {
  it.each([2, 3, 16, 200])('of %i colours is read back', async (count) => {
    const colours = Array.from({ length: count }, (_, i) => `#${(i * 1000 + 7).toString(16).padStart(6, '0')}`);
    const pixels = Uint8Array.from({ length: 11 * 5 }, (_, i) => (i * 7) % count);
    const {
      width,
      height,
      channels,
      pixels: read,
    } = await decoded(indexedPng({ width: 11, height: 5, pixels, colours }));
    expect([width, height]).toEqual([11, 5]);
    const colour = (i: number): string =>
      `#${read
        .slice(i * channels, i * channels + 3)
        .map((x) => x.toString(16).padStart(2, '0'))
        .join('')}`;
    expect([...pixels.keys()].map(colour)).toEqual([...pixels].map((i) => colours[i]));
  });
});

describe('bytePng', () => {
  it('in colour is read back', async () => {
    const pixels = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => i * 7);
    expect((await decoded(bytePng({ width: 4, height: 3, channels: 3, pixels }))).pixels).toEqual([...pixels]);
  });

  it('in grey is read back', async () => {
    const pixels = Uint8Array.of(0, 100, 255, 3, 4, 5);
    const { channels, pixels: read } = await decoded(bytePng({ width: 3, height: 2, channels: 1, pixels }));
    expect(read.filter((_, i) => i % channels === 0)).toEqual([...pixels]);
  });
});
