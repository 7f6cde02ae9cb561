import { expect, it } from 'vitest';
import { sparsity } from '../budget/budget.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { prune } from '../methods/prune.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { setAside } from './held-out.ts';

const MODELS = {
  perceptron: `
    input x: float32[N, 12]
    const a: float32[12, 16] = random(11, 0.4) const b: float32[16, 8] = random(12, 0.4) const c: float32[8, 4] = random(13, 0.4)
    h = MatMul(x, a) r = Relu(h) i = MatMul(r, b) t = Relu(i) y = MatMul(t, c)`,
  residual: `
    input x: float32[N, 10]
    const a: float32[10, 12] = random(11, 0.4) const b: float32[12, 12] = random(12, 0.35) const d: float32[12, 4] = random(14, 0.4)
    h = MatMul(x, a) r = Relu(h) i = MatMul(r, b) t = Relu(i) j = Add(t, r) k = Tanh(j) y = MatMul(k, d)`,
  classes: `
    input x: float32[N, 8]
    const a: float32[8, 16] = random(21, 0.5) const b: float32[16, 5] = random(22, 0.5)
    h = MatMul(x, a) r = Relu(h) z = MatMul(r, b) y = Softmax(z)`,
  convolution: `
    input x: float32[N, 2, 5, 5]
    const k: float32[6, 2, 3, 3] = random(11, 0.3) const v: float32[6, 3] = random(13, 0.5)
    c = Conv(x, k) { pads: [1, 1, 1, 1] } r = Relu(c) p = GlobalAveragePool(r) f = Flatten(p) y = MatMul(f, v)`,
};
const COUNT = 60;
const asModel = (body: string) => parseModelText(`opset 17 ${body} output y`);

async function errors(body: string, share: number, budgets: readonly number[]): Promise<number[]> {
  const model = asModel(body);
  const source: FeedSource = randomFeeds(model, { rng: random(51), count: COUNT });
  const { aside } = setAside(source, 200, 1);
  const meter = await distanceMeter({ engine, dense: model, source: aside });
  const found: number[] = [];
  for (const gradients of budgets) {
    const { model: pruned } = await prune(model, {
      engine,
      source,
      budget: sparsity(share),
      method: 'auto',
      gradients,
    });
    found.push((await meter.measure(pruned)).error);
  }
  return found;
}

it.each(Object.entries(MODELS))(
  '%s: four times the compute is never worse on the samples set aside',
  async (_, body) => {
    const [less, more] = (await errors(body, 0.5, [1000, 4000])) as [number, number];
    expect(more).toBeLessThanOrEqual(less);
  },
);
