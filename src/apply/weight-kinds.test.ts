import { describe, expect, it } from 'vitest';
import { randomFeeds } from '../../test/shared-models.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { constantsOf } from '../graph/constants.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { parseModelText } from '../onnx/text.ts';
import { readWeights, writeWeights } from './weights.ts';

const X = 'input x: float32[2,6]';
const INT8 = 'const w: int8[6,3] = range';

/** Names of the weights with why magnitudes alone can be used, by model; they are all behind `y`. */
const CASES: [string, string, Record<string, string | null>][] = [
  [
    'LSTM',
    'input x: float32[5,2,4] const W: float32[1,12,4] = random(1) const R: float32[1,12,3] = random(2) const B: float32[1,24] = random(3) y = LSTM(x, W, R, B) { hidden_size: 3 }',
    { W: null, R: null },
  ],
  [
    'GRU',
    'input x: float32[5,2,4] const W: float32[1,9,4] = random(1) const R: float32[1,9,3] = random(2) y = GRU(x, W, R) { hidden_size: 3 }',
    { W: null, R: null },
  ],
  [
    'RNN',
    'input x: float32[5,2,4] const W: float32[1,3,4] = random(1) const R: float32[1,3,3] = random(2) y = RNN(x, W, R) { hidden_size: 3 }',
    { W: null, R: null },
  ],
  [
    'fused operators',
    'opset 17 opset com.microsoft 1 input x: float32[2,2,4,4] const w: float32[3,2,3,3] = random(1) c = com.microsoft:FusedConv(x, w) { activation: "Relu" } f = Flatten(c) const m: float32[12,4] = random(2) d = com.microsoft:FusedMatMul(f, m) const g: float32[4,3] = random(3) y = com.microsoft:FusedGemm(d, g) { activation: "Relu" }',
    { w: null, m: null, g: null },
  ],
  [
    'float64',
    'input x: float64[2,6] const w: float64[6,3] = random(1) y = MatMul(x, w)',
    { w: 'its elements are float64' },
  ],
  [
    'bfloat16 and float16 behind a Cast',
    `${X} const brain: float32[6,4] = random(1) v = Cast(brain) { to: 1 } h = MatMul(x, v) const u: float16[4,3] = random(2) t = Cast(u) { to: 1 } y = MatMul(h, t)`,
    { brain: null, u: null },
  ],
  [
    'DequantizeLinear',
    `${X} ${INT8} const s: float32[] = [0.5] const z: int8[] = [7] v = DequantizeLinear(w, s, z) y = MatMul(x, v)`,
    { w: 'its elements are int8' },
  ],
  [
    'DequantizeLinear of channels behind a Transpose',
    `${X} const w: uint8[3,6] = range const s: float32[3] = [0.5, 1.0, 2.0] const z: uint8[3] = [1, 2, 3] v = DequantizeLinear(w, s, z) { axis: 0 } t = Transpose(v) { perm: [1, 0] } y = MatMul(x, t)`,
    { w: 'its elements are uint8' },
  ],
  [
    'numbers that are rounded on the way',
    `${X} const w: float32[6,3] = random(1) const s: float32[] = [0.1] const z: int8[] = [0] q = QuantizeLinear(w, s, z) v = DequantizeLinear(q, s, z) y = MatMul(x, v)`,
    { w: 'it is rounded on its way to where it is used' },
  ],
  [
    'operators on whole numbers',
    `${X} ${INT8} const s: float32[3] = [0.5, 1.0, 0.25] const z: int8[3] = [1, 2, 3] const a: float32[] = [0.1] const b: int8[] = [0] q = QuantizeLinear(x, a, b) p = QLinearMatMul(q, a, b, w, s, z, a, b) y = DequantizeLinear(p, a, b)`,
    { w: 'its elements are int8' },
  ],
  [
    'a product of whole numbers whose scale lies behind it',
    `${X} ${INT8} const s: float32[3] = [0.5, 1.0, 0.25] const z: int8[3] = [1, 2, 3] q, a, b = DynamicQuantizeLinear(x) i = MatMulInteger(q, w, b, z) f = Cast(i) { to: 1 } c = Mul(a, s) y = Mul(f, c)`,
    { w: 'its elements are int8' },
  ],
  [
    'a convolution of whole numbers, its scales one after the other',
    'input x: float32[2,2,4,4] const w: uint8[3,2,3,3] = range const s: float32[] = [0.5] const z: uint8[] = [9] q, a, b = DynamicQuantizeLinear(x) i = ConvInteger(q, w, b, z) f = Cast(i) { to: 1 } c = Mul(f, a) y = Mul(c, s)',
    { w: 'its elements are uint8' },
  ],
  [
    'whole numbers to floats in one',
    `opset 17 opset com.microsoft 1 ${X} ${INT8} const s: float32[] = [0.5] const z: int8[] = [0] q, a, b = DynamicQuantizeLinear(x) y = com.microsoft:MatMulIntegerToFloat(q, w, a, s, b, z)`,
    { w: 'its elements are int8' },
  ],
  [
    'branches of an If',
    `${X} r = ReduceMax(x) { keepdims: 0 } const f: float32[] = [0.1] c = Greater(r, f) y = If(c) { then_branch: { const v: float32[6,3] = random(1) a = MatMul(x, v) output a }, else_branch: { k = Constant() { value: float32[6,3] = [${Array.from({ length: 18 }, (_, i) => `${i + 1}.0`)}] } b = MatMul(x, k) output b } } @if`,
    {
      'if/then_branch/v': 'it lies in a branch of If "if"',
      'if/else_branch/k': 'it lies in a branch of If "if"',
    },
  ],
  [
    'the body of a Loop, and a weight used in it and around it',
    `${X} const n: int64[] = [2] const c: bool[] = [1] const w: float32[6,6] = random(1) h = MatMul(x, w) y = Loop(n, c, h) { body: { input i: int64[] input d: bool[] input v: float32[2,6] const u: float32[6,6] = random(2) a = MatMul(v, u) b = MatMul(a, w) e = Identity(d) output e, b } }`,
    { w: 'it lies in the body of Loop "y"', 'y/body/u': 'it lies in the body of Loop "y"' },
  ],
];

