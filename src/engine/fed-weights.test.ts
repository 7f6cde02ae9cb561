import { describe, expect, it } from 'vitest';
import type { Constant } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { fedModel, feeding } from './fed-weights.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';

const MODEL = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 6] = random(2)
  const k: float32[8, 6] = random(3)
  const b: float32[8] = random(4)
  h = Gemm(x, w, b)
  g = MatMul(h, v)
  m = Mul(k, g2)
  g2 = Gather(k, i)
  const i: int64[8] = [0, 1, 2, 3, 4, 5, 6, 7]
  y = MatMul(g, s)
  const s: float32[6, 2] = random(5)
  output y, m
`);
const LEAST = { model: 300, constant: 150 };
const feeds = new Map([
  [
    'x',
    float32(
      Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      [2, 6],
    ),
  ],
]);

async function runOf(session: Awaited<ReturnType<typeof onnxruntimeNode.createSession>>): Promise<number[][]> {
  const outputs = await session.run(feeds);
  return [...outputs.values()].map(({ data }) => [...(data as Tensor<Float32Array>['data'])]);
}

describe('a large model', () => {
  it('is fed the weights that only products read, and gives the same', async () => {
    const fed = fedModel(MODEL, LEAST);
    if (fed === null) throw new Error('nothing is fed');
    expect([...fed.weights.keys()]).toEqual(['w', 'v']); // Mul reads k too, the others are small
    expect(fed.model.graph.constants.has('w')).toBe(false);
    const session = feeding(await onnxruntimeNode.createSession(fed.model), fed.weights);
    expect(session.inputs).toEqual(['x']);
    expect(await runOf(session)).toEqual(await runOf(await onnxruntimeNode.createSession(MODEL)));
    await session.release();
  });

  it('shares the bytes of its weights with what is fed', () => {
    const { raw } = MODEL.graph.constants.get('w') as Constant;
    const fed = fedModel(MODEL, LEAST)?.weights.get('w') as Tensor<Float32Array>;
    expect(fed.data.buffer).toBe((raw as Uint8Array).buffer);
  });

  it('is none below both limits', () => {
    expect(fedModel(MODEL)).toBeNull();
    expect(fedModel(MODEL, { model: 10_000, constant: 1 })).toBeNull();
  });
});
