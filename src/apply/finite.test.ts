import { describe, expect, it } from 'vitest';
import { replaceConstant } from '../graph/constants.ts';
import { constantOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { becameNonFinite, refuseNonFinite } from './finite.ts';

const MODEL = parseModelText(`
  opset 17
  input x: float32[N, 2]
  const w: float32[2, 2] = [1, 2, 3, 4]
  const mask: float32[2] = [0, -inf]
  y = MatMul(x, w)
  z = Add(y, mask)
  output z
`);
const withW = (...values: number[]): Model => ({
  ...MODEL,
  graph: replaceConstant(MODEL.graph, 'w', constantOf(float32(values, [2, 2]))),
});

describe('weights that became infinite', () => {
  it('are found, and what was infinite before may stay so', () => {
    expect(becameNonFinite(MODEL, MODEL)).toBeNull();
    expect(becameNonFinite(MODEL, withW(0, 2, 0, 4))).toBeNull();
    expect(becameNonFinite(MODEL, withW(0, 2, Number.NaN, 4))).toBe('w');
    expect(becameNonFinite(withW(0, 2, Number.NaN, 4), withW(1, 2, Number.NaN, 4))).toBeNull();
    const copied = replaceConstant(MODEL.graph, 'mask', constantOf(float32([0, Number.NEGATIVE_INFINITY], [2])));
    expect(becameNonFinite(MODEL, { ...MODEL, graph: copied })).toBeNull();
  });

  it('are refused with their name and a remedy', () => {
    expect(() => refuseNonFinite(MODEL, withW(Infinity, 0, 0, 0), { says: 'lower the rate' })).toThrow(
      /"w" became .*; lower the rate/,
    );
  });
});
