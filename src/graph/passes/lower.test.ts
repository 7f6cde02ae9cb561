import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import type { Model } from '../../ir/model.ts';
import { parseModelText } from '../../onnx/text.ts';
import { validateGraph } from '../validate-graph.ts';
import { findWeights } from '../weights.ts';
import { lowerComposites } from './lower.ts';

async function lowered(model: Model): Promise<Model> {
  return lowerComposites(model, await capture(onnxruntimeNode, model, randomFeeds(model, 1)));
}

const CONV = `ir 9 opset 17 opset com.microsoft 1
  input x: float32[2,1,4,4] const w: float32[3,1,2,2] = random(1)
  c = com.microsoft:FusedConv(x, w) { activation: "Relu" } y = Relu(c) output y`;

describe('lowerComposites', () => {
  it('keeps names of weights and values, and the outputs', async () => {
    const model = parseModelText(CONV);
    const plain = await lowered(model);
    expect(plain.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'Relu', 'Relu']);
    expect(plain.graph.nodes[1]?.outputs).toEqual(['c']);
    expect(plain.graph.constants.get('w')).toBe(model.graph.constants.get('w'));
    expect(() => validateGraph(plain)).not.toThrow();
    expect(await outputGap(model, plain, randomFeeds(model, 2))).toBeLessThan(1e-6);
  });

  it('is idempotent, and leaves models of plain operators alone', async () => {
    const plain = await lowered(parseModelText(CONV));
    expect(await lowered(plain)).toBe(plain);
  });

  it('leaves a form that it refuses', async () => {
    const model = parseModelText(CONV.replace('"Relu"', '"Softplus"'));
    const captured = await capture(onnxruntimeNode, parseModelText(CONV), randomFeeds(model, 1));
    expect(lowerComposites(model, captured)).toBe(model);
  });

  it('leaves the filter of a deformable convolution the weight of a convolution', async () => {
    const model = parseModelText(`ir 9 opset 19
      input x: float32[1,2,5,5] input o: float32[1,8,4,4] const w: float32[3,2,2,2] = random(1)
      y = DeformConv(x, w, o) { kernel_shape: [2, 2] } output y`);
    expect(findWeights(model).prunable.map(({ name, op }) => [name, op])).toEqual([['w', 'DeformConv']]);
    const plain = await lowered(model);
    expect(plain.graph.nodes.filter(({ op }) => op === 'Conv').map(({ inputs }) => inputs[1])).toEqual(['w']);
    expect(await outputGap(model, plain, randomFeeds(model, 2))).toBeLessThan(1e-6);
  });

  it('yields several outputs, one of them twice', async () => {
    const model = parseModelText(`ir 9 opset 17 opset com.microsoft 1
      input x: float32[2,3,4] input s: float32[2,3,4] const g: float32[4] = random(1)
      y, , , t = com.microsoft:SkipLayerNormalization(x, s, g) z = Add(y, t) output z, t`);
    expect(await outputGap(model, await lowered(model), randomFeeds(model, 2))).toBeLessThan(1e-6);
  });
});
