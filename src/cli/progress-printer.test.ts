import { describe, expect, it } from 'vitest';
import type { Io } from './io.ts';
import { progressPrinter, progressText } from './progress-printer.ts';

/** A printer on a clock that the test moves. */
function printing({
  terminal = false,
  env = {},
  quiet = false,
}: {
  terminal?: boolean;
  env?: Io['env'];
  quiet?: boolean;
}) {
  const said: string[] = [];
  const clock = { now: 0 };
  const io: Io = {
    out: () => undefined,
    err: (text) => said.push(text),
    terminal,
    columns: 60,
    env,
    signal: new AbortController().signal,
  };
  const printer = progressPrinter(io, quiet, () => clock.now);
  const tick = (ms: number, done: number, step = 'gradients') => {
    clock.now += ms;
    printer.onProgress({ step, done, total: 100, unit: 'samples' });
  };
  return { said, printer, tick };
}

describe('progress', () => {
  it('shows rate and time left', () => {
    const text = progressText({ step: 'gradients', done: 25, total: 100, unit: 'samples', note: 'loss 0.3' }, 5, true);
    expect(text).toBe('gradients [#####...............] 25/100 samples, 5.0/s, 15.0 s left, loss 0.3');
  });

  it('has no end where the total is only a limit', () => {
    expect(progressText({ step: 'solving', done: 3, total: 1000, unit: 'steps' }, 2, true)).toBe(
      'solving: 3 steps, 1.5/s',
    );
  });

  it('is one line that is redrawn on a terminal, at most ten times a second', () => {
    const { said, printer, tick } = printing({ terminal: true });
    for (const done of [1, 2, 3]) tick(40, done);
    tick(40, 4);
    expect(said).toHaveLength(2);
    for (const text of said)
      expect([text.startsWith('\r\x1b[2K'), text.includes('\n'), text.length <= 59 + 5]).toEqual([true, false, true]);
    printer.line('a warning');
    expect(said.slice(2)).toEqual(['\r\x1b[2K', 'a warning\n']);
    printer.clear();
    expect(said).toHaveLength(4);
  });

  it.each([
    ['a file', {}],
    ['CI', { terminal: true, env: { CI: 'true' } }],
    ['a dumb terminal', { terminal: true, env: { TERM: 'dumb' } }],
  ])('is a line every ten seconds for %s', (_, where) => {
    const { said, tick } = printing(where);
    for (let done = 1; done <= 25; done++) tick(1000, done);
    expect(said).toEqual([
      'gradients: 10/100 samples, 1.0/s, 90.0 s left\n',
      'gradients: 20/100 samples, 1.0/s, 80.0 s left\n',
    ]);
  });

  it('counts each step from its own start', () => {
    const { said, tick } = printing({});
    for (const done of [50, 100]) tick(4000, done);
    tick(4000, 10, 'evaluation');
    expect(said).toEqual(['evaluation: 10/100 samples, 2.5/s, 36.0 s left\n']);
  });

  it('is silent when told to be', () => {
    const { said, tick } = printing({ terminal: true, quiet: true });
    tick(60_000, 1);
    expect(said).toEqual([]);
  });
});
