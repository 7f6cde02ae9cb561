import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import type { Model } from '../../ir/model.ts';
import { parseModelText } from '../../onnx/text.ts';
import { validateGraph } from '../validate-graph.ts';
import { straightThrough } from './straight-through.ts';

async function written(model: Model): Promise<Model> {
  return straightThrough(model, await capture(onnxruntimeNode, model, randomFeeds(model, 1)));
}

const rounded = (scale: string, zero: string): Model =>
  parseModelText(`opset 21 const k: float32[] = [3.0] input x: float32[4,6] h = Mul(x, k) const s: float32[] = [${scale}] const z: ${zero}
    q = QuantizeLinear(h, s, z) v = DequantizeLinear(q, s, z) const w: float32[6,3] = random(1) y = MatMul(v, w) output y, v`);

describe('straightThrough', () => {
  it.each([
    ['int8', '0.02', 'int8[] = [3]'],
    ['uint8, many values beyond the ends', '0.005', 'uint8[] = [128]'],
    ['int16', '0.0001', 'int16[] = [0]'],
  ])('keeps values of %s', async (_, scale, zero) => {
    const model = rounded(scale, zero);
    const plain = await written(model);
    expect(plain.graph.nodes.map(({ op }) => op)).toContain('Clip');
    expect(() => validateGraph(plain)).not.toThrow();
    expect(await outputGap(model, plain, randomFeeds(model, 2))).toBeLessThan(1e-6);
  });

  it.each([
    ['a scale that is computed', 'input s: float32[] q = QuantizeLinear(x, s) v = DequantizeLinear(q, s)'],
    [
      'another scale behind it',
      'const s: float32[] = [0.1] const t: float32[] = [0.2] q = QuantizeLinear(x, s) v = DequantizeLinear(q, t)',
    ],
    [
      'constants',
      'const c: float32[4,6] = random(1) const s: float32[] = [0.1] q = QuantizeLinear(c, s) u = DequantizeLinear(q, s) v = Add(x, u)',
    ],
  ])('leaves %s', async (_, text) => {
    const model = parseModelText(`opset 19 input x: float32[4,6] ${text} output v`);
    expect(await written(model)).toBe(model);
  });
});
