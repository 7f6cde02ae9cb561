import { describe, expect, it } from 'vitest';
import { COST_ROUNDS, type CountedMap, paceOf, productsOf, STAGE_STEPS, someOf } from './pace.ts';

const layer = (outputs: number, inputs: number): CountedMap => ({
  groups: 1,
  outputs,
  inputs,
  positions: 1,
  step: 1,
  keeps: true,
});

describe('the pace of choosing supports', () => {
  const asked = { stages: 40, samples: 1000 };

  it('is all that was asked for where layers are small', () => {
    expect(paceOf([layer(100, 4000), layer(10, 100)], asked)).toEqual({ stages: 40, costStages: 10, samples: 1000 });
    expect(paceOf([layer(100, 4000)], { stages: 4, samples: 30 })).toEqual({ stages: 4, costStages: 4, samples: 30 });
  });

  it('is fewer stages for larger layers, then fewer samples, never below what tells something', () => {
    const sizes = [1e6, 1e7, 1e8, 1e9, 1e11].map((size) => paceOf([layer(size / 2500, 2500)], asked));
    for (const [i, pace] of sizes.slice(1).entries()) {
      expect(pace.stages).toBeLessThanOrEqual(sizes[i]?.stages as number);
      expect(pace.samples).toBeLessThanOrEqual(sizes[i]?.samples as number);
    }
    expect(sizes.at(-1)).toEqual({ stages: 8, costStages: 3, samples: 128 });
    const vgg = paceOf([layer(4096, 25_088)], asked);
    const runs = vgg.stages + COST_ROUNDS * vgg.costStages;
    expect(runs * (STAGE_STEPS + 1.5) * productsOf(layer(4096, 25_088), vgg.samples)).toBeLessThan(5.1e12);
  });

  it('takes its stages evenly, and the last one always', () => {
    expect(someOf([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7]);
    expect(someOf([1, 2, 3], 9)).toEqual([1, 2, 3]);
    expect(someOf([1, 2, 3], 1)).toEqual([3]);
  });
});
