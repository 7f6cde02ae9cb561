import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { SCHEDULES, type Schedule, stageTargets } from './stages.ts';

const NAMES = Object.keys(SCHEDULES) as Schedule[];
const at = (schedule: Schedule, stages: number, base = 0.1, target = 0.9): number[] =>
  stageTargets({ stages, schedule, base, target });

describe('stageTargets', () => {
  it.each(NAMES)('%s never falls, stays within base and target, and ends at the target exactly', (schedule) => {
    for (const stages of [1, 2, 3, 7, 20, 3000]) {
      for (const [base, target] of [
        [0.1, 0.98],
        [0, 0.5],
        [0.3, 0.3],
        [0.5, 0.2],
      ] as const) {
        const targets = at(schedule, stages, base, target);
        expect(targets).toHaveLength(stages);
        expect(targets.at(-1)).toBe(target);
        targets.forEach((value, t) => {
          expect(value).toBeGreaterThanOrEqual(Math.min(base, target) - 1e-15);
          expect(value).toBeLessThanOrEqual(target + 1e-12);
          if (t > 0) expect(value).toBeGreaterThanOrEqual((targets[t - 1] as number) - 1e-12);
        });
      }
    }
  });

  it.each(NAMES)('%s in one stage is the target alone', (schedule) => {
    expect(at(schedule, 1)).toEqual([0.9]);
  });

  it.each(['exp', 'poly', 'linear'] as const)('%s begins at the base', (schedule) => {
    expect(at(schedule, 5)[0]).toBeCloseTo(0.1, 15);
  });

  it('exp halves its step each time', () => {
    const targets = at('exp', 6);
    const steps = targets.slice(1).map((value, t) => value - (targets[t] as number));
    for (let t = 1; t < steps.length; t++) expect((steps[t] as number) / (steps[t - 1] as number)).toBeCloseTo(0.5, 12);
  });

  it('poly leaves the cube of the remaining share', () => {
    expect(at('poly', 5).map((value) => (0.9 - value) / 0.8)).toEqual(
      [1, 0.75 ** 3, 0.5 ** 3, 0.25 ** 3, 0].map((x) => expect.closeTo(x, 12)),
    );
  });

  it('linear takes equal steps', () => {
    expect(at('linear', 5)).toEqual([0.1, 0.3, 0.5, 0.7, 0.9].map((x) => expect.closeTo(x, 12)));
  });

  it('const is the target throughout', () => {
    expect(at('const', 3)).toEqual([0.9, 0.9, 0.9]);
  });

  it('rate removes the same share of what is left, from the base on', () => {
    const left = [0.9, ...at('rate', 4).map((value) => 1 - value)];
    for (let t = 1; t < left.length; t++)
      expect((left[t] as number) / (left[t - 1] as number)).toBeCloseTo((1 / 9) ** 0.25, 12);
  });

  it('refuses a number of stages that is not whole or below one', () => {
    for (const stages of [0, -1, 2.5, Number.NaN]) expect(() => at('exp', stages)).toThrow(OptionError);
  });
});
