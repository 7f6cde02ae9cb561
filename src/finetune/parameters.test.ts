import { describe, expect, it } from 'vitest';
import { randomFeeds } from '../data/feeds.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { parametersOf } from './parameters.ts';

async function trained(text: string): Promise<string[]> {
  const model = parseModelText(`opset 17\n${text}`);
  const source = randomFeeds(model, { rng: random(1), count: 2 });
  const { model: lifted, captured } = await liftAndCapture(engine, model, (await source.feeds([0, 1])).inputs);
  return parametersOf(lifted.graph, captured)
    .map(({ name }) => name)
    .sort();
}

describe('what trains', () => {
  it('is weights, biases of any spelling, zero ones too, scales and slopes', async () => {
    const names = await trained(`
      input x: float32[N, 6]
      const w: float32[6, 8] = random(1)
      const b: float32[1, 8] = [0, 0, 0, 0, 0, 0, 0, 0]
      const s: float32[8] = random(3)
      const p: float32[1] = [0.2]
      const v: float32[8, 1] = random(4)
      const c: float32[1] = [0.5]
      const four: float32[1] = [4]
      a = MatMul(x, w)
      d = Add(a, b)
      e = Mul(d, s)
      f = PRelu(e, p)
      g = MatMul(f, v)
      h = Add(g, c)
      y = Div(h, four)
      output y
    `);
    expect(names).toEqual(['b', 'c', 'p', 's', 'v', 'w']);
  });

  it('is the scale and shift of every normalisation, but not what was measured', async () => {
    const names = await trained(`
      input x: float32[N, 6]
      const w: float32[6, 4] = random(1)
      const g: float32[4] = [1, 2, 3, 4]
      const b: float32[4] = random(2)
      const m: float32[4] = random(3)
      const v: float32[4] = [1, 2, 1, 2]
      const r: float32[4] = [1, 2, 3, 4]
      const u: float32[4, 4] = random(4)
      a = MatMul(x, w)
      c = BatchNormalization(a, g, b, m, v)
      d = SimplifiedLayerNormalization(c, r)
      y = MatMul(d, u)
      output y
    `);
    expect(names).toEqual(['b', 'g', 'r', 'u', 'w']);
  });

  it('is a bias of convolutions along axis 1, but no scale of positions, of inputs or of outputs', async () => {
    const names = await trained(`
      input x: float32[N, 3, 4, 4]
      const mean: float32[1, 3, 1, 1] = [0.4, 0.5, 0.6]
      const w: float32[5, 3, 1, 1] = random(1)
      const b: float32[5, 1, 1] = random(2)
      const rows: float32[4, 1] = [0.1, 0.2, 0.3, 0.4]
      const v: float32[2, 5, 1, 1] = random(3)
      const wide: float32[2, 1, 1] = [0.1, 0.2]
      i = Sub(x, mean)
      a = Conv(i, w)
      d = Add(a, b)
      r = Mul(d, rows)
      c = Conv(r, v)
      y = Mul(c, wide)
      output y
    `);
    expect(names).toEqual(['b', 'v', 'w']);
  });

  it.each(['-10000', '-inf', '-3.4028234e38', '-5'])('is no mask of attention with %s in it', async (hidden) => {
    const names = await trained(`
      input x: float32[N, 2, 4]
      const place: float32[2, 4] = random(5)
      const e: float32[4, 4] = random(9)
      const q: float32[4, 4] = random(1)
      const k: float32[4, 4] = random(2)
      const v: float32[4, 4] = random(3)
      const half: float32[1] = [0.5]
      const mask: float32[2, 2] = [0, ${hidden}, 0, 0]
      const o: float32[4, 3] = random(4)
      t = MatMul(x, e)
      u = Add(t, place)
      Q = MatMul(u, q)
      K = MatMul(u, k)
      V = MatMul(u, v)
      T = Transpose(K) { perm: [0, 2, 1] }
      s = MatMul(Q, T)
      h = Mul(s, half)
      m = Add(h, mask)
      p = Softmax(m) { axis: -1 }
      z = MatMul(p, V)
      y = MatMul(z, o)
      output y
    `);
    expect(names).toEqual(['e', 'k', 'o', 'place', 'q', 'v']);
  });

  it('is no grid that a detector adds to its boxes', async () => {
    const names = await trained(`
      input x: float32[N, 4, 3]
      const w: float32[3, 2] = random(1)
      const grid: float32[1, 4, 2] = [0, 0, 1, 0, 0, 1, 1, 1]
      const strides: float32[1, 4, 1] = [8, 8, 16, 16]
      a = MatMul(x, w)
      b = Add(a, grid)
      y = Mul(b, strides)
      output y
    `);
    expect(names).toEqual(['w']);
  });
});
