import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { npyBytes } from '../src/data/bytes.cases.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { DataError } from '../src/errors/errors.ts';
import { evaluate, finetune, prune, sparsity } from '../src/index.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { random } from '../src/tensor/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'coppice-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = 60;
const MODEL = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const a: float32[8, 3] = random(2)
  const b: float32[8, 3] = random(3)
  const c: float32[8, 2] = random(4)
  h = MatMul(x, w)
  r = Relu(h)
  kind = MatMul(r, a)
  colour = MatMul(r, b)
  place = MatMul(r, c)
  output kind, colour, place
`);

const rng = random(7);
const x = Float32Array.from({ length: 6 * ROWS }, () => rng.normal());

/** What the model says, as answers of its outputs. */
async function answers() {
  const session = await engine.createSession(MODEL);
  const results = await session.run(new Map([['x', { type: 'float32' as const, dims: [ROWS, 6], data: x }]]));
  await session.release();
  const floats = (name: string) => results.get(name)?.data as Float32Array;
  const best = (name: string) =>
    BigInt64Array.from({ length: ROWS }, (_, i) => {
      const row = [...floats(name).subarray(3 * i, 3 * i + 3)];
      return BigInt(row.indexOf(Math.max(...row)));
    });
  return {
    kind: npyBytes('<i8', [ROWS], best('kind')),
    colour: npyBytes('<i8', [ROWS], best('colour')),
    place: npyBytes('<f4', [ROWS, 2], floats('place')),
  };
}

function npz(name: string, arrays: Record<string, Uint8Array>): string {
  const path = join(folder, name);
  const all = { x: npyBytes('<f4', [ROWS, 6], x), ...arrays };
  writeFileSync(path, zipSync(Object.fromEntries(Object.entries(all).map(([key, bytes]) => [`${key}.npy`, bytes]))));
  return `npz:${path}`;
}

describe('answers that are named for one of several outputs', async () => {
  const { kind, colour, place } = await answers();
  const all = npz('all.npz', { 'y.kind': kind, 'y.colour': colour, 'y.place': place });

  it('judge that output: each by its own', async () => {
    for (const output of ['kind', 'colour']) {
      const { accuracy, loss } = await evaluate(MODEL, { evaluation: all, output });
      expect([output, accuracy]).toEqual([output, 1]);
      expect(loss).toBeGreaterThan(0);
    }
    expect((await evaluate(MODEL, { evaluation: all, output: 'place' })).loss).toBeCloseTo(0, 6);
  });

  it('judge the first output that has some, where none is named', async () => {
    const some = npz('some.npz', { 'y.colour': colour, 'y.place': place });
    expect((await evaluate(MODEL, { evaluation: some })).accuracy).toBe(1);
  });

  it('train and prune by that output', async () => {
    const rows = npz('colour.npz', { 'y.colour': colour });
    const { model } = await finetune(MODEL, { data: rows, epochs: 1, batch: 20, rate: 0.01 });
    expect((await evaluate(model, { evaluation: rows })).accuracy).toBeGreaterThan(0.9);
    const pruned = await prune(MODEL, { data: rows, method: 'chita', samples: 40, budget: sparsity(0.3) });
    expect((await evaluate(pruned.model, { evaluation: rows })).accuracy).toBeGreaterThan(0.7);
  });

  it('are refused for an output that they are not named for', async () => {
    const rows = npz('kind.npz', { 'y.kind': kind });
    await expect(evaluate(MODEL, { evaluation: rows, output: 'place' })).rejects.toThrow(DataError);
    await expect(evaluate(MODEL, { evaluation: rows, output: 'place' })).rejects.toThrow(
      /labels or targets of output "kind", none of "place"; save them as array y\.place/,
    );
  });

  it('come before y for the output that is named', async () => {
    const wrong = BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i % 3));
    const both = npz('both.npz', { y: npyBytes('<i8', [ROWS], wrong), 'y.colour': colour });
    expect((await evaluate(MODEL, { evaluation: both, output: 'colour' })).accuracy).toBe(1);
    expect((await evaluate(MODEL, { evaluation: both, output: 'kind' })).accuracy).toBeLessThan(0.7);
  });
});
