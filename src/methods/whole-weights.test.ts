import { describe, expect, it } from 'vitest';
import { type PlainWeights, plainWeights } from '../apply/plain-weights.ts';
import { sparsity } from '../budget/budget.ts';
import type { FeedSource } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { constantsOf } from '../graph/constants.ts';
import type { Model } from '../ir/model.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { parseModelText } from '../onnx/text.ts';
import { inspect } from '../pipeline/inspect.ts';
import { random } from '../tensor/random.ts';
import { float32 } from '../tensor/tensor.ts';
import { prune } from './prune.ts';

const rng = random(4);
const WHOLE = (name: string, size: number): string =>
  `const ${name}: int8[${name === 'w' ? '8,16' : '16,3'}] = [${Array.from({ length: size }, () => rng.integer(255) - 127)}]`;
const NETWORK = `
  opset 19
  input x: float32[N, 8]
  ${WHOLE('w', 128)} ${WHOLE('v', 48)}
  const s: float32[] = [0.03] const z: int8[] = [0] const a: float32[] = [0.05] const b: int8[] = [0]
  p = QuantizeLinear(x, a, b) q = DequantizeLinear(p, a, b)
  u = DequantizeLinear(w, s, z) h = MatMul(q, u) r = Relu(h)
  c = QuantizeLinear(r, a, b) d = DequantizeLinear(c, a, b)
  t = DequantizeLinear(v, s, z) y = MatMul(d, t) output y`;
/** The same network whose weights are floats that are rounded when it runs. */
const ROUNDED = parseModelText(
  NETWORK.replaceAll(/const (w|v): int8\[([\d,]+)\] = \[[^\]]*\]/g, 'const $1: float32[$2] = random(5)')
    .replace('u = DequantizeLinear(w, s, z)', 'i = QuantizeLinear(w, s, z) u = DequantizeLinear(i, s, z)')
    .replace('t = DequantizeLinear(v, s, z)', 'j = QuantizeLinear(v, s, z) t = DequantizeLinear(j, s, z)'),
);
const WHOLES = parseModelText(NETWORK);

function sourceOf(seed: number, count: number): FeedSource {
  const numbers = random(seed);
  const x = Float32Array.from({ length: count * 8 }, () => numbers.normal());
  const row = (i: number): number[] => [...x.subarray(i * 8, i * 8 + 8)];
  return {
    count,
    labelled: false,
    hasTargets: false,
    fixedBatch: null,
    feeds: async (rows) => ({
      inputs: new Map([['x', float32(Float32Array.from(Array.from(rows).flatMap(row)), [rows.length, 8])]]),
    }),
  };
}

const METHODS = [
  { method: 'reconstruct', samples: 200 },
  { method: 'chita', samples: 150, lambda: 1e-3, loss: 'random' },
  { method: 'auto', gradients: 600 },
] as const;

const budget = sparsity(0.6);

/** The same numbers in float32, and nothing rounded. */
function plainTwin(model: Model): Model {
  const { model: plain } = plainWeights(model) as PlainWeights;
  const nodes = plain.graph.nodes.map((node) =>
    node.op.endsWith('uantizeLinear') ? { ...node, op: 'Identity', inputs: node.inputs.slice(0, 1) } : node,
  );
  return { ...plain, graph: { ...plain.graph, nodes } };
}

async function distance(dense: Model, pruned: Model): Promise<number> {
  const meter = await distanceMeter({ engine, dense, source: sourceOf(9, 200) });
  return (await meter.measure(pruned)).outputs;
}

describe.each([
  ['whole numbers', WHOLES],
  ['floats that are rounded', ROUNDED],
])('weights that are %s', (_, model) => {
  it.each(METHODS)('are pruned by $method as the numbers that they mean', async (options) => {
    const made = await prune(model, { engine, budget, source: sourceOf(8, 400), ...options });
    const read = decodeModel(encodeModel(made.model));
    const twin = plainTwin(model);
    const alike = await prune(twin, { engine, budget, source: sourceOf(8, 400), ...options });
    expect(await distance(model, read)).toBeLessThan(1.6 * (await distance(twin, alike.model)) + 0.02);
    expect(made.w.filter((x) => x !== 0).length).toBeLessThanOrEqual(70);
    expect(made.stages.at(-1)?.kept).toBe(made.w.filter((x) => x !== 0).length);
    const [before, after] = [constantsOf(model.graph), constantsOf(read.graph)];
    for (const name of ['w', 'v']) expect(after.get(name)?.type).toBe(before.get(name)?.type);
    expect(read.graph.nodes.map(({ op }) => op)).toEqual(model.graph.nodes.map(({ op }) => op));
  });

  it('can be told of by all methods', () => {
    expect(inspect(model).prunable.map(({ magnitudeOnly }) => magnitudeOnly)).toEqual([null, null]);
  });
});

it('takes no zero point for a weight', () => {
  const model = parseModelText(`opset 19 input x: float32[N, 8] const w: float32[8,4] = random(1)
    const s: float32[] = [0.1] const z: int8[] = [3] const t: float32[] = [0.1] const u: int8[] = [3]
    q = QuantizeLinear(x, s, z) c = Cast(q) { to: 3 } d = DequantizeLinear(c, t, u) y = MatMul(d, w) output y`);
  expect(plainWeights(model)).toBeNull();
});

it('refuses by name what rounds the values that a gradient has to pass', async () => {
  const model =
    parseModelText(`opset 19 input x: float32[N, 8] const w: float32[8,4] = random(1) const v: float32[4,3] = random(2)
    const k: uint8[4,3] = range const n: uint8[] = [5] const s: float32[] = [0.1]
    h = MatMul(x, w) q, a, b = DynamicQuantizeLinear(h) i = MatMulInteger(q, k, b, n) f = Cast(i) { to: 1 } c = Mul(f, a) d = Mul(c, s)
    e = MatMul(h, v) y = Add(d, e) output y`);
  const options = {
    engine,
    budget: sparsity(0.5),
    source: sourceOf(8, 60),
    samples: 12,
    loss: 'random',
    lambda: 1e-2,
  } as const;
  await expect(prune(model, { ...options, method: 'chita', blocked: 'refuse', layers: ['w', 'v'] })).rejects.toThrow(
    /Cannot differentiate.*(MatMulInteger|DynamicQuantizeLinear)/,
  );
});
