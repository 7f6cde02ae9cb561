import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWeights } from '../src/apply/weights.ts';
import { findWeights } from '../src/graph/weights.ts';
import { readModel } from '../src/onnx/files.node.ts';
import { reportSchema } from '../src/report/report.ts';
import { cli, Folder, SMALL, SMALL_WEIGHTS } from './cli-harness.ts';

const folder = new Folder();
let [model, data, test] = ['', '', ''];
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
  data = folder.data('train');
  test = folder.data('test');
});
afterAll(() => folder.remove());

async function nonzerosOf(path: string): Promise<number> {
  const written = await readModel(path);
  return readWeights(written, findWeights(written).prunable).filter((x) => x !== 0).length;
}

describe('coppice prune', () => {
  it('prints one report as JSON, and writes the model that it speaks of', async () => {
    const out = folder.at('half.onnx');
    const argv = [
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--eval',
      test,
      '-o',
      out,
      '--json',
      '-q',
      '--no-latency',
    ];
    const result = await cli(argv);
    expect(result).toMatchObject({ code: 0, err: '' });
    const report = reportSchema.parse(JSON.parse(result.out));
    expect(report).toMatchObject({
      nonzeros: 28,
      prunable: SMALL_WEIGHTS,
      macs: { before: 56, after: 28 },
      sparsity: 0.5,
      objective: null,
    });
    expect(report.command).toEqual(['coppice', ...argv]);
    expect(await nonzerosOf(out)).toBe(28);
  });

  it('prunes by every method with gradients of the data', async () => {
    for (const method of ['woodfisher', 'chita', 'chita-cd', 'chita-block']) {
      const out = folder.at(`${method}.onnx`);
      const { code, out: text } = await cli([
        'prune',
        model,
        '--method',
        method,
        '--sparsity',
        '0.75',
        '--data',
        data,
        '--eval',
        test,
        '-o',
        out,
        '--json',
        '-q',
        '--no-latency',
      ]);
      expect([method, code]).toEqual([method, 0]);
      const report = reportSchema.parse(JSON.parse(text));
      expect([method, report.nonzeros, await nonzerosOf(out)]).toEqual([method, 14, 14]);
      if (report.objective === null) expect(report.warnings.join()).toMatch(/kept: magnitude.*give more samples/);
      else expect(report.objective).toBeGreaterThan(0);
      expect(report.asked.options).toMatchObject({ samples: 40, loss: 'cross-entropy' });
    }
  });

  it('prunes in stages, with the first-order term of the method', async () => {
    const { code, out } = await cli([
      'prune',
      model,
      '--method',
      'chita++',
      '--stages',
      '3',
      '--batch',
      '2',
      '--sparsity',
      '0.75',
      '--data',
      data,
      '--eval',
      test,
      '-o',
      folder.at('stages.onnx'),
      '--json',
      '-q',
      '--no-latency',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      nonzeros: 14,
      asked: { options: { stages: 3, batch: 2, firstOrder: 0.5, samples: 20 } },
    });
  });

  it('makes inputs up where there is no data, and says what is not known', async () => {
    const { code, out, err } = await cli([
      'prune',
      model,
      '--sparsity',
      '0.5',
      '--data',
      'random:64',
      '-o',
      folder.at('random.onnx'),
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      nonzeros: 28,
      accuracy: { before: null, after: null },
      data: { address: 'random:64', sha256: null, rows: 64 },
      asked: { options: { loss: 'random' } },
    });
    expect(err).toContain('no --eval');
    expect(err).toContain('64 gradient rows are few');
  });

  it('makes inputs up at a size at which the model runs', async () => {
    const picky = folder.model(
      'picky.onnx',
      'input x: float32[N,1,H,W] const w: float32[2,1,5,5] = random(1) y = Conv(x, w) output y',
    );
    const argv = ['prune', picky, '--sparsity', '0.5', '--data', 'random:8', '-o', folder.at('picky-half.onnx')];
    const { code, out } = await cli([...argv, '--json', '-q', '--no-latency']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ nonzeros: 25, macs: { before: 50 * 60 * 60, after: 25 * 60 * 60 } });
  });

  it('draws labels from the model where the data has none', async () => {
    const bare = await cli([
      'prune',
      model,
      '--method',
      'chita',
      '--sparsity',
      '0.5',
      '--data',
      data.split(',')[0] as string,
      '-o',
      folder.at('bare.onnx'),
      '--json',
      '--no-latency',
    ]);
    expect(bare.code).toBe(0);
    expect(JSON.parse(bare.out).asked.options).toMatchObject({ labels: 'model', loss: 'cross-entropy' });
    expect(bare.err).toContain('the data has no labels');
  });

  it('writes the report as JSON and as a page', async () => {
    const { code, out } = await cli([
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--eval',
      test,
      '-o',
      folder.at('r.onnx'),
      '--report',
      folder.at('report/of/this'),
    ]);
    expect(code).toBe(0);
    expect(readdirSync(folder.at('report/of/this')).sort()).toEqual(['report.html', 'report.json']);
    expect(out).toContain('small.onnx pruned by magnitude: 50.00 % of 56 weights in 2 layers removed, 28 kept');
    expect(out).toMatch(/Accuracy +[\d.]+ % +[\d.]+ %/);
    expect(out).toContain('Latency, batch 1');
  });

  it('leaves layers alone', async () => {
    const { out } = await cli([
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--exclude',
      'sec*',
      '-o',
      folder.at('l.onnx'),
      '--json',
      '-q',
      '--no-latency',
    ]);
    expect(JSON.parse(out)).toMatchObject({
      prunable: 32,
      nonzeros: 16,
      untouched: expect.arrayContaining([expect.objectContaining({ name: 'w2' })]),
    });
  });

  it('keeps a share of each layer by --scope layer', async () => {
    const { out } = await cli([
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--scope',
      'layer',
      '-o',
      folder.at('s.onnx'),
      '--json',
      '-q',
      '--no-latency',
    ]);
    expect(JSON.parse(out).layers.map((layer: { kept: number }) => layer.kept)).toEqual([16, 12]);
  });

  it('chooses lambda on held-out rows by --tune', async () => {
    const { code, out } = await cli([
      'prune',
      model,
      '--sparsity',
      '0.5',
      '--data',
      data,
      '--eval',
      test,
      '--tune',
      '-o',
      folder.at('t.onnx'),
      '--json',
      '-q',
      '--no-latency',
    ]);
    expect(code).toBe(0);
    const { options } = JSON.parse(out).asked;
    expect(options.tuned.heldOut).toBe(8);
    expect(options.tuned.trials.map((trial: { lambda: number }) => trial.lambda)).toContain(options.lambda);
  });

  it('prints a plan and writes nothing by --dry-run', async () => {
    const { code, out } = await cli([
      'prune',
      model,
      '--method',
      'chita++',
      '--sparsity',
      '0.75',
      '--data',
      data,
      '-o',
      folder.at('none.onnx'),
      '--report',
      folder.at('none'),
      '--dry-run',
      '--json',
      '-q',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ schema: 'coppice/plan@1', nonzeros: 14, gradients: { rows: 2 } });
    expect(existsSync(folder.at('none.onnx')) || existsSync(folder.at('none'))).toBe(false);
  });

  it('exits with 1 below --min-accuracy, with the files written', async () => {
    const out = folder.at('gate.onnx');
    const argv = [
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.9',
      '--eval',
      test,
      '-o',
      out,
      '--no-latency',
      '-q',
    ];
    expect(await cli([...argv, '--min-accuracy', '0'])).toMatchObject({ code: 0 });
    const missed = await cli([...argv, '--min-accuracy', '1']);
    expect(missed.code).toBe(1);
    expect(missed.err).toMatch(/^coppice: the accuracy is [\d.]+ %, below the 100.00 % of --min-accuracy\n$/);
    expect(existsSync(out)).toBe(true);
  });

  it('times a model of many open dimensions on a small input', async () => {
    const open = folder.model(
      'open.onnx',
      `
      input x: float32[N,A,B,C,D,E,F,2]
      const w: float32[2,3] = random(1)
      y = MatMul(x, w)
      output y: float32[N,A,B,C,D,E,F,3]
    `,
    );
    const argv = [
      'prune',
      open,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--json',
      '-o',
      folder.at('open-50.onnx'),
    ];
    const { code, out } = await cli(argv);
    expect(code).toBe(0);
    expect(JSON.parse(out).latency[0].after.median).toBeGreaterThan(0);
  }, 120_000);

  it('warns of zeros that are there already, and of evaluation rows among the data', async () => {
    const once = folder.at('once.onnx');
    await cli(['prune', model, '--method', 'magnitude', '--sparsity', '0.9', '-o', once, '-q', '--no-latency']);
    const { err } = await cli([
      'prune',
      once,
      '--sparsity',
      '0.5',
      '--data',
      data,
      '--eval',
      `${data}[30:40]`,
      '-o',
      folder.at('twice.onnx'),
      '--no-latency',
    ]);
    expect(err).toContain('91.07 % of the prunable weights are zero already, more than the 50.00 % asked for');
    expect(err).toContain('10 rows of --eval are among the rows of --data');
  });

  it('gives the same model twice', async () => {
    const [a, b] = [folder.at('a.onnx'), folder.at('b.onnx')];
    for (const out of [a, b])
      await cli([
        'prune',
        model,
        '--sparsity',
        '0.5',
        '--data',
        data,
        '--samples',
        '20',
        '--seed',
        '7',
        '-o',
        out,
        '-q',
        '--no-latency',
      ]);
    expect(readFileSync(a)).toEqual(readFileSync(b));
  });
});

