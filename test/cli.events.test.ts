import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli/run.ts';
import { eventSchema } from '../src/progress/events.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
afterAll(() => folder.remove());
const model = folder.model('net.onnx', SMALL);
const data = folder.data('train');
const evaluation = folder.data('test');

const eventsOf = (err: string) =>
  err
    .trimEnd()
    .split('\n')
    .map((line) => eventSchema.parse(JSON.parse(line)));

describe('--events ndjson', () => {
  const flags = ['--data', data, '--eval', evaluation, '--events', 'ndjson', '--json'];

  it('puts events alone on standard error, the document alone on standard output', async () => {
    const more = [
      '--method',
      'chita++',
      '--batch',
      '1',
      '--samples',
      '20',
      '--stages',
      '3',
      '--sparsity',
      '0.6',
      '--no-latency',
    ];
    const { code, out, err } = await cli(['prune', model, ...flags, ...more, '-o', folder.at('p.onnx')]);
    const events = eventsOf(err);
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(events[0]).toMatchObject({ type: 'start', schema: 'coppice/events@1' });
    expect(events.at(-1)).toMatchObject({ type: 'end', code: 0 });
    const stages = events.filter((event) => event.type === 'stage');
    expect(stages.map(({ accuracy }) => accuracy)).toEqual(
      report.stages.map((stage: { accuracy: number }) => stage.accuracy),
    );
    expect(stages).toHaveLength(3);
    expect(
      events.some((event) => event.type === 'progress' && event.step.endsWith('gradients') && event.done === 20),
    ).toBe(true);
    expect(events.filter((event) => event.type === 'accuracy').map(({ of }) => of)).toEqual(['before', 'after']);
    const times = events.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('has a cell of a sweep as soon as it is there', async () => {
    const { err } = await cli(['sweep', model, ...flags, '--methods', 'magnitude', '--sparsity', '0.5,0.9']);
    expect(eventsOf(err).flatMap((event) => (event.type === 'cell' ? [event.sparsity] : []))).toEqual([0.5, 0.9]);
  });

  it('says failures and missed gates as events', async () => {
    const refused = await cli(['prune', folder.at('none.onnx'), ...flags, '--sparsity', '0.5']);
    expect(
      eventsOf(refused.err)
        .map(({ type }) => type)
        .slice(-2),
    ).toEqual(['failure', 'end']);
    expect(eventsOf(refused.err).at(-1)).toMatchObject({ code: refused.code });
    const more = ['--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '--min-accuracy', '1'];
    const missed = await cli(['prune', model, ...flags, ...more, '-o', folder.at('q.onnx')]);
    expect(missed.code).toBe(1);
    expect(eventsOf(missed.err).filter(({ type }) => type === 'failure' || type === 'end')).toMatchObject([
      { message: expect.stringContaining('--min-accuracy') },
      { code: 1 },
    ]);
  });
});

describe('a terminal', () => {
  async function onTerminal(argv: string[], outColumns: number, env = {}): Promise<string> {
    let out = '';
    const io = {
      out: (text: string) => {
        out += text;
      },
      err: () => undefined,
      terminal: true,
      columns: outColumns,
      outColumns,
      env,
      signal: new AbortController().signal,
    };
    await run(argv, io, '1.2.3');
    return out;
  }

  it.each([54, 60, 200])('of %i columns gets tables that fit, and sparklines of its layers', async (columns) => {
    const wide = folder.model('wide.onnx', SMALL.replaceAll('w1', 'features.block.7.convolution.weight'));
    const out = await onTerminal(['plan', wide, '--method', 'magnitude', '--sparsity', '0.5'], columns);
    const table = out.slice(out.indexOf('kept by layer')).split('\n').slice(0, -2);
    expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(out).toMatch(/kept by layer {2}[\u2581-\u2588]{2}\n/);
  });

  it('gets no colours with NO_COLOR', async () => {
    const { err } = await cli(['eval', model], { terminal: true, env: { NO_COLOR: '1' } });
    expect(err).toContain('warning: no --eval');
    expect(err.replaceAll('\r\u001b[2K', '')).not.toContain('\u001b');
    const { err: coloured } = await cli(['eval', model], { terminal: true });
    expect(coloured).toContain('\u001b[33mwarning');
  });
});
