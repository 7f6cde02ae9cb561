import { afterEach, describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript, which worker threads run as it is
import { open } from '../../test/executor/tasks.mjs';
import { DataError, EngineError } from '../errors/errors.ts';
import type { Executor } from './executor.ts';
import { inline } from './inline.ts';
import { threads } from './threads.node.ts';

const FILE = new URL('../../test/executor/tasks.mjs', import.meta.url);
const opened: Executor[] = [];

function inThreads(count = 2, setup?: object): Executor {
  const pool = threads({ file: FILE, setup, threads: count, purpose: 'do the sums' });
  opened.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((pool) => pool.close()));
});

describe.each([
  ['in the caller’s thread', () => inline(open(undefined))],
  ['in worker threads', () => inThreads()],
] as const)('an executor %s', (_, make) => {
  it('gives each call its own result', async () => {
    const executor = make();
    const results = await Promise.all(Array.from({ length: 20 }, (_, x) => executor.run<number>('double', x)));
    expect(results).toEqual(Array.from({ length: 20 }, (_, x) => 2 * x));
  });

  it('keeps message, code and fields of errors', async () => {
    const error = { name: 'DataError', code: 'data', message: 'row 3 is short', fields: { row: 3 } };
    await expect(make().run('fail', error)).rejects.toMatchObject({
      code: 'data',
      message: 'row 3 is short',
      fields: { row: 3 },
    });
  });

  it('answers what a task asks', async () => {
    await expect(make().run('add', 1, { answer: () => 41 })).resolves.toBe(42);
  });

  it('ends a call whose signal is aborted, with its reason', async () => {
    const stop = new AbortController();
    const executor = make();
    const called = executor.run('wait', 20_000, { signal: stop.signal });
    setTimeout(() => stop.abort(new DOMException('enough', 'AbortError')), 50);
    await expect(called).rejects.toThrow('enough');
    await expect(executor.run('double', 2)).resolves.toBe(4);
  });

  it('does not begin what was aborted before', async () => {
    await expect(make().run('wait', 20_000, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('takes results whose buffers move', async () => {
    await expect(make().run('sum', Float32Array.of(1, 2))).resolves.toEqual(Float32Array.of(2, 3));
  });
});

describe('worker threads', () => {
  it('give errors their class again', async () => {
    const error = { name: 'DataError', code: 'data', message: 'row 3 is short', fields: {} };
    await expect(inThreads().run('fail', error)).rejects.toBeInstanceOf(DataError);
  });

  it.each([
    ['ends', 'crash', /^Cannot do the sums: a worker thread ended \(exit code 3\); use fewer threads/],
    ['stumbles', 'stumble', /^Cannot do the sums: a worker thread ended: out of something; use fewer threads/],
  ])('that one %s is an error with a remedy, and others take over', async (_, task, sentence) => {
    const pool = inThreads(1);
    const [lost, next] = await Promise.allSettled([pool.run(task, null), pool.run('double', 4)]);
    expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(EngineError) });
    expect((lost as PromiseRejectedResult).reason.message).toMatch(sentence);
    expect(next).toEqual({ status: 'fulfilled', value: 8 });
  });

  it('that cannot be opened fail every call with the reason', async () => {
    const pool = inThreads(2, { failing: true });
    const calls = await Promise.allSettled([pool.run('double', 1), pool.run('double', 2), pool.run('double', 3)]);
    for (const call of calls) expect(call).toMatchObject({ reason: new RangeError('nothing opens') });
    await expect(pool.run('double', 4)).rejects.toThrow('nothing opens');
  });

  it('finish what proceeds before they are closed, and take nothing afterwards', async () => {
    const pool = inThreads(2);
    const calls = [pool.run('wait', 50), pool.run('wait', 80), pool.run('wait', 10)];
    await pool.close();
    await expect(Promise.all(calls)).resolves.toEqual(['waited', 'waited', 'waited']);
    await expect(pool.run('double', 1)).rejects.toThrow('its threads are closed');
  });

  it('are closed at every moment of their life', async () => {
    for (let at = 0; at < 12; at++) {
      const pool = inThreads(2);
      const call = at % 3 === 0 ? pool.run('double', at) : null;
      await new Promise((resolve) => setTimeout(resolve, 4 * at));
      await pool.close();
      if (call !== null) await expect(call).resolves.toBe(2 * at);
    }
  });

  it('refuse what cannot be sent, and go on', async () => {
    const pool = inThreads(1);
    await expect(pool.run('double', () => 1)).rejects.toThrow(/could not be cloned/);
    await expect(pool.run('double', 3)).resolves.toBe(6);
  });
});
