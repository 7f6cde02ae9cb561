import { expect, it } from 'vitest';
import type { FeedSource } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { constantsOf } from '../graph/constants.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { float32 } from '../tensor/tensor.ts';
import { finetune } from './finetune.ts';

/** Two linear layers with each row brought to mean 0 and variance 1 between them, in the words that are given. */
const between = (normalized: string): Model =>
  parseModelText(`
  opset 17
  input x: float32[16, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 3] = random(2)
  const one: float32[1] = [1]
  const zero: float32[1] = [0]
  const rows: int64[1] = [16]
  const epsilon: float32[1] = [0.001]
  const wide: int64[3] = [1, 16, 8]
  const narrow: int64[2] = [16, 8]
  h = MatMul(x, w)
${normalized}
  y = MatMul(n, v)
  output y
`);

/** Rows are channels here, as exporters spell layer normalisation: the statistics are values of the graph. */
const COMPUTED = between(`
  r = Reshape(h, wide)
  m = ReduceMean(r) { axes: [2], keepdims: 1 }
  d = Sub(r, m)
  dd = Mul(d, d)
  s = ReduceMean(dd) { axes: [0, 2], keepdims: 0 }
  mm = Squeeze(m)
  ones = Expand(one, rows)
  zeros = Expand(zero, rows)
  b = BatchNormalization(r, ones, zeros, mm, s) { epsilon: 0.001 }
  n = Reshape(b, narrow)`);
const PLAIN = between(`
  m = ReduceMean(h) { axes: [1], keepdims: 1 }
  d = Sub(h, m)
  dd = Mul(d, d)
  s = ReduceMean(dd) { axes: [1], keepdims: 1 }
  e = Add(s, epsilon)
  q = Sqrt(e)
  n = Div(d, q)`);

const rng = random(4);
const drawn = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());
const [inputs, wanted] = [drawn(64 * 6), drawn(64 * 3)];
const rows = (from: Float32Array, indices: ArrayLike<number>, width: number) =>
  float32(Float32Array.from(Array.from(indices).flatMap((i) => [...from.subarray(i * width, (i + 1) * width)])), [
    indices.length,
    width,
  ]);
const source: FeedSource = {
  count: 64,
  labelled: false,
  hasTargets: true,
  fixedBatch: 16,
  feeds: async (indices) => ({ inputs: new Map([['x', rows(inputs, indices, 6)]]), targets: rows(wanted, indices, 3) }),
};

it('leaves a BatchNormalization over statistics that the graph computes as it is, and trains through it', async () => {
  const trained = async (model: Model): Promise<number[][]> => {
    const { graph } = (await finetune(model, { engine, source, loss: 'mse', batch: 16, steps: 6, rate: 0.05 })).model;
    return ['w', 'v'].map((name) => [...(tensorOf(constantsOf(graph).get(name) as Constant).data as Float32Array)]);
  };
  const [computed, plain] = [await trained(COMPUTED), await trained(PLAIN)];
  const before = [...(tensorOf(PLAIN.graph.constants.get('w') as Constant).data as Float32Array)];
  expect(Math.max(...(plain[0] as number[]).map((x, i) => Math.abs(x - (before[i] as number))))).toBeGreaterThan(0.01);
  for (const [k, weights] of computed.entries())
    for (const [i, x] of weights.entries()) expect(x).toBeCloseTo(plain[k]?.[i] as number, 4);
});
