import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { type PreprocessOptions, resolvePreprocess } from './preprocess.ts';

describe('resolvePreprocess', () => {
  it('leaves values as stored by default', () => {
    expect(resolvePreprocess()).toMatchObject({ scale: 1, mean: [0], std: [1], layout: 'nchw', channels: 'stored' });
    expect(resolvePreprocess({ scale: undefined })).toEqual(resolvePreprocess());
  });

  it('reads fractions, lists and sizes as a command line gives them', () => {
    const options = { scale: '1/255', mean: '0.5, 1/4,0', std: [1, 2, 3], size: '224x192', resize: '256' };
    expect(resolvePreprocess(options)).toMatchObject({
      scale: 1 / 255,
      mean: [0.5, 0.25, 0],
      std: [1, 2, 3],
      size: [224, 192],
      resize: [256],
    });
    expect(resolvePreprocess({ size: 32 }).size).toEqual([32, 32]);
  });

  it.each([
    [{ scale: 'abc' }, /scale.*current value is "abc"/],
    [{ scale: '' }, /scale/],
    [{ scale: '1/0' }, /scale/],
    [{ scale: '1/2/3' }, /scale/],
    [{ scale: '1,2' }, /one number/],
    [{ mean: [] }, /mean/],
    [{ mean: Number.NaN }, /mean/],
    [{ std: '0.2,0,0.2' }, /no zero/],
    [{ size: 0 }, /size/],
    [{ size: '224x224x3' }, /size/],
    [{ size: 2.5 }, /size/],
    [{ layout: 'chw' }, /wanted nchw, nhwc, current value is "chw"/],
    [{ channels: 'RGB' }, /wanted stored, rgb, bgr, gray/],
    [{ interpolation: 'area' }, /interpolation/],
    [{ augment: { crop: -1 } }, /crop/],
    [{ augment: { crop: 1.5 } }, /crop/],
  ])('refuses %o', (options, message) => {
    expect(() => resolvePreprocess(options as PreprocessOptions)).toThrow(message);
    expect(() => resolvePreprocess(options as PreprocessOptions)).toThrow(OptionError);
  });
});
