import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { framing } from './framing.ts';
import type { RawPicture } from './pictures.ts';
import { type Interpolation, resolvePreprocess } from './preprocess.ts';
import { resample } from './resample.ts';

/** A smooth picture with all that a scaler can get wrong: edges, a slope, three unlike channels. */
function picture(height: number, width: number): RawPicture {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    data[i] = 127 + 100 * Math.sin((x * (c + 1)) / 19 + y / 23) * Math.cos(y / (11 + c));
  }
  return { data, height, width, channels: 3 };
}

const scaledTo = (from: RawPicture, size: string, interpolation: Interpolation = 'bilinear'): Uint8Array => {
  const options = resolvePreprocess({ size, resize: size });
  return resample(from, framing([from.height, from.width], options, 'picture'), interpolation);
};

function distance(a: Uint8Array, b: Uint8Array): { mean: number; most: number } {
  expect(a.length).toBe(b.length);
  const gaps = Array.from(a, (value, i) => Math.abs(value - (b[i] as number)));
  return { mean: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length, most: Math.max(...gaps) };
}

describe('resample', () => {
  it.each([
    ['bilinear', '40x50', 'linear'],
    ['bicubic', '40x50', 'cubic'],
    ['lanczos', '40x50', 'lanczos3'],
  ] as const)('by %s to %s (shrinking) is within a level or two of sharp', async (interpolation, size, kernel) => {
    const from = picture(72, 90);
    const [height, width] = size.split('x').map(Number) as [number, number];
    const wanted = await sharp(from.data, { raw: { height: 72, width: 90, channels: 3 } })
      .resize({ height, width, fit: 'fill', kernel, fastShrinkOnLoad: false })
      .raw()
      .toBuffer();
    const { mean, most } = distance(scaledTo(from, size, interpolation), wanted);
    expect(mean).toBeLessThan(0.6);
    expect(most).toBeLessThan(6);
  });

  it.each(['bilinear', 'bicubic'] as const)(
    'by %s enlarges a slope to a slope, pixel centres on pixel centres',
    (kernel) => {
      const slope: RawPicture = {
        data: Uint8Array.from({ length: 12 }, (_, x) => 20 * x),
        height: 1,
        width: 12,
        channels: 1,
      };
      const wide = scaledTo(slope, '1x30', kernel);
      for (let x = 5; x < 25; x++)
        expect(Math.abs((wide[x] as number) - 20 * ((x + 0.5) * 0.4 - 0.5))).toBeLessThan(0.51);
    },
  );

  it('leaves a picture of one colour as it is, whatever the kernel', () => {
    const plain: RawPicture = { data: new Uint8Array(7 * 5 * 3).fill(200), height: 7, width: 5, channels: 3 };
    for (const kernel of ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const)
      for (const size of ['3x4', '20x31']) expect(new Set(scaledTo(plain, size, kernel))).toEqual(new Set([200]));
  });

  it('leaves a picture of the right size as it is', () => {
    const from = picture(9, 8);
    expect(scaledTo(from, '9x8', 'bicubic')).toEqual(from.data);
  });

  it('averages what a shrunk pixel covers', () => {
    const stripes: RawPicture = {
      data: Uint8Array.of(0, 100, 0, 100, 0, 100, 0, 100),
      height: 1,
      width: 8,
      channels: 1,
    };
    const [, inner] = scaledTo(stripes, '1x4');
    expect(inner).toBe(50);
    expect([...scaledTo(stripes, '1x4', 'nearest')]).toEqual([100, 100, 100, 100]);
  });

  it('cuts the same window out that it would cut out of the whole', () => {
    const from = picture(64, 80);
    const options = resolvePreprocess({ size: '20x24', resize: '32x40' });
    const plan = framing([64, 80], options, 'picture');
    const whole = resample(from, { ...plan, top: 0, left: 0, height: 32, width: 40 }, 'bilinear');
    const window = resample(from, plan, 'bilinear');
    for (let y = 0; y < 20; y++) {
      const start = ((y + plan.top) * 40 + plan.left) * 3;
      expect(window.subarray(y * 72, y * 72 + 72)).toEqual(whole.subarray(start, start + 72));
    }
  });
});
