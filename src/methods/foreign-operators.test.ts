import { describe, expect, it } from 'vitest';
import { readWeights } from '../apply/weights.ts';
import { sparsity } from '../budget/budget.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { findWeights } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { prune } from './prune.ts';

const HEAD = 'opset 17 opset com.microsoft 1';
const PACKED = Array.from({ length: 256 }, (_, i) => (i * 37 + 11) % 256).join(', ');
const MODELS = {
  EmbedLayerNormalization: `${HEAD}
    input ids: int32[N, 6], seg: int32[N, 6]
    const word: float32[20, 8] = random(1) const pos: float32[6, 8] = random(2) const sg: float32[2, 8] = random(3)
    const g: float32[8] = random(4) const b: float32[8] = random(5)
    const w: float32[8, 10] = random(6) const v: float32[10, 3] = random(7)
    e, m = com.microsoft:EmbedLayerNormalization(ids, seg, word, pos, sg, g, b)
    h = MatMul(e, w) r = Relu(h) p = ReduceMean(r) { axes: [1], keepdims: 0 } y = MatMul(p, v) output y`,
  GroupQueryAttention: `${HEAD}
    input x: float32[N, 4, 16]
    const wq: float32[16, 32] = random(1, 0.3) const wk: float32[16, 16] = random(2, 0.3)
    const wv: float32[16, 16] = random(3, 0.3) const wo: float32[32, 5] = random(4, 0.3)
    const one: int64[1] = [1] const zero: int64[1] = [0] const three: int32[1] = [3] const total: int32[1] = [4]
    q = MatMul(x, wq) k = MatMul(x, wk) u = MatMul(x, wv)
    s = Shape(x) n = Slice(s, zero, one) sl = Expand(three, n)
    a, pk, pv = com.microsoft:GroupQueryAttention(q, k, u, , , sl, total) { num_heads: 4, kv_num_heads: 2 }
    y = MatMul(a, wo) output y`,
  MatMulNBits: `${HEAD}
    input x: float32[N, 32]
    const w: float32[32, 32] = random(1, 0.3) const sc: float32[16] = random(3, 0.1) const v: float32[16, 4] = random(4)
    const B: uint8[16, 1, 16] = [${PACKED}]
    h = MatMul(x, w) z = com.microsoft:MatMulNBits(h, B, sc) { K: 32, N: 16, bits: 4, block_size: 32 }
    r = Relu(z) y = MatMul(r, v) output y`,
} as const;

describe.each(Object.entries(MODELS))('a model with %s', (_, text) => {
  const model = parseModelText(text);
  const { prunable } = findWeights(model);
  const source = randomFeeds(model, { rng: random(5), count: 80 });

  it('is pruned by magnitude, and as near or nearer by what solves layers', async () => {
    const asked = { engine, source, budget: sparsity(0.5) };
    const { measure } = await distanceMeter({
      engine,
      dense: model,
      source: randomFeeds(model, { rng: random(6), count: 100 }),
    });
    const magnitude = (await measure((await prune(model, { ...asked, method: 'magnitude' })).model)).outputs;
    for (const method of ['reconstruct', 'auto'] as const) {
      const pruned = await prune(model, { ...asked, method });
      const w = readWeights(pruned.model, prunable);
      expect(w.filter((x) => x !== 0).length).toBeLessThanOrEqual(w.length / 2);
      expect((await measure(pruned.model)).outputs).toBeLessThanOrEqual(magnitude);
    }
  });
});

it('says by name which operator the gradient of a weight stops at', async () => {
  for (const [op, weights] of [
    ['GroupQueryAttention', ['wq', 'wk', 'wv']],
    ['MatMulNBits', ['w']],
  ] as const) {
    const model = parseModelText(MODELS[op]);
    const source = randomFeeds(model, { rng: random(5), count: 40 });
    const { chosen } = await prune(model, {
      engine,
      source,
      budget: sparsity(0.5),
      method: 'chita',
      samples: 40,
      labels: 'model',
    });
    expect(chosen.blocked?.map(({ name }) => name)).toEqual(weights);
    for (const { reason } of chosen.blocked ?? [])
      expect(reason).toBe(`it lies behind com.microsoft.${op}, which cannot be differentiated`);
  }
});

it('lists packed weights with what they are, and prunes none of them', () => {
  const { prunable, unprunable } = findWeights(parseModelText(MODELS.MatMulNBits));
  expect(prunable.map(({ name }) => name)).toEqual(['w', 'v']);
  expect(unprunable).toMatchObject([{ name: 'B', dims: [32, 16], reason: 'they are packed, 4 bits each' }]);
});
