import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../src/cli/exit-codes.ts';
import type { Report } from '../src/report/report.ts';
import { cli, Folder } from './cli-harness.ts';

const DIGITS = 'examples/digits/model.onnx';
const ROWS = ['--eval', 'npz:examples/digits/test.npz[:200]', '--scale', '1/255'];
const folder = new Folder();
let report: Report;
let printed = '';

beforeAll(async () => {
  const { code, out } = await cli([
    ...['prune', DIGITS, '--method', 'magnitude', '--sparsity', '0.9', '-o', folder.at('p.onnx'), '--compile'],
    ...[...ROWS, '--report', folder.at('report'), '-q'],
  ]);
  expect(code).toBe(EXIT.ok);
  printed = out;
  report = JSON.parse(readFileSync(folder.at('report/report.json'), 'utf8'));
});
afterAll(() => folder.remove());

describe('coppice prune --compile', () => {
  it('writes the program beside the model, and measures it beside both models', () => {
    for (const ending of ['onnx', 'wasm', 'js', 'd.ts']) expect(existsSync(folder.at(`p.${ending}`))).toBe(true);
    const { compiled, nonzeros, accuracy } = report;
    expect(compiled).toMatchObject({ refused: null, batch: 1, weights: 'f32', rows: 64, agreement: 1 });
    expect(compiled?.kept).toBe(nonzeros);
    expect(compiled?.accuracy).toBe(accuracy.after);
    expect(compiled?.difference).toBeLessThan(1e-5);
    expect(compiled?.files.map(({ name }) => name)).toEqual(['p.js', 'p.wasm']);
    expect(compiled?.files[1]?.raw).toBe(readFileSync(folder.at('p.wasm')).length);
    for (const side of ['before', 'after', 'compiled'] as const)
      expect(compiled?.latency?.[side]?.median).toBeGreaterThan(0);
    expect(printed).toMatch(/Latency compiled, batch 1 +\d/);
    expect(printed).toContain(`program ${folder.at('p.js')}`);
    expect(report.latency?.map(({ batch }) => batch)).toEqual([1, 32]);
  });

  it('is a step of the recipe that the report holds', async () => {
    expect(report.recipe?.steps).toMatchObject([{ do: 'prune' }, { do: 'compile' }]);
    const again = folder.at('again.onnx');
    const { code } = await cli(['run', folder.at('report/report.json'), DIGITS, '-o', again, '--no-latency', '-q']);
    expect(code).toBe(EXIT.ok);
    expect(readFileSync(folder.at('again.wasm'))).toEqual(readFileSync(folder.at('p.wasm')));
  });

  it('goes where it is told to, in one file, with the batch that is asked for', async () => {
    const { code, out } = await cli([
      ...['prune', DIGITS, '--method', 'magnitude', '--sparsity', '0.9', '-o', folder.at('q.onnx'), ...ROWS],
      ...['--compile', folder.at('one.js'), '--inline', '--compile-batch', '8', '--no-latency', '--json', '-q'],
    ]);
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(out).compiled).toMatchObject({ batch: 8, accuracy: report.accuracy.after, agreement: 1 });
    expect([existsSync(folder.at('one.js')), existsSync(folder.at('one.wasm'))]).toEqual([true, false]);
  });

  it('writes a model that cannot be compiled all the same, and names the nodes', async () => {
    const text = `
      input x: float32[2,4]
      const w: float32[4,8] = random(1)
      h = MatMul(x, w) @first
      n = NonZero(h) @places
      output n: int64[2,N]`;
    const model = folder.model('places.onnx', text);
    const output = folder.at('places-pruned.onnx');
    const { code, out, err } = await cli([
      ...['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '-o', output, '--compile', '--json', '-q'],
    ]);
    expect(code).toBe(EXIT.unfinished);
    expect(existsSync(output)).toBe(true);
    expect(existsSync(folder.at('places-pruned.wasm'))).toBe(false);
    expect(err).toContain(`The model was written to "${output}"; it is not compiled`);
    expect(err).toContain('"places" (NonZero)');
    expect(JSON.parse(out).compiled).toMatchObject({ files: [], latency: null });
    expect(JSON.parse(out).compiled.refused).toContain('"places" (NonZero)');
  });

  it('refuses to compile before the last step, and onto the model', async () => {
    const file = folder.write(
      'early.json',
      JSON.stringify({
        schema: 'coppice/recipe@1',
        steps: [{ do: 'compile' }, { do: 'prune', method: 'magnitude', budget: { sparsity: 0.5 } }],
      }),
    );
    const early = await cli(['run', file, DIGITS, '-o', folder.at('e.onnx')]);
    expect([early.code, existsSync(folder.at('e.onnx'))]).toEqual([EXIT.usage, false]);
    expect(early.err).toContain('only the last step can compile');
  });
});

describe('compiled models beside others', () => {
  it('are judged by coppice eval as the model was', async () => {
    const { code, out } = await cli(['eval', folder.at('p.wasm'), ...ROWS, '--latency', '--json', '-q']);
    expect(code).toBe(EXIT.ok);
    const said = JSON.parse(out);
    expect(said).toMatchObject({ accuracy: report.accuracy.after, count: 200, nonzeros: report.nonzeros });
    expect(said.loss).toBeCloseTo(report.loss.after as number, 5);
    expect(said.latency).toMatchObject([{ batch: 1 }]);
  });

  it('are compared with ONNX models, as .wasm, .js and in one file', async () => {
    const files = [DIGITS, ...['p.onnx', 'p.wasm', 'p.js', 'one.js'].map((name) => folder.at(name))];
    const { code, out } = await cli(['compare', ...files, ...ROWS, '--json', '-q']);
    expect(code).toBe(EXIT.ok);
    const { models } = JSON.parse(out);
    const [dense, pruned, ...programs] = models;
    expect(dense.agreement).toBe(1);
    for (const program of programs) {
      expect(program.accuracy).toBe(pruned.accuracy);
      expect(program.agreement).toBe(pruned.agreement);
    }
    expect(models.map(({ latency }: { latency: { batch: number }[] }) => latency.map(({ batch }) => batch))).toEqual([
      ...[
        [1, 8, 32],
        [1, 8, 32],
      ],
      ...[[1], [1], [8]],
    ]);
  });

  it('are refused where the file is none', async () => {
    const bad = folder.write('bad.wasm', 'no module');
    const other = folder.write('other.js', 'export const x = 1;');
    for (const file of [bad, other, folder.at('absent.wasm')]) {
      const { code, err } = await cli(['eval', file, ...ROWS]);
      expect(code).toBe(EXIT.model);
      expect(err).toContain('Cannot open');
    }
  });
});
