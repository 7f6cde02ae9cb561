import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { type Shapes, shapesOf } from './shapes.ts';

function product(shape: string): ReturnType<typeof parseModelText> {
  return parseModelText(`
    opset 17
    input x: float32[${shape}]
    const w: float32[3, 2] = random(1)
    y = MatMul(x, w)
    output y
  `);
}

describe('shapesOf', () => {
  it('fills many open dimensions so that the input stays small', async () => {
    const shapes = await shapesOf(onnxruntimeNode, product('N, a, b, c, d, e, f, g, h'));
    expect(shapes).toMatchObject({ open: 3, batch: 1 });
  });

  it.each([
    ['all numbers of which are declared', '1, 1048576, 1048576, 3'],
    ['with few open dimensions', 'N, 1048576, 1048576, a'],
  ])('says at once that an input is too large to be made up, %s', async (_, shape) => {
    const shapes = await shapesOf(onnxruntimeNode, product(shape));
    expect(shapes).toHaveProperty(
      'reason',
      expect.stringMatching(/^Cannot make up input "x" of shape \[1, 1048576, 1048576, \d+\]: wanted at most 33554432/),
    );
  });

  it('runs graphs of very many nodes in parts', async () => {
    const chain = Array.from({ length: 15_000 }, (_, i) => `v${i + 1} = Relu(v${i})`).join('\n');
    const model = parseModelText(`opset 17\ninput x: float32[N, 3]\nv0 = Neg(x)\n${chain}\noutput v15000`);
    const shapes = await shapesOf(onnxruntimeNode, model);
    expect(shapes).not.toHaveProperty('reason');
    expect((shapes as Shapes).captured.get('v15000')?.dims).toEqual([1, 3]);
  });
});
