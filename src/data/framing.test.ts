import { describe, expect, it } from 'vitest';
import { framing } from './framing.ts';
import { type PreprocessOptions, resolvePreprocess } from './preprocess.ts';

const plan = (picture: [number, number], options: PreprocessOptions) =>
  framing(picture, resolvePreprocess(options), 'p');

describe('framing', () => {
  it('crops the centre of 256 x 256 to 224 without scaling', () => {
    expect(plan([256, 256], { size: 224 })).toEqual({ scaled: [256, 256], top: 16, left: 16, height: 224, width: 224 });
  });

  it.each([
    ['takes a picture of the right size as it is', [224, 224], { size: 224, resize: 256 }, [224, 224]],
    ['leaves pictures alone without a size', [30, 40], {}, [30, 40]],
    ['scales the shorter side to resize', [375, 500], { size: 224, resize: 232 }, [232, 309]],
    ['scales to exactly the two sides of resize', [375, 500], { resize: [64, 48] }, [64, 48]],
    ['scales a large picture down to 256 for 224', [375, 500], { size: 224 }, [256, 341]],
    ['never scales up for the margin', [240, 300], { size: 224 }, [240, 300]],
    ['scales a small picture up to just cover', [28, 56], { size: 32 }, [32, 64]],
    ['covers an output that is not square', [1000, 1000], { size: [112, 224] }, [256, 256]],
  ] as const)('%s', (_, picture, options, scaled) => {
    expect(plan([...picture], options as PreprocessOptions).scaled).toEqual(scaled);
  });

  it('leaves the smaller half of an odd margin above and to the left', () => {
    expect(plan([227, 226], { size: 224 })).toMatchObject({ top: 1, left: 1 });
  });

  it('refuses a crop larger than the scaled picture', () => {
    expect(() => plan([300, 300], { size: 224, resize: 200 })).toThrow(/"p" to 224 x 224.*200 x 200.*larger resize/);
  });
});