async function outputOf(model: Model): Promise<number[]> {
  const session = await onnxruntimeNode.createSession(model);
  const outputs = await session.run(randomFeeds(model, 1));
  await session.release();
  return Array.from(outputs.get('y')?.data as ArrayLike<number>);
}

/** The notation has no bfloat16: a constant of this name becomes one. */
function withBrain(model: Model): Model {
  const constants = new Map(model.graph.constants);
  const constant = constants.get('brain');
  if (constant === undefined) return model;
  const all = constant.raw as Uint8Array;
  const raw = Uint8Array.from(all.filter((_, i) => i % 4 > 1));
  constants.set('brain', { type: 'bfloat16', dims: constant.dims, raw });
  return { ...model, graph: { ...model.graph, constants } };
}

const models = CASES.map(([name, text, wanted]) => ({
  name,
  wanted,
  model: withBrain(parseModelText(`${text} output y`)),
}));

describe('weights of', () => {
  it.each(models)('$name are found, with what can be done with them', ({ model, wanted }) => {
    const { prunable } = findWeights(model);
    expect(Object.fromEntries(prunable.map(({ name, magnitudeOnly }) => [name, magnitudeOnly]))).toEqual(wanted);
  });

  it.each(models)('$name go back into the file as they were', ({ model }) => {
    const { prunable } = findWeights(model);
    const written = decodeModel(encodeModel(writeWeights(model, prunable, readWeights(model, prunable))));
    const [before, after] = [constantsOf(model.graph), constantsOf(written.graph)];
    for (const { name } of prunable) {
      expect(after.get(name)).toMatchObject({ type: before.get(name)?.type, dims: before.get(name)?.dims });
      expect(after.get(name)?.raw).toEqual(before.get(name)?.raw);
    }
  });

  it.each(models)('$name are zero for the runtime where they were made zero', async ({ model }) => {
    const read = decodeModel(encodeModel(model));
    const { prunable } = findWeights(read);
    const w = readWeights(read, prunable);
    const half = Float64Array.from(w, (x, i) => (i % 2 === 0 ? 0 : x));
    const written = decodeModel(encodeModel(writeWeights(read, prunable, half)));
    expect(readWeights(written, findWeights(written).prunable)).toEqual(half);
    expect(await outputOf(written)).not.toEqual(await outputOf(read));
    const none = decodeModel(encodeModel(writeWeights(read, prunable, w.fill(0))));
    if (constantsOf(read.graph).has('B')) return;
    expect(Math.max(...(await outputOf(none)).map(Math.abs))).toBeLessThan(1e-5); // the runtime adds zero points up
  });

  it.each([
    ['MatMulInteger', `input x: uint8[2,6] ${INT8} y = MatMulInteger(x, w)`, 'no constant scale says'],
    [
      'MatMulInteger with one scale for both sides',
      `input x: uint8[2,6] ${INT8} const s: float32[] = [0.5] i = MatMulInteger(x, w) f = Cast(i) { to: 1 } y = Mul(f, s)`,
      'no constant scale says',
    ],
    [
      'a DequantizeLinear whose scale is computed',
      `${X} input s: float32[] ${INT8} v = DequantizeLinear(w, s) y = MatMul(x, v)`,
      'no constant scale says',
    ],
    [
      'two uses by two scales',
      `${X} ${INT8} const s: float32[] = [0.5] const t: float32[] = [0.25] a = DequantizeLinear(w, s) b = DequantizeLinear(w, t) c = MatMul(x, a) d = MatMul(x, b) y = Add(c, d)`,
      'read its whole numbers by different scales',
    ],
  ])('%s are listed as unprunable', (_, text, reason) => {
    const { prunable, unprunable } = findWeights(parseModelText(`${text} output y`));
    expect(prunable).toEqual([]);
    expect(unprunable).toMatchObject([{ name: 'w', reason: expect.stringContaining(reason) }]);
  });
});