describe('a config file', () => {
  it('sets flags; those on the command line win', async () => {
    const config = folder.write(
      'c.json',
      JSON.stringify({
        eval: test,
        preprocess: { scale: '1/2' },
        options: { method: 'magnitude', sparsity: 0.25, latency: false, exclude: ['second'] },
      }),
    );
    const { code, out } = await cli([
      'prune',
      model,
      '--config',
      config,
      '--sparsity',
      '0.5',
      '-o',
      folder.at('c.onnx'),
      '--json',
      '-q',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      asked: { method: 'magnitude', sparsity: 0.5, options: { scale: '1/2' } },
      prunable: 32,
      latency: null,
    });
  });

  it('comes out of --print-config, and goes in again', async () => {
    const argv = [
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '--eval',
      test,
      '--layers',
      'first',
      '--no-latency',
      '--mean',
      '0.5',
      '-o',
      folder.at('p.onnx'),
    ];
    const printed = await cli(['prune', model, ...argv, '--print-config']);
    expect(printed.code).toBe(0);
    const config = folder.write('p.json', printed.out);
    expect((await cli(['prune', model, '--config', config, '--print-config'])).out).toBe(printed.out);
    const { out } = await cli(['prune', model, '--config', config, '--json', '-q']);
    expect(JSON.parse(out)).toMatchObject({ prunable: 32, nonzeros: 16, asked: { options: { mean: '0.5' } } });
  });

  it.each([
    ['{ "options": { "sparsty": 1 } }', 'there is no "sparsty" under "options" for prune; did you mean sparsity?'],
    ['{ "sparsity": 0.5 }', 'there is no "sparsity" for prune'],
    ['{ "options": { "latency": "no" } }', 'latency is "no"; wanted true or false'],
    ['{ "options": { "method": "chito" } }', 'did you mean chita?'],
    ['[]', 'wanted an object'],
    ['{', 'Cannot read the config file'],
  ])('is refused as %s', async (text, sentence) => {
    const { code, err } = await cli([
      'prune',
      model,
      '--config',
      folder.write('bad.json', text),
      '-o',
      folder.at('never.onnx'),
    ]);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});
