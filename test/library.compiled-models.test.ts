import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare, evaluate, inspect, type Model, openDataset, prune, sparsity } from '../src/index.ts';

const DIGITS = 'examples/digits/model.onnx';
const ROWS = 'npz:examples/digits/test.npz[:50]';
const preprocess = { scale: '1/255' };
const folder = mkdtempSync(join(tmpdir(), 'coppice-'));
const wasm = join(folder, 'model.wasm');
let pruned: Model;
let module: Uint8Array;
let inline: Uint8Array;

beforeAll(async () => {
  const asked = { method: 'magnitude', budget: sparsity(0.9), thread: false } as const;
  const apart = await prune(DIGITS, { ...asked, compile: { batch: 8 } });
  const whole = await prune(DIGITS, { ...asked, compile: { inline: true } });
  pruned = apart.model;
  module = apart.compiled?.['model.wasm'] as Uint8Array;
  inline = new TextEncoder().encode(whole.compiled?.['model.js'] as string);
  for (const [name, content] of Object.entries(apart.compiled ?? {})) writeFileSync(join(folder, name), content);
});
afterAll(() => rmSync(folder, { recursive: true }));

it('compiled models are evaluated wherever they lie: as the model that they were, to the row', async () => {
  const evaluation = await openDataset(ROWS, preprocess);
  const { accuracy, predictions, count } = await evaluate(pruned, { evaluation, thread: false });
  const data = new URL(`data:application/wasm;base64,${Buffer.from(module).toString('base64')}`);
  for (const place of [wasm, pathToFileURL(wasm), join(folder, 'model.js'), module, inline, data]) {
    const judged = await evaluate(place, { evaluation, thread: false });
    expect(judged).toMatchObject({ accuracy, count });
    expect(judged.predictions).toEqual(predictions);
  }
});

it('compare sets them beside ONNX models, timed at the batch size that each has', async () => {
  const request = { evaluation: ROWS, preprocess, latency: [1, 3], thread: false } as const;
  const [before, after, program] = await compare([DIGITS, pruned, wasm], request);
  expect(program).toMatchObject({ accuracy: after?.accuracy, agreement: after?.agreement, nonzeros: after?.nonzeros });
  expect(program?.bytes.raw).toBeGreaterThan(module.length); // with the file that loads it
  expect(before?.latency?.map(({ batch }) => batch)).toEqual([1, 3, 8]);
  expect(program?.latency?.map(({ batch }) => batch)).toEqual([8]);
  const [untimed] = await compare([inline], { thread: false });
  expect(untimed).toMatchObject({ accuracy: null, latency: null, bytes: { raw: inline.length } });
});

it('what needs the graph says so of a compiled model', async () => {
  await expect(inspect(wasm, { thread: false })).rejects.toThrow(/compiled model/);
  await expect(prune(module, { budget: sparsity(0.5), method: 'magnitude', thread: false })).rejects.toThrow(
    /compiled model/,
  );
});
