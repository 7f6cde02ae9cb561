import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { decideOutputs } from './decide.ts';

const model = (end: string, outputs = 'y', opset = 17) =>
  parseModelText(`
    opset ${opset}
    input x: float32[N, 5]
    const w: float32[5, 6] = random(1)
    const g: float32[6] = random(2)
    const two: int64[1] = [-1]
    z = MatMul(x, w)
    ${end}
    output ${outputs}
  `);
const decide = (end: string, outputs = 'y', choice = {}, labelled = false) => {
  const network = model(end, outputs);
  const source = feedsFromDataset(network, tinyData({ count: 12, sampleDims: [5], ...(labelled && { classes: 6 }) }));
  return decideOutputs(network, { engine, source, ...choice });
};

describe('an output without answers', () => {
  it('is an embedding where it is normalised at last, however that is written', async () => {
    for (const end of [
      'y = LayerNormalization(z, g)',
      'y = LpNormalization(z) { axis: 1, p: 2 }',
      'n = ReduceL2(z) { axes: [1] } y = Div(z, n)',
      'n = ReduceL2(z) { axes: [1] } d = Div(z, n) y = Unsqueeze(d, two)',
      'm = ReduceMean(z) { axes: [1] } c = Sub(z, m) q = Mul(c, c) v = ReduceMean(q) { axes: [1] } s = Sqrt(v) d = Div(c, s) e = Mul(d, g) y = Add(e, g)',
      'y = Tanh(z)',
    ]) {
      const { loss, judged, says } = await decide(end);
      expect([end, loss, judged.normalised]).toEqual([end, 'random', true]);
      expect(says).toMatch(/embedding/);
    }
  });

  it('is taken for logits where nothing says otherwise, and that is said', async () => {
    for (const end of ['y = Identity(z)', 'y = Add(z, g)', 'y = Div(z, g)', 'y = Relu(z)']) {
      const { loss, says } = await decide(end);
      expect([end, loss]).toEqual([end, 'cross-entropy']);
      expect(says).toMatch(/taken for logits of 6 classes/);
    }
  });

  it('is judged by labels where there are some, and that it is normalised is said', async () => {
    const { loss, says } = await decide('y = LayerNormalization(z, g)', 'y', {}, true);
    expect(loss).toBe('cross-entropy');
    expect(says).toMatch(/though they are normalised/);
  });
});

describe('several outputs', () => {
  const TWO = 'y = Relu(z) t = Tanh(z)';

  it('count alike without answers', async () => {
    const { alike, loss, says } = await decide(TWO, 'y, t');
    expect([alike, loss]).toEqual([true, 'random']);
    expect(says).toMatch(/"y", "t".*each in units of its own variance/);
  });

  it('do not where labels, a name or a loss say which is meant', async () => {
    expect((await decide(TWO, 'y, t', {}, true)).alike).toBe(false);
    expect((await decide(TWO, 'y, t', { output: 'y' })).alike).toBe(false);
    expect((await decide(TWO, 'y, t', { loss: 'cross-entropy' })).alike).toBe(false);
  });

  it('are one where they are logits and their softmax', async () => {
    expect((await decide('y = Identity(z) p = Softmax(y)', 'y, p')).alike).toBe(false);
  });
});
