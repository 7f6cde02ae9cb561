import { describe, expect, it } from 'vitest';
import { parseModelText } from '../onnx/text.ts';
import { capture } from './capture.ts';
import { refuseGiants } from './giants.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';

const modelOf = (shape: string, node: string) =>
  parseModelText(`
  opset 17
  input x: float32[N, 1]
  const s: int64[2] = [${shape}]
  ${node}
  output y
`);

describe('a node that makes more numbers than memory holds', () => {
  it.each(['big = ConstantOfShape(s)\n y = Mul(x, big)', 'y = Expand(x, s)', 'y = Tile(x, s)'])(
    'is refused by its name before it runs: %s',
    async (node) => {
      const feeds = new Map([['x', { type: 'float32', dims: [1, 1], data: new Float32Array(1) } as const]]);
      const run = (shape: string) => capture(onnxruntimeNode, modelOf(shape, node), feeds);
      await expect(run('1000000, 1000000')).rejects.toThrow(/node "(big|y)" .* makes 1\.0e\+12 numbers/);
      expect((await run('3, 5')).get('y')?.dims).toEqual([3, 5]);
    },
  );

  it('is none where its shape is not known beforehand', () => {
    expect(() => refuseGiants(modelOf('1, 1', 's2 = Shape(x)\n y = Expand(x, s2)').graph)).not.toThrow();
  });
});
