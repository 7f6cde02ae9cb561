import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { watchLoss } from './divergence.ts';
import { type Guard, type GuardedState, guardOf } from './guard.ts';
import type { TrainedArray } from './optimizer.ts';

const arrayOf = (...values: number[]): TrainedArray => ({
  values: Float32Array.from(values),
  slots: [new Float32Array(values.length)],
});

function training(times: number): { state: GuardedState; guard: Guard; running: Float64Array } {
  const running = Float64Array.of(0.5, 1);
  const state: GuardedState = { arrays: [arrayOf(1, 2), arrayOf(3)], running: new Map([['bn', running]]) };
  const watch = watchLoss({ ignorant: 1 });
  const guard = guardOf(state, { watch, retreat: { times, factor: 0.2 }, steps: 40, rate: 0.1 });
  return { state, guard, running };
}

const at = (taken: number) => ({ taken, step: taken + 1, epoch: 1 });

/** What a step does: every value and slot moves. */
function move({ arrays, running }: GuardedState, by: number): void {
  for (const { values, slots } of arrays) {
    for (let i = 0; i < values.length; i++) (values[i] as number) += by;
    for (const slot of slots) slot.fill(by);
  }
  for (const sums of running.values()) for (let i = 0; i < sums.length; i++) (sums[i] as number) += by;
}

const valuesOf = ({ arrays }: GuardedState): number[][] => arrays.map(({ values }) => [...values]);

describe('a training that diverges', () => {
  it('goes back to the same state where it was interrupted and goes on', () => {
    const { state, guard } = training(2);
    const mask = Uint8Array.of(1, 0);
    guard.before(0.9, at(0));
    move(state, 1);
    state.arrays[0] = { ...(state.arrays[0] as TrainedArray), mask };
    guard.before(0.8, at(2));
    const values = valuesOf(state);
    move(state, 5);
    expect(guard.before(Number.NaN, at(3))).toBe(2);
    const stand = guard.stand();
    if (stand === null) throw new Error('a guard with a retreat stands somewhere');
    const other = training(2);
    move(other.state, 9);
    const from = { ...stand, arrays: new Map([...stand.arrays].map(([name, array]) => [name, array.slice()])) };
    const options = { watch: watchLoss({ ignorant: 1 }, guard.seen()), retreat: { times: 2, factor: 0.2 } };
    const next = guardOf(other.state, { ...options, steps: 40, rate: 0.1, from });
    expect(next.slowdown()).toBeCloseTo(0.2, 12);
    expect(next.before(Number.NaN, at(4))).toBe(2);
    expect(next.slowdown()).toBeCloseTo(0.04, 12);
    expect([valuesOf(other.state), other.state.arrays[0]?.mask]).toEqual([values, mask]);
    expect(() => next.before(Number.NaN, at(5))).toThrow(DataError);
  });

  it('goes back to the last good state that was kept, values, masks and statistics, its memory forgotten, at a lower rate', () => {
    const { state, guard, running } = training(2);
    expect(guard.before(0.9, at(0))).toBeNull();
    move(state, 1);
    const mask = Uint8Array.of(1, 0);
    state.arrays[0] = { ...(state.arrays[0] as TrainedArray), mask };
    expect(guard.before(0.8, at(2))).toBeNull(); // every second of 40 steps is kept
    const [values, sums] = [valuesOf(state), [...running]];
    move(state, 5);
    state.arrays[0] = { ...(state.arrays[0] as TrainedArray), mask: Uint8Array.of(0, 0) };
    expect(guard.before(0.7, at(3))).toBeNull();
    expect(guard.slowdown()).toBe(1);
    expect(guard.before(Number.NaN, at(4))).toBe(2);
    expect(guard.slowdown()).toBeCloseTo(0.2, 12);
    expect(valuesOf(state)).toEqual(values);
    expect([...running]).toEqual(sums);
    expect(state.arrays[0]?.mask).toEqual(mask);
    expect(state.arrays[1]?.mask).toBeUndefined();
    for (const { slots } of state.arrays) for (const slot of slots) expect([...slot].every((x) => x === 0)).toBe(true);
  });

  it('may go back to the same state again, which later steps do not change', () => {
    const { state, guard } = training(2);
    guard.before(0.9, at(0));
    const start = valuesOf(state);
    for (let t = 0; t < 2; t++) {
      move(state, 7);
      expect(guard.before(Number.POSITIVE_INFINITY, at(1))).toBe(0);
      expect(valuesOf(state)).toEqual(start);
    }
    expect(guard.slowdown()).toBeCloseTo(0.04, 12);
    expect(() => guard.before(Number.NaN, at(1))).toThrow(DataError);
    expect(() => guard.before(Number.NaN, at(1))).toThrow(/not finite at step 2 of epoch 1.*learning rate/);
  });

  it('is taken back behind its last step too, by its loss or a weight that is not finite', () => {
    const { state, guard } = training(3);
    guard.before(0.9, at(0));
    expect(guard.behind(0.8, at(40))).toBeNull();
    (state.arrays[1] as TrainedArray).values[0] = Number.NaN;
    expect(guard.behind(0.8, at(40))).toBe(0);
    expect(valuesOf(state)[1]).toEqual([3]);
    expect(guard.behind(1e6, at(40))).toBe(0);
  });

  it('does not keep a state whose loss is worse than ignorance', () => {
    const { state, guard } = training(1);
    guard.before(0.9, at(0));
    move(state, 1);
    expect(guard.before(3, at(2))).toBeNull();
    expect(guard.before(Number.NaN, at(3))).toBe(0);
    expect(valuesOf(state)).toEqual([[1, 2], [3]]);
  });

  it('is refused at once where it may not go back', () => {
    const { guard } = training(0);
    expect(() => guard.before(Number.NaN, at(0))).toThrow(/current value is 0\.1/);
  });
});
