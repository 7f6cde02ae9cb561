import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { capture } from './capture.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';

const MODEL = parseModelText(`
  input x: float32[N, 6]
  const w: float32[6, 4] = random(1)
  value h: float32[9, 9]
  h = MatMul(x, w)
  shape = Shape(h)
  two = Reshape(h, k)
  const k: int64[2] = [-1, 2]
  y = Relu(two)
  output y
`);

describe('capture', () => {
  it('records what every value turned out to be, whatever the file declares', async () => {
    const captured = await capture(onnxruntimeNode, MODEL, new Map([['x', float32(new Float32Array(18), [3, 6])]]));
    const found = Object.fromEntries([...captured].map(([name, { type, dims }]) => [name, [type, dims]]));
    expect(found).toEqual({
      x: ['float32', [3, 6]],
      h: ['float32', [3, 4]],
      shape: ['int64', [2]],
      two: ['float32', [6, 2]],
      y: ['float32', [6, 2]],
    });
  });

  it('keeps small integer values, which steer shapes, and no floats', async () => {
    const captured = await capture(onnxruntimeNode, MODEL, new Map([['x', float32(new Float32Array(6), [1, 6])]]));
    expect(captured.get('shape')?.value?.data).toEqual(BigInt64Array.of(1n, 4n));
    expect(captured.get('h')).not.toHaveProperty('value');
  });

  it.each([1, 2, 3])(
    'records the same in parts of %i nodes, subgraphs and values that are read late among them',
    async (most) => {
      const model = parseModelText(`
      opset 17
      input x: float32[N, 6]
      const w: float32[6, 4] = random(1)
      const k: int64[2] = [-1, 2]
      const yes: bool[] = [1]
      early = Relu(x)
      h = MatMul(early, w)
      two = Reshape(h, k)
      late = MatMul(early, w)
      left, right = Split(late) { axis: 1, num_outputs: 2 }
      y = Concat(left, two, right) { axis: 0 }
      output y
    `);
      const feeds = new Map([['x', float32(new Float32Array(18).fill(1), [3, 6])]]);
      const whole = await capture(onnxruntimeNode, { ...model, opsets: new Map([['', 18]]) }, feeds);
      const parts = await capture(onnxruntimeNode, { ...model, opsets: new Map([['', 18]]) }, feeds, most);
      expect(Object.fromEntries(parts)).toEqual(Object.fromEntries(whole));
      expect(whole.size).toBe(8);
    },
  );

  it('takes graphs of any length', async () => {
    const lines = Array.from({ length: 9001 }, (_, i) => `v${i + 1} = Neg(v${i})`);
    const model = parseModelText(`input v0: float32[N, 2] ${lines.join('\n')} output v9001`);
    const captured = await capture(onnxruntimeNode, model, new Map([['v0', float32([1, 2], [1, 2])]]));
    expect(captured.size).toBe(9002);
    expect(captured.get('v9001')?.dims).toEqual([1, 2]);
  });

  it('fails with an engine error where the model does not run', async () => {
    const feeds = new Map([['x', float32(new Float32Array(5), [1, 5])]]);
    await expect(capture(onnxruntimeNode, MODEL, feeds)).rejects.toThrow(EngineError);
  });
});

describe('a session', () => {
  it('refuses what is no model, and its message has no path of the runtime', async () => {
    const broken = parseModelText('input x: float32[2] y = NoSuchOp(x) output y');
    const refusal = await onnxruntimeNode.createSession(broken).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(EngineError);
    expect((refusal as EngineError).message).toMatch(/NoSuchOp/);
    expect((refusal as EngineError).message).not.toMatch(/\.(cc|h):\d/);
  });

  it('fetches the outputs asked for, and no others', async () => {
    const session = await onnxruntimeNode.createSession(
      parseModelText('input x: float32[2] y = Relu(x) z = Neg(x) output y, z'),
    );
    const outputs = await session.run(new Map([['x', float32([1, -1], [2])]]), ['z']);
    expect([...outputs.keys()]).toEqual(['z']);
    expect(Array.from((outputs.get('z') as Tensor<Float32Array>).data)).toEqual([-1, 1]);
    await session.release();
  });
});
