import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { npyBytes } from '../src/data/bytes.cases.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { sidesOf } from '../src/data/model-sides.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { finetune } from '../src/finetune/finetune.ts';
import { openDataset, prune, sparsity } from '../src/index.ts';
import { METHODS, type Method } from '../src/methods/list.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { random } from '../src/tensor/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'coppice-inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = 48;
const rng = random(3);
const floats = (size: number) => Float32Array.from({ length: size }, () => rng.normal());
const whole = (size: number, below: number) => BigInt64Array.from({ length: size }, () => BigInt(rng.integer(below)));

type Arrays = Record<string, Uint8Array>;
function npz(name: string, arrays: Arrays): string {
  const path = join(folder, name);
  writeFileSync(path, zipSync(Object.fromEntries(Object.entries(arrays).map(([key, bytes]) => [`${key}.npy`, bytes]))));
  return `npz:${path}`;
}

/** Tokens with a mask, positions and token types, and a picture beside them: mean of what is not masked, two layers. */
const MODEL = parseModelText(`
  opset 17
  input input_ids: int64[N, T], attention_mask: int64[N, T], position_ids: int64[1, T], side: float32[N, 4]
  const table: float32[10, 6] = random(1)
  const places: float32[8, 6] = random(2)
  const w: float32[10, 12] = random(3)
  const v: float32[12, 3] = random(4)
  const one: int64[1] = [1]
  const last: int64[1] = [2]
  e = Gather(table, input_ids)
  p = Gather(places, position_ids)
  s = Add(e, p)
  m = Cast(attention_mask) { to: 1 }
  u = Unsqueeze(m, last)
  k = Mul(s, u)
  t = ReduceSum(k, one) { keepdims: 0 }
  c = Concat(t, side) { axis: 1 }
  h = MatMul(c, w)
  r = Relu(h)
  z = MatMul(r, v)
  output z
`);

const ids = npyBytes('<i8', [ROWS, 5], whole(ROWS * 5, 10));
const side = npyBytes('<f4', [ROWS, 4], floats(ROWS * 4));
const y = npyBytes('<i8', [ROWS], whole(ROWS, 3));
const FULL = npz('full.npz', {
  input_ids: ids,
  side,
  attention_mask: npyBytes('<i8', [ROWS, 5], whole(ROWS * 5, 2)),
  position_ids: npyBytes('<i8', [1, 5], BigInt64Array.of(4n, 3n, 2n, 1n, 0n)),
  y,
});
const PARTS = npz('parts.npz', { input_ids: ids, side, y });
const open = (address: string) => openDataset(address, { sides: sidesOf(MODEL) });

describe('a model of several inputs', () => {
  it('is fed arrays that are named like them, some for each sample and some for all', async () => {
    const data = await open(`${FULL}[4:20]`);
    expect([data.count, data.inputs]).toEqual([16, ['input_ids', 'attention_mask', 'position_ids', 'side']]);
    const { inputs } = await feedsFromDataset(MODEL, data).feeds([1, 0]);
    expect([...inputs].map(([name, { type, dims }]) => [name, type, dims])).toEqual([
      ['input_ids', 'int64', [2, 5]],
      ['attention_mask', 'int64', [2, 5]],
      ['position_ids', 'int64', [1, 5]],
      ['side', 'float32', [2, 4]],
    ]);
    expect(Array.from(inputs.get('position_ids')?.data as BigInt64Array, Number)).toEqual([4, 3, 2, 1, 0]);
    const alone = (await feedsFromDataset(MODEL, await open(FULL)).feeds([5])).inputs.get('side')?.data;
    expect(Array.from(inputs.get('side')?.data as Float32Array).slice(0, 4)).toEqual(Array.from(alone as Float32Array));
    expect(await data.hash()).not.toBe(await (await open(`${PARTS}[4:20]`)).hash());
  });

  it('gives the same as by hand', async () => {
    const source = feedsFromDataset(MODEL, await open(PARTS));
    const batch = await source.feeds([0, 1, 2]);
    const byHand = new Map(batch.inputs);
    byHand.set('attention_mask', { type: 'int64', dims: [3, 5], data: new BigInt64Array(15).fill(1n) });
    byHand.set('position_ids', { type: 'int64', dims: [1, 5], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n) });
    const session = await engine.createSession(MODEL);
    const [a, b] = [await session.run(batch.inputs), await session.run(byHand)];
    expect(a.get('z')?.data).toEqual(b.get('z')?.data);
    await session.release();
  });

  it('scales floats and leaves whole numbers as they are', async () => {
    const data = await openDataset(PARTS, { sides: sidesOf(MODEL), scale: 2 });
    const plain = await open(PARTS);
    const [scaled, own] = [(await data.batch([3])).more?.get('side'), (await plain.batch([3])).more?.get('side')];
    expect(scaled?.data).toEqual(Float32Array.from(own?.data as ArrayLike<number>, (v) => 2 * v));
    expect((await data.batch([3])).x).toEqual((await plain.batch([3])).x);
  });

  it('refuses arrays of other lengths and inputs that nothing is known of, by their names', async () => {
    const odd = npz('odd.npz', { input_ids: ids, side: npyBytes('<f4', [ROWS - 1, 4], floats((ROWS - 1) * 4)) });
    await expect(open(odd)).rejects.toThrow(/array "side" has 47 rows, "input_ids" has 48/);
    const few = npz('few.npz', { input_ids: ids });
    await expect(open(few).then((data) => feedsFromDataset(MODEL, data))).rejects.toThrow(
      /wanted arrays for "side", it has "input_ids"/,
    );
  });

  it('is evaluated and trained', async () => {
    const source = feedsFromDataset(MODEL, await open(PARTS));
    const before = await evaluate(engine, MODEL, source);
    expect(before).toMatchObject({ count: ROWS });
    const { model } = await finetune(MODEL, { engine, source, epochs: 8, batch: 16, rate: 0.05 });
    expect((await evaluate(engine, model, source)).loss).toBeLessThan(before.loss as number);
  });

  for (const method of Object.keys(METHODS) as Method[])
    it(`is pruned by ${method}`, async () => {
      const flops = method.startsWith('falcon');
      const { model, result } = await prune(MODEL, {
        engine,
        method,
        data: PARTS,
        evaluation: FULL,
        budget: sparsity(0.5),
        ...(method === 'auto' && { gradients: 960 }),
        ...(METHODS[method].needs.gradients && { samples: 24, batch: 2, lambda: 0.01 }),
        ...(flops && { stages: 1 }),
        threads: 1,
      });
      expect(model.graph.inputs).toEqual(MODEL.graph.inputs);
      expect(result.w.filter((x) => x !== 0).length).toBe(result.w.length / 2);
    }, 60_000);
});
