import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { rowsOf } from './gradients.ts';

const model = (factor: number) =>
  parseModelText(`
    opset 17
    input x: float32[N, 5]
    const w: float32[5, 8] = random(1)
    const a: float32[8, 3] = random(2)
    const b: float32[8, 4] = random(3)
    const f: float32[] = [${factor}]
    h = MatMul(x, w)
    r = Relu(h)
    y = MatMul(r, a)
    q = MatMul(r, b)
    z = Mul(q, f)
    output y, z
  `);

/** Sum of squares of the gradients of each layer. */
async function sizesOf(factor: number): Promise<number[]> {
  const network = model(factor);
  const layers = findWeights(network).prunable;
  const source = feedsFromDataset(network, tinyData({ count: 64, sampleDims: [5] }));
  const rows = await rowsOf({
    engine,
    model: network,
    layers,
    source,
    samples: 64,
    batch: 1,
    rng: random(1),
    augment: false,
  });
  return layers.map(({ size }, i) => {
    const start = layers.slice(0, i).reduce((sum, layer) => sum + layer.size, 0);
    const panel = rows.panels.find((one) => one.start === start && one.width === size);
    return Array.from(panel?.data as ArrayLike<number>).reduce((sum, x) => sum + x * x, 0) / size;
  });
}

describe('gradient rows of a model with several heads and no answers', () => {
  it('see all of them, each in units of its own variance', async () => {
    const [plain, large] = [await sizesOf(1), await sizesOf(1000)];
    expect(plain.every((size) => size > 0)).toBe(true);
    expect(large[0]).toBeCloseTo(plain[0] as number, 3); // what is in front of both
    expect(large[1]).toBeCloseTo(plain[1] as number, 3); // the head that stayed
    expect(large[2]).toBeCloseTo(plain[2] as number, 3); // d/db grows with the factor, and is divided by its variance
  });
});
