import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { refuseCutOff, refuseInks, withoutOrientation } from './picture-bytes.ts';

const noise = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * i) % 251);
const source = () => sharp(noise, { raw: { height: 30, width: 40, channels: 3 } });
const bytesOf = async (picture: Sharp) => new Uint8Array(await picture.toBuffer());

describe('a JPEG without its orientation', () => {
  it('has the same pixels, and nothing that turns them', async () => {
    const turned = await bytesOf(source().withMetadata({ orientation: 6 }).jpeg());
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    const plain = withoutOrientation(turned);
    expect((await sharp(plain).metadata()).orientation).toBeUndefined();
    expect(await sharp(plain).raw().toBuffer()).toEqual(await sharp(turned).raw().toBuffer());
  });

  it('is itself where it has none, and so is any other picture', async () => {
    const jpeg = await bytesOf(source().jpeg());
    expect(withoutOrientation(jpeg)).toEqual(jpeg);
    const png = await bytesOf(source().png());
    expect(withoutOrientation(png)).toBe(png);
  });
});

describe('a JPEG in four inks', () => {
  it('is refused, others are not', async () => {
    const inks = await bytesOf(source().toColourspace('cmyk').jpeg());
    expect((await sharp(inks).metadata()).space).toBe('cmyk');
    expect(() => refuseInks(inks, 'a')).toThrow(/"a" in a browser: wanted RGB or gray, it is CMYK/);
    for (const other of [source().jpeg(), source().jpeg({ progressive: true }), source().png()])
      expect(refuseInks(await bytesOf(other), 'a')).toBeUndefined();
  });
});

describe('a picture that is cut off', () => {
  it.each(['png', 'jpeg'] as const)('is refused as %s at any place, and taken whole', async (format) => {
    const whole = await bytesOf(source().withMetadata({ orientation: 3 })[format]());
    expect(() => refuseCutOff(whole, 'a')).not.toThrow();
    for (const share of [0.1, 0.5, 0.9, 0.99])
      expect(() => refuseCutOff(whole.subarray(0, share * whole.length), 'a')).toThrow(DataError);
  });

  it('of another format is left to its decoder', () => {
    expect(() => refuseCutOff(Uint8Array.of(1, 2, 3), 'a')).not.toThrow();
  });
});
