import { describe, expect, it } from 'vitest';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { asFloat32 } from '../graph/passes/widen-floats.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { narrowLike } from './narrow-floats.ts';

const TEXT = parseModelText(`
  opset 17
  input x: float32[N, 2]
  const w: float32[2, 2] = [1, 2, 3, 4]
  const d: float32[2] = [0, 0]
  y = MatMul(x, w)
  z = Add(y, d)
  output z
`);
/** The same with a half-float weight and a float64 shift: it need not run. */
const MIXED: Model = {
  ...TEXT,
  graph: replaceConstants(
    TEXT.graph,
    new Map<string, Constant>([
      ['w', constantOf({ type: 'float16', dims: [2, 2], data: Uint16Array.of(0x3c00, 0, 0x7bff, 0x0001) })],
      ['d', constantOf({ type: 'float64', dims: [2], data: Float64Array.of(0.1, -1e300) })],
    ]),
  ),
};
const dataOf = (model: Model, name: string): Tensor => tensorOf(constantsOf(model.graph).get(name) as Constant);

describe('a model on its way to float32 and back', () => {
  it('becomes float32 without infinities', () => {
    const single = asFloat32(MIXED);
    expect(Array.from(dataOf(single, 'w').data as Float32Array)).toEqual([1, 0, 65504, 2 ** -24]);
    expect(Array.from(dataOf(single, 'd').data as Float32Array)).toEqual([
      Math.fround(0.1),
      expect.closeTo(-3.4028234663852886e38, -30),
    ]);
    expect(asFloat32(single)).toBe(single);
  });

  it('comes back with every digit where nothing changed', () => {
    const back = narrowLike(MIXED, asFloat32(MIXED));
    for (const name of ['w', 'd']) expect(constantsOf(back.graph).get(name)).toBe(constantsOf(MIXED.graph).get(name));
  });

  it('is rounded to its own types, zeros kept, and ends where the range of half floats does', () => {
    const single = asFloat32(MIXED);
    const changed = replaceConstants(
      single.graph,
      new Map([
        ['w', constantOf(float32([0, 1.0004, 1e6, -70000], [2, 2]))],
        ['d', constantOf(float32([0.25, 3], [2]))],
      ]),
    );
    const back = narrowLike(MIXED, { ...single, graph: changed });
    expect(dataOf(back, 'w')).toEqual({
      type: 'float16',
      dims: [2, 2],
      data: Uint16Array.of(0, 0x3c00, 0x7bff, 0xfbff),
    });
    expect(dataOf(back, 'd')).toEqual({ type: 'float64', dims: [2], data: Float64Array.of(0.25, 3) });
  });
});
