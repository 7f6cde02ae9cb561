import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../src/cli/exit-codes.ts';
import { type CompiledFiles, evaluate, sparsity, sweep } from '../src/index.ts';
import type { SweepReport } from '../src/report/sweep-report.ts';
import { frontChart, measuresOf } from '../src/report/views/sweep-charts.ts';
import { cli, Folder } from './cli-harness.ts';

const DIGITS = 'examples/digits/model.onnx';
const ROWS = 'npz:examples/digits/test.npz[:200]';
const folder = new Folder();
let document: SweepReport;
let printed = '';

beforeAll(async () => {
  const { code, out } = await cli([
    ...['sweep', DIGITS, '--methods', 'magnitude', '--sparsity', '0.5,0.9', '--eval', ROWS, '--scale', '1/255'],
    ...['--compile', '-o', folder.at('models'), '--report', folder.at('report'), '--no-checkpoint', '-q'],
  ]);
  expect(code).toBe(EXIT.ok);
  printed = out;
  document = JSON.parse(readFileSync(folder.at('report/sweep.json'), 'utf8'));
});
afterAll(() => folder.remove());

describe('coppice sweep --compile', () => {
  it('writes a program beside each model, and measures it as eval does', async () => {
    for (const { compiled, accuracy, sparsity: share } of document.cells) {
      expect(compiled).toMatchObject({ refused: null, accuracy });
      expect(compiled?.latency).toBeGreaterThan(0);
      const file = folder.at(`models/model-magnitude-${share}.wasm`);
      expect(existsSync(file)).toBe(true);
      const { out } = await cli(['eval', file, '--eval', ROWS, '--scale', '1/255', '--json', '-q', '--no-latency']);
      expect(JSON.parse(out).accuracy).toBe(compiled?.accuracy);
    }
    const [half, tenth] = document.cells;
    expect(tenth?.compiled?.bytes).toBeLessThan(half?.compiled?.bytes as number);
    expect(document.dense.compiled?.bytes).toBeGreaterThan(half?.compiled?.bytes as number);
  });

  it('shows them: a table of programs, and fronts of their own', () => {
    expect(printed).toMatch(
      /compiled +budget +accuracy +latency +brotli\n[- ]+\nmagnitude +sparsity 50%( +[\d.]+ \S+){3}\n/,
    );
    expect(measuresOf(document)).toEqual(['sparsity', 'macs', 'bytes', 'compiledBytes', 'compiledLatency']);
    const { series } = frontChart(document, 'compiledBytes');
    expect(series.map(({ name, points }) => [name, points.map(({ x }) => x)])).toEqual([
      ['magnitude', document.cells.map(({ compiled }) => compiled?.bytes).reverse()],
      ['Dense', [document.dense.compiled?.bytes]],
    ]);
  });
});

it('in code each cell comes with its files', async () => {
  const files: (CompiledFiles | null)[] = [];
  const preprocess = { scale: '1/255' };
  const cells = await sweep(DIGITS, {
    ...{ methods: ['magnitude'], budgets: [sparsity(0.5), sparsity(0.9)], evaluation: ROWS, preprocess, thread: false },
    compile: { weights: 'int8' },
    onCell: (_cell, _model, compiled) => {
      files.push(compiled);
    },
  });
  expect(files.map((one) => Object.keys(one ?? {}))).toEqual(
    [1, 2].map(() => ['model.d.ts', 'model.js', 'model.wasm']),
  );
  const module = files[1]?.['model.wasm'] as Uint8Array;
  const judged = await evaluate(module, { evaluation: ROWS, preprocess, thread: false });
  expect(cells[1]?.compiled).toMatchObject({ accuracy: judged.accuracy, loss: judged.loss, refused: null });
});
