import { describe, expect, it } from 'vitest';
import type { Session, Tensors } from '../engine/engine.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OptionError, ShapeError } from '../errors/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Progress } from '../progress/progress.ts';
import { float32, int64 } from '../tensor/tensor.ts';
import { type Latency, type LatencyCase, measureLatency, withRows } from './latency.ts';

/** A clock that only sessions move, and sessions that take the stated times in turn and record their order. */
function stage(): { now: () => number; order: string[]; session: (name: string, ms: readonly number[]) => Session } {
  let time = 0;
  const order: string[] = [];
  const session = (name: string, ms: readonly number[]): Session => {
    let pass = 0;
    return {
      inputs: ['x'],
      outputs: ['y'],
      parallel: 1,
      async run() {
        order.push(name);
        time += ms[pass++ % ms.length] as number;
        return new Map();
      },
      release: async () => {},
    };
  };
  return { now: () => time, order, session };
}

const ascending = (a: number, b: number): number => a - b;

/** X times itself, [n, n]. */
async function productCase(n: number): Promise<LatencyCase> {
  const builder = new GraphBuilder();
  const x = builder.input({ name: 'x', type: 'float32', shape: [n, n] });
  builder.expose(builder.emit('MatMul', [x, x]));
  const session = await onnxruntimeNode.createSession(builder.build());
  return { session, feeds: new Map([['x', float32(new Float32Array(n * n).fill(1), [n, n])]]) };
}

const feeds: Tensors = new Map([['x', float32([1, 2, 3, 4], [2, 2])]]);

describe('measureLatency', () => {
  it('gives median and deciles of the counted passes alone', async () => {
    const { now, session } = stage();
    const ramp = session('a', [100, 100, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const [latency] = await measureLatency([{ session: ramp, feeds }], { warmUp: 2, runs: 11, now });
    expect(latency).toEqual({ median: 6, p10: 2, p90: 10, runs: 11 });
  });

  it('interleaves the models and rotates which one goes first', async () => {
    const { now, order, session } = stage();
    const cases = ['a', 'b', 'c'].map((name) => ({ session: session(name, [1]), feeds }));
    await measureLatency(cases, { warmUp: 0, runs: 4, now });
    expect(order.join('')).toBe('abcbcacababc');
  });

  it('keeps each model its own times', async () => {
    const { now, session } = stage();
    const cases = [5, 2].map((ms) => ({ session: session('m', [ms]), feeds }));
    const result = await measureLatency(cases, { runs: 9, now });
    expect(result.map((latency) => latency.median)).toEqual([5, 2]);
  });

  it('ends early at the time limit, after at least five rounds', async () => {
    const { now, session } = stage();
    const slow = { session: session('slow', [1000]), feeds };
    expect((await measureLatency([slow], { warmUp: 0, timeLimitMs: 100, now }))[0]?.runs).toBe(5);
    expect((await measureLatency([slow], { warmUp: 0, timeLimitMs: 6500, now }))[0]?.runs).toBe(7);
  });

  it('reports progress and can be aborted', async () => {
    const { now, session } = stage();
    const abort = new AbortController();
    const seen: Progress[] = [];
    const onProgress = (progress: Progress): void => {
      seen.push(progress);
      if (progress.done === 3) abort.abort();
    };
    const run = measureLatency([{ session: session('a', [1]), feeds }], { now, onProgress, signal: abort.signal });
    await expect(run).rejects.toThrow(/abort/i);
    expect(seen.map(({ done }) => done)).toEqual([1, 2, 3]);
  });

  it('tells a large product from a small one in onnxruntime', async () => {
    const cases = await Promise.all([8, 768].map(productCase));
    const [small, large] = (await measureLatency(cases, { runs: 10 })) as [Latency, Latency];
    for (const { session } of cases) await session.release();
    for (const { p10, median, p90 } of [small, large])
      expect([p10, median, p90]).toEqual([p10, median, p90].toSorted(ascending));
    expect(large.median).toBeGreaterThan(small.median);
  });

  it('refuses to count no passes', async () => {
    const { now, session } = stage();
    await expect(measureLatency([{ session: session('a', [1]), feeds }], { runs: 0, now })).rejects.toThrow(
      OptionError,
    );
  });
});

describe('withRows', () => {
  it('repeats rows in turn', () => {
    expect(withRows(feeds, 3).get('x')).toEqual(float32([1, 2, 3, 4, 1, 2], [3, 2]));
  });

  it('cuts rows off', () => {
    expect(withRows(feeds, 1).get('x')).toEqual(float32([1, 2], [1, 2]));
  });

  it('keeps the element type', () => {
    expect(withRows(new Map([['ids', int64([7, 8], [1, 2])]]), 2).get('ids')).toEqual(int64([7, 8, 7, 8], [2, 2]));
  });

  it('refuses a scalar', () => {
    expect(() => withRows(new Map([['s', float32([1], [])]]), 2)).toThrow(ShapeError);
  });
});
