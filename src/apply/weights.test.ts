import { describe, expect, it } from 'vitest';
import { findWeights } from '../graph/weights.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { parseModelText } from '../onnx/text.ts';
import { countKept, readWeights, readWeightsNarrow, viewWeights, writeWeights } from './weights.ts';

const MODEL = parseModelText(`
  opset 17
  input x: float32[N, 3]
  const w: float32[2, 3] = [1, 0, 3, -4, 5, 0]
  const v: float32[2, 4] = [1, 2, 3, 4, 0, 6, 7, 8]
  h = Gemm(x, w) { transB: 1 }
  y = MatMul(h, v)
  output y
`);
const { prunable } = findWeights(MODEL);

describe('weights', () => {
  it("are read in the layers' order, the same in f32 as in f64", () => {
    const w = [1, 0, 3, -4, 5, 0, 1, 0, 2, 6, 3, 7, 4, 8];
    expect([...readWeights(MODEL, prunable)]).toEqual(w);
    const narrow = readWeightsNarrow(MODEL, prunable);
    expect(narrow).toBeInstanceOf(Float32Array);
    expect([...narrow]).toEqual(w);
    expect(prunable.flatMap((layer) => [...viewWeights(MODEL, layer)])).toEqual(w);
    expect(countKept(MODEL, prunable)).toEqual([4, 7]);
  });

  it('are read from a file in which they are not aligned', () => {
    const bytes = encodeModel(MODEL);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      const model = decodeModel(moved.subarray(shift));
      expect([...readWeightsNarrow(model, prunable)]).toEqual([...readWeights(MODEL, prunable)]);
    }
  });

  it.each([[Float32Array], [Float64Array]])('are written back from a %o', (Kind) => {
    const w = new Kind(readWeights(MODEL, prunable)).map((x: number) => -x);
    expect([...readWeights(writeWeights(MODEL, prunable, w), prunable)]).toEqual([...w]);
  });
});
