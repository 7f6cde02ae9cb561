import { describe, expect, it } from 'vitest';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { replaceConstant } from '../graph/constants.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { float32 } from '../tensor/tensor.ts';
import { distanceMeter } from './distance.ts';

const MODEL = parseModelText(`
  opset 17
  input x: float32[N, 3]
  const w: float32[3, 4] = random(1)
  const v: float32[3, 2] = random(2)
  z = MatMul(x, w)
  y = Softmax(z) { axis: 1 }
  r = MatMul(x, v)
  output y
  output r
`);
const source = randomFeeds(MODEL, { rng: random(1), count: 7 });
const scaled = (name: string, factor: number, dims: number[]): Model => {
  const values = tensorOf(MODEL.graph.constants.get(name) as Constant).data as Float32Array;
  const constant = constantOf(
    float32(
      values.map((x) => x * factor),
      dims,
    ),
  );
  return { ...MODEL, graph: replaceConstant(MODEL.graph, name, constant) };
};

describe('the distance from the dense model', () => {
  it('is nothing for the dense model, and about one over the number of heads where one of them is gone', async () => {
    const { measure, samples } = await distanceMeter({ engine, dense: MODEL, source });
    expect(samples).toBe(7);
    expect(await measure(MODEL)).toMatchObject({ error: 0, outputs: 0 });
    const { error, outputs, each } = await measure(scaled('v', 0, [3, 2]));
    expect(each).toHaveLength(7);
    expect(each.reduce((sum, part) => sum + part.outputs, 0)).toBe(outputs);
    expect(outputs).toBeGreaterThan(0.5); // r alone: its mean square by its variance, over two outputs
    expect(error).toBeCloseTo((outputs * 2) / 3, 6); // and over those and the logits
  });

  it('sees logits where probabilities hardly change', async () => {
    const { measure } = await distanceMeter({ engine, dense: scaled('w', 1000, [3, 4]), source });
    const { error, outputs } = await measure(scaled('w', 500, [3, 4]));
    expect(outputs).toBeLessThan(0.01);
    expect(error).toBeGreaterThan(0.05);
  });

  it('is the share of elements that differ where no output is of floats', async () => {
    const { graph } = parseModelText(`
      opset 17
      input x: float32[N, 3]
      const w: float32[3, 2] = [1, 0, 0, 1, 0, 0]
      z = MatMul(x, w)
      y = ArgMax(z) { axis: 1, keepdims: 0 }
      output y
    `);
    const dense = { ...MODEL, graph };
    const swapped = constantOf(float32(Float32Array.of(0, 1, 1, 0, 0, 0), [3, 2]));
    const { measure, unit } = await distanceMeter({ engine, dense, source });
    expect(unit).toBe('of the outputs different');
    expect((await measure(dense)).error).toBe(0);
    expect((await measure({ ...dense, graph: replaceConstant(graph, 'w', swapped) })).error).toBeCloseTo(1, 12);
  });

  it('is infinite for outputs that are not finite', async () => {
    const { measure } = await distanceMeter({ engine, dense: MODEL, source });
    expect((await measure(scaled('v', Number.POSITIVE_INFINITY, [3, 2]))).error).toBe(Number.POSITIVE_INFINITY);
  });
});
