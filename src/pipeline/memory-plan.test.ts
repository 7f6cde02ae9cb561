import { describe, expect, it } from 'vitest';
import { memoryMedium } from '../curvature/row-store.ts';
import { OptionError } from '../errors/errors.ts';
import { planRows, planText } from './memory-plan.ts';

const asked = { rows: 1000, weights: 2.6e6, taken: 2e8, half: false, disk: memoryMedium };

describe('planRows', () => {
  it('keeps rows in memory where there is no limit, or they fit', () => {
    expect(planRows({ ...asked }).where).toBe('memory');
    expect(planRows({ ...asked, limit: 12e9 }).where).toBe('memory');
  });

  it('goes to disk where they do not fit, and stays within the limit', () => {
    const plan = planRows({ ...asked, limit: 4e9 });
    expect(plan.where).toBe('disk');
    expect(plan.expected).toBeLessThanOrEqual(4e9);
    expect(planText(plan)).toMatch(/10\.4 GB on disk as f32/);
  });

  it('takes half the room as bf16', () => {
    const plan = planRows({ ...asked, limit: 8e9, half: true });
    expect(plan).toMatchObject({ where: 'memory', type: 'bf16', bytes: 5.2e9 });
  });

  it('refuses a limit that leaves no room beside the rest, or no disk', () => {
    expect(() => planRows({ ...asked, limit: 5e8 })).toThrow(OptionError);
    const { disk: _, ...without } = asked;
    expect(() => planRows({ ...without, limit: 4e9 })).toThrow(/allow more --memory/);
  });
});
