import { describe, expect, it } from 'vitest';
import { sparkline } from './sparkline.ts';

describe('sparkline', () => {
  it('has a bar a value, from the lowest to the full one', () => {
    expect(sparkline([0, 0.13, 0.5, 0.999, 1])).toBe('\u2581\u2582\u2585\u2588\u2588');
  });

  it('leaves blank what is not known, and keeps to its range', () => {
    expect(sparkline([null, -1, 2])).toBe(' \u2581\u2588');
    expect(sparkline([])).toBe('');
  });

  it('joins neighbours where there is no room', () => {
    expect(sparkline([0, 1, 1, 1], 2)).toBe('\u2585\u2588');
    expect(sparkline(new Array(500).fill(0.5), 60)).toHaveLength(60);
  });
});
