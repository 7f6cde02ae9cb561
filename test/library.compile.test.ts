import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { openDataset, prune, sparsity } from '../src/index.ts';

const DIGITS = 'examples/digits/model.onnx';

it('a pruning in code gives the compiled files too, measured, and they run', async () => {
  const evaluation = await openDataset('npz:examples/digits/test.npz[:50]', { scale: '1/255' });
  const { report, compiled } = await prune(DIGITS, {
    ...{ method: 'magnitude', budget: sparsity(0.9), evaluation, latency: [1], thread: false },
    compile: { inline: true },
  });
  expect(report.compiled).toMatchObject({ refused: null, agreement: 1, accuracy: report.accuracy.after });
  expect(report.compiled?.latency?.compiled.median).toBeGreaterThan(0);
  expect(Object.keys(compiled ?? {})).toEqual(['model.d.ts', 'model.js']);
  const folder = mkdtempSync(join(tmpdir(), 'coppice-'));
  try {
    const file = join(folder, 'model.mjs');
    writeFileSync(file, compiled?.['model.js'] as string);
    const { load } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    const model = await load();
    const [input] = model.inputs;
    const size = input.dims.reduce((a: number, b: number) => a * b, 1);
    const outputs = model.run({ [input.name]: new Float32Array(size) });
    expect(outputs[model.outputs[0].name]).toHaveLength(10);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('without being asked it compiles nothing, and what cannot be is refused before any work', async () => {
  const plain = await prune(DIGITS, { method: 'magnitude', budget: sparsity(0.9), thread: false });
  expect([plain.compiled, plain.report.compiled]).toEqual([null, null]);
  const wrong = { method: 'magnitude', budget: sparsity(0.9), compile: { batch: 0 } } as const;
  await expect(prune(DIGITS, wrong)).rejects.toThrow('"compile"');
});
