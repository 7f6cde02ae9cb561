import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { constantOf } from '../src/ir/access.ts';
import { cli, Folder, SMALL, SMALL_WEIGHTS } from './cli-harness.ts';

const folder = new Folder();
let [model, pruned, data, test] = ['', '', '', ''];
beforeAll(async () => {
  model = folder.model('small.onnx', SMALL);
  data = folder.data('train');
  test = folder.data('test');
  pruned = folder.at('pruned.onnx');
  await cli(['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '-o', pruned, '-q', '--no-latency']);
});
afterAll(() => folder.remove());

describe('coppice inspect', () => {
  it('lists layers with shapes and MACs, and what is left alone', async () => {
    const { code, out, err } = await cli(['inspect', model]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('x: float32[N, 4]');
    expect(out).toMatch(/w1 +first +MatMul +\[4, 8\] +32 +\[1, 8\] +32/);
    expect(out).toContain('Prunable: 56 weights in 2 layers, 56 MACs a sample');
  });

  it('prints one document as JSON, zeros and NaN counted', async () => {
    const bad = folder.model('bad.onnx', SMALL, (m) => {
      const w1 = constantOf({ type: 'float32', dims: [4, 8], data: new Float32Array(32).fill(Number.NaN, 3, 4) });
      return { ...m, graph: { ...m.graph, constants: new Map([...m.graph.constants, ['w1', w1]]) } };
    });
    const { code, out } = await cli(['inspect', bad, '--json', '-q']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'coppice/inspection@1',
      opsets: { 'ai.onnx': 17 },
      operators: { Add: 1, Gemm: 1, MatMul: 1, Relu: 1 },
      parameters: 64,
      prunable: [{ name: 'w1', node: 'first', zeros: 31, notFinite: 1, macs: 32, output: [1, 8] }, { name: 'w2' }],
      totals: { prunable: SMALL_WEIGHTS, nonzeros: 25, notFinite: 1, macs: 56 },
    });
  });

  it('works on a model that does not run, and says why', async () => {
    const { code, out, err } = await cli([
      'inspect',
      folder.model('odd.onnx', SMALL.replace('Relu(a)', 'com.example:Mystery(a)')),
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      totals: { prunable: SMALL_WEIGHTS, macs: null },
      doesNotRun: expect.stringContaining('Mystery'),
    });
    expect(err).toMatch(/^coppice: warning: shapes and MACs are not known[^\n]+Mystery[^\n]+\n$/);
  });

  it('takes open dimensions as large as it is told', async () => {
    const open = folder.model(
      'open.onnx',
      'input x: float32[N,1,H,W] const w: float32[2,1,3,3] = random(1) y = Conv(x, w) { pads: [1,1,1,1] } output y',
    );
    const { out } = await cli(['inspect', open, '--open', '10', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      openDimensions: 10,
      totals: { macs: 1800 },
      prunable: [{ output: [1, 2, 10, 10] }],
    });
  });

  it('reads half floats', async () => {
    const half = folder.model(
      'f16.onnx',
      'input x: float16[N,4] const w: float16[4,2] = [1,0,3,4,inf,0,7,8] y = MatMul(x, w) output y',
    );
    const { out } = await cli(['inspect', half, '--json', '-q']);
    expect(JSON.parse(out).prunable).toMatchObject([{ name: 'w', zeros: 2, notFinite: 1 }]);
  });

  it('says why a weight is left alone, or to magnitudes', async () => {
    const text = `input x: float64[N,4] const w: float64[4,2] = [1,2,3,4,5,6,7,8] y = MatMul(x, w)
      input i: int32[N,4] const v: int32[4,2] = ones z = MatMul(i, v) output y, z`;
    const { out } = await cli(['inspect', folder.model('f64.onnx', text)]);
    expect(out).toMatch(/\nw +MatMul .* magnitude: its elements are float64\n/);
    expect(out).toMatch(
      /Left alone:\n\nweight +operator +shape +weights +why\n.*\nv +MatMul +\[4, 2\] +8 +its elements are int32/,
    );
  });
});

describe('coppice eval', () => {
  it('prints accuracy, loss, counts and size', async () => {
    const { code, out, err } = await cli(['eval', pruned, '--eval', test, '--json', '--latency']);
    expect(code).toBe(0);
    expect(err).toMatch(/^output "\w+": .* of \d+ classes; labels, cross-entropy\n$/);
    const document = JSON.parse(out);
    expect(document).toMatchObject({
      schema: 'coppice/evaluation@1',
      count: 40,
      nonzeros: 28,
      prunable: SMALL_WEIGHTS,
      sparsity: 0.5,
      macs: { dense: 56, nonzero: 28 },
    });
    expect(document.accuracy * 40).toBeCloseTo(Math.round(document.accuracy * 40), 9);
    expect(document.latency.map(({ batch }: { batch: number }) => batch)).toEqual([1, 32]);
    expect(document.bytes.gzip).toBeLessThan(document.bytes.raw);
  });

  it('agrees with the report of the run that pruned', async () => {
    const run = JSON.parse(
      (
        await cli([
          'prune',
          model,
          '--method',
          'magnitude',
          '--sparsity',
          '0.5',
          '--eval',
          test,
          '-o',
          folder.at('again.onnx'),
          '--json',
          '-q',
        ])
      ).out,
    );
    const {
      accuracy,
      loss,
      model: file,
    } = JSON.parse((await cli(['eval', pruned, '--eval', test, '--json', '-q'])).out);
    expect([accuracy, loss, file.sha256]).toEqual([run.accuracy.after, run.loss.after, run.output.sha256]);
  });

  it('counts without data, and says that it only counts', async () => {
    const { code, out, err } = await cli(['eval', pruned]);
    expect(code).toBe(0);
    expect(err).toBe('coppice: warning: no --eval: accuracy and loss are not measured\n');
    expect(out).toContain('28 of 56 (50.00 % zeros)');
    expect(out).not.toContain('n/a');
  });
});

describe('coppice compare', () => {
  it('puts models side by side', async () => {
    const { code, out } = await cli(['compare', model, pruned, '--eval', test, '--json']);
    expect(code).toBe(0);
    const { models } = JSON.parse(out);
    expect(models).toMatchObject([{ nonzeros: 56, agreement: 1 }, { nonzeros: 28 }]);
    expect(models[1].agreement).toBeGreaterThan(0);
    expect(models[1].latency[0]).toMatchObject({ batch: 1, runs: 50 });
  });

  it('prints a table without the columns that are not known', async () => {
    const { out } = await cli(['compare', model, pruned, '-q', '--no-latency']);
    expect(out.split('\n')[0]).toMatch(/^model +nonzeros +zeros +MACs +raw +gzip +brotli$/);
  });
});

describe('coppice sweep', () => {
  const common = (): string[] => ['--sparsity', '0.5,0.75', '--data', data, '--eval', test, '-q'];

  it('gives what single runs give, in the order asked for', async () => {
    const { code, out } = await cli([
      'sweep',
      model,
      '--methods',
      'chita++,magnitude,chita',
      '--seeds',
      '1,2',
      '--batch',
      '1',
      '--stages',
      '2',
      ...common(),
      '--json',
    ]);
    expect(code).toBe(0);
    const { cells, summary, dense } = JSON.parse(out);
    expect(dense.accuracy).toBeGreaterThanOrEqual(0);
    expect(
      cells.map((c: { method: string; sparsity: number; seed: number }) => `${c.method} ${c.sparsity} ${c.seed}`),
    ).toEqual([
      'chita++ 0.5 1',
      'chita++ 0.5 2',
      'chita++ 0.75 1',
      'chita++ 0.75 2',
      'magnitude 0.5 1',
      'magnitude 0.75 1',
      'chita 0.5 1',
      'chita 0.5 2',
      'chita 0.75 1',
      'chita 0.75 2',
    ]);
    for (const { method, sparsity, seed, loss, objective } of cells) {
      const single = await cli([
        'prune',
        model,
        '--method',
        method,
        '--sparsity',
        `${sparsity}`,
        '--seed',
        `${seed}`,
        '--batch',
        '1',
        '--stages',
        '2',
        '--data',
        data,
        '--eval',
        test,
        '-o',
        folder.at('single.onnx'),
        '--json',
        '-q',
        '--no-latency',
      ]);
      const report = JSON.parse(single.out);
      expect([method, sparsity, loss, objective]).toEqual([method, sparsity, report.loss.after, report.objective]);
    }
    expect(summary).toHaveLength(6);
    expect(summary[0].accuracy.sd).not.toBeNull();
  });

  it('prints a table of accuracies', async () => {
    const { out } = await cli(['sweep', model, '--methods', 'magnitude,chita', ...common()]);
    expect(out).toMatch(
      /^small\.onnx: dense accuracy [\d.]+ %\n\nbudget +magnitude +chita\n[- ]+\nsparsity 50%( +[\d.]+ %[ *]*){2}\nsparsity 75%( +[\d.]+ %[ *]*){2}\n\n\* on the Pareto front.*\n$/,
    );
  });

  it('prints one line a run as CSV, and writes the models', async () => {
    const { out } = await cli([
      'sweep',
      model,
      '--methods',
      'magnitude',
      ...common(),
      '--csv',
      '-o',
      folder.at('models'),
    ]);
    const [heading, ...lines] = out.trimEnd().split('\n');
    expect(heading?.split(',').slice(0, 4)).toEqual(['method', 'sparsity', 'seed', 'accuracy']);
    expect(lines.map((line) => line.split(',').slice(0, 3).join())).toEqual(['magnitude,0.5,1', 'magnitude,0.75,1']);
    expect(readdirSync(folder.at('models')).sort()).toEqual(['small-magnitude-0.5.onnx', 'small-magnitude-0.75.onnx']);
  });

  it('spans budgets of multiply-accumulates, which every run keeps to', async () => {
    const shared = common().slice(2);
    const { out } = await cli([
      'sweep',
      model,
      '--methods',
      'magnitude,falcon-bs',
      '--flops',
      '0.3..0.5:0.2',
      ...shared,
      '--json',
    ]);
    const { cells, summary } = JSON.parse(out) as {
      cells: { method: string; flops: number; sparsity: null; macs: number }[];
      summary: { pareto: boolean }[];
    };
    expect(cells.map(({ method, flops, sparsity }) => [method, flops, sparsity])).toEqual([
      ['magnitude', 0.3, null],
      ['magnitude', 0.5, null],
      ['falcon-bs', 0.3, null],
      ['falcon-bs', 0.5, null],
    ]);
    for (const { flops, macs } of cells) {
      expect(macs).toBeLessThanOrEqual(flops);
      expect(macs).toBeGreaterThan(flops - 1 / 56);
    }
    expect(summary.some(({ pareto }) => pareto)).toBe(true);
  });
});
