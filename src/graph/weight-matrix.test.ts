import { describe, expect, it } from 'vitest';
import { parseModelText } from '../onnx/text.ts';
import { positionOf } from './arrangement.ts';
import { type KernelOrder, readsAlike, readsAsMatrix, weightMatrix } from './weight-matrix.ts';
import { findWeights, type WeightLayer } from './weights.ts';

function layersOf(text: string): readonly WeightLayer[] {
  return findWeights(parseModelText(text)).prunable;
}

/** Of each row of a layer's matrix where its elements lie in the file. */
function rowsOf(text: string, kernels: KernelOrder = 'channels-last'): number[][] {
  const [layer] = layersOf(text) as [WeightLayer];
  const matrix = weightMatrix(layer, kernels);
  if (matrix === null) throw new Error('not read as a matrix');
  const { groups, outputs, inputs, places } = matrix;
  return Array.from({ length: groups * outputs }, (_, r) =>
    Array.from({ length: inputs }, (__, c) => positionOf(layer.order, places?.[r * inputs + c] ?? r * inputs + c)),
  );
}

const product = (line: string, stored: string): string => `
  input x: float32[N, 4]
  const w: float32[${stored}] = range
  ${line}
  output y: float32[N, 3]
`;
/** Three outputs of four inputs in a file that has [outputs, inputs], or [inputs, outputs]. */
const BY_OUTPUT = [
  [0, 1, 2, 3],
  [4, 5, 6, 7],
  [8, 9, 10, 11],
];
const BY_INPUT = [
  [0, 3, 6, 9],
  [1, 4, 7, 10],
  [2, 5, 8, 11],
];

describe('the matrix of a layer', () => {
  it.each([
    ['Gemm with transB', product('y = Gemm(x, w) { transB: 1 }', '3, 4'), BY_OUTPUT],
    ['Gemm', product('y = Gemm(x, w)', '4, 3'), BY_INPUT],
    ['MatMul', product('y = MatMul(x, w)', '4, 3'), BY_INPUT],
    ['MatMul behind Transpose', product('t = Transpose(w) { perm: [1, 0] } y = MatMul(x, t)', '3, 4'), BY_OUTPUT],
    [
      'the weight on the left',
      'input x: float32[4, 2] const w: float32[3, 4] = range y = MatMul(w, x) output y: float32[3, 2]',
      BY_OUTPUT,
    ],
    [
      'Gemm with transA and the weight on the left',
      'input x: float32[4, 2] const w: float32[4, 3] = range y = Gemm(w, x) { transA: 1 } output y: float32[3, 2]',
      BY_INPUT,
    ],
    ['FusedMatMul with transB', product('y = com.microsoft.FusedMatMul(x, w) { transB: 1 }', '3, 4'), BY_OUTPUT],
    ['FusedGemm', product('y = com.microsoft.FusedGemm(x, w)', '4, 3'), BY_INPUT],
  ])('has what is added up for an output along a row: %s', (_, text, rows) => {
    expect(rowsOf(text)).toEqual(rows);
  });

  const conv =
    'input x: float32[1, 2, 5, 5] const w: float32[3, 2, 2, 2] = range y = Conv(x, w) output y: float32[1, 3, 4, 4]';

  it('has the channels of a kernel at each of its places, or its places in each channel', () => {
    // stored [out, in, kernel]: 8 o + 4 i + cell
    expect(rowsOf(conv)[1]).toEqual([0, 1, 2, 3].flatMap((cell) => [0, 1].map((i) => 8 + 4 * i + cell)));
    expect(rowsOf(conv, 'channels-first')[1]).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('has the outputs of each group of channels', () => {
    const grouped =
      'input x: float32[1, 4, 3] const w: float32[6, 2, 2] = range y = Conv(x, w) { group: 2 } output y: float32[1, 6, 2]';
    const layer = layersOf(grouped)[0] as WeightLayer;
    expect(weightMatrix(layer, 'channels-last')).toMatchObject({ groups: 2, outputs: 3, inputs: 4 });
    expect(rowsOf(grouped)[4]).toEqual([16, 18, 17, 19]);
  });

  it('has the inputs of a transposed convolution along a row, wherever they lie in the file', () => {
    // stored [in of all groups, out of a group, kernel] = [4, 3, 2] in 2 groups: 6 i + 2 o + cell
    const transposed =
      'input x: float32[1, 4, 3] const w: float32[4, 3, 2] = range y = ConvTranspose(x, w) { group: 2 } output y: float32[1, 6, 4]';
    const at = (g: number, o: number, cell: number, i: number): number => 6 * (2 * g + i) + 2 * o + cell;
    const rows = [0, 1].flatMap((g) => [0, 1, 2].map((o) => ({ g, o })));
    expect(rowsOf(transposed)).toEqual(
      rows.map(({ g, o }) => [at(g, o, 0, 0), at(g, o, 0, 1), at(g, o, 1, 0), at(g, o, 1, 1)]),
    );
    expect(rowsOf(transposed, 'channels-first')).toEqual(
      rows.map(({ g, o }) => [at(g, o, 0, 0), at(g, o, 1, 0), at(g, o, 0, 1), at(g, o, 1, 1)]),
    );
  });

  const dynamic = (shape: string, weight: string, line: string): string => `
    input x: float32[${shape}] const w: ${weight} = range const s: float32[] = [0.5]
    q, a, b = DynamicQuantizeLinear(x) i = ${line} f = Cast(i) { to: 1 } c = Mul(f, a) y = Mul(c, s) output y`;

  it.each([
    ['MatMulInteger', dynamic('2, 4', 'int8[4, 3]', 'MatMulInteger(q, w, b)'), [1, 4, 7, 10]],
    ['ConvInteger', dynamic('1, 2, 4', 'uint8[3, 2, 2]', 'ConvInteger(q, w, b)'), [4, 6, 5, 7]],
    [
      'DeformConv',
      'input x: float32[1, 2, 3, 3] input o: float32[1, 4, 3, 2] const w: float32[3, 2, 1, 2] = range y = DeformConv(x, w, o) output y',
      [4, 6, 5, 7],
    ],
  ])('has what is added up for the second output: %s', (_, text, row) => {
    expect(rowsOf(text)[1]).toEqual(row);
  });

  it('has the gates of a recurrent layer as rows', () => {
    const gru = `
      input x: float32[5, 1, 4]
      const w: float32[1, 6, 4] = range
      const r: float32[1, 6, 2] = range
      y, h = GRU(x, w, r) { hidden_size: 2 }
      output y: float32[5, 1, 1, 2]`;
    expect(rowsOf(gru)).toEqual([0, 1, 2, 3, 4, 5].map((r) => [0, 1, 2, 3].map((c) => 4 * r + c)));
  });
});

describe('layers of several uses', () => {
  it('tell whether they are read alike', () => {
    const twice = (line: string): WeightLayer =>
      layersOf(`
      input x: float32[3, 3]
      const w: float32[3, 3] = range
      a = MatMul(x, w)
      ${line}
      output y: float32[3, 3]`)[0] as WeightLayer;
    expect(readsAlike(twice('y = MatMul(a, w)'))).toBe(true);
    expect(readsAlike(twice('y = Gemm(a, w) { transB: 1 }'))).toBe(false);
    expect(readsAsMatrix(twice('y = Gemm(a, w) { transB: 1 }'))).toBe(true);
  });
});
