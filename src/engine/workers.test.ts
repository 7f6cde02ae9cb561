import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';

const DOUBLING = parseModelText(`
  opset 17
  input x: float32[N]
  y = Add(x, x)
  output y
`);

describe('a session in worker threads', () => {
  it('runs several inputs at once and gives each its own result', async () => {
    const session = await onnxruntimeNode.createSession(DOUBLING, { workers: 2 });
    try {
      expect([session.parallel, session.inputs, session.outputs]).toEqual([2, ['x'], ['y']]);
      const results = await Promise.all(
        Array.from({ length: 6 }, (_, i) => session.run(new Map([['x', float32([i, -i], [2])]]))),
      );
      expect(results.map((outputs) => Array.from(outputs.get('y')?.data as Float32Array))).toEqual(
        Array.from({ length: 6 }, (_, i) => [2 * i, -2 * i]),
      );
    } finally {
      await session.release();
    }
  });

  it('reports a failed run as the runtime’s error and goes on', async () => {
    const session = await onnxruntimeNode.createSession(DOUBLING, { workers: 2 });
    try {
      await expect(session.run(new Map([['wrong', float32([1], [1])]]))).rejects.toThrow(EngineError);
      const outputs = await session.run(new Map([['x', float32([3], [1])]]));
      expect(Array.from(outputs.get('y')?.data as Float32Array)).toEqual([6]);
    } finally {
      await session.release();
    }
  });

  it('is released when the runs that proceed are over', async () => {
    const squaring = parseModelText(`
      opset 17
      input x: float32[N, N]
      y = MatMul(x, x)
      z = MatMul(y, x)
      s = ReduceMax(z)
      output s
    `);
    const session = await onnxruntimeNode.createSession(squaring, { workers: 2 });
    const x = float32(new Float32Array(800 * 800).fill(1), [800, 800]);
    const runs = Array.from({ length: 4 }, () => session.run(new Map([['x', x]])));
    await session.release();
    for (const outputs of await Promise.all(runs)) expect(outputs.get('s')?.data[0]).toBe(640_000);
  });

  it('refuses a model as a session in the caller’s thread does', async () => {
    const broken = new Uint8Array([1, 2, 3]);
    await expect(onnxruntimeNode.createSession(broken, { workers: 2 })).rejects.toThrow(EngineError);
  });
});
