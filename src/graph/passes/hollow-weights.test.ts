import { describe, expect, it } from 'vitest';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { parseModelText } from '../../onnx/text.ts';
import { float32 } from '../../tensor/tensor.ts';
import { hollowWeights } from './hollow-weights.ts';

const TEXT = `
  opset 17
  input x: float32[N, 3]
  const w: float32[64, 3] = random(1)
  const b: float32[64] = random(2)
  h = Gemm(x, w, b) { transB: 1 }
  y = Relu(h)
  output y
`;
const MODEL = parseModelText(TEXT);
const SMALL = { model: 600, constant: 600 };

describe('hollowWeights', () => {
  it('leaves small models as they are, and those whose shapes depend on floats', () => {
    expect(hollowWeights(MODEL)).toBe(MODEL);
    const steered = parseModelText(
      TEXT.replace('y = Relu(h)', 'r = Relu(h)\n  z = NonZero(r)\n  y = Cast(z) { to: 1 }'),
    );
    expect(hollowWeights(steered, SMALL)).toBe(steered);
  });

  it('takes the large constants out, and every value has the shape that it has with them', async () => {
    const hollow = hollowWeights(MODEL, SMALL);
    expect([...hollow.graph.constants.keys()].sort()).toEqual(['b', 'w~shape']);
    const feeds = new Map([['x', float32(new Float32Array(6), [2, 3])]]);
    const [whole, empty] = await Promise.all([MODEL, hollow].map((model) => capture(onnxruntimeNode, model, feeds)));
    for (const [name, value] of whole ?? []) expect(empty?.get(name)).toEqual(value);
  });
});
