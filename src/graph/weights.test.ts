import { describe, expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { capture } from '../engine/capture.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OnnxDecodeError } from '../errors/errors.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { isStored } from './arrangement.ts';
import { constantsOf } from './constants.ts';
import { findWeights, type WeightLayer } from './weights.ts';

/** Normal feeds for the one input x of a model. */
function feed(dims: readonly number[]): Map<string, Tensor> {
  const rng = random(9);
  return new Map([
    [
      'x',
      float32(
        Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
        dims,
      ),
    ],
  ]);
}

async function macsOf(text: string, dims: readonly number[]): Promise<(number | null)[]> {
  const model = parseModelText(text);
  const captured = await capture(onnxruntimeNode, model, feed(dims));
  return findWeights(model, captured, dims[0]).prunable.map((layer) => layer.macsPerWeight);
}

const linear = (line: string, stored: string): string => `
  input x: float32[N, 4]
  const w: float32[${stored}] = range
  ${line}
  output y: float32[N, 3]
`;

/** The same linear layer, 4 inputs and 3 outputs, in every way that files have it. */
const LINEAR: readonly { readonly name: string; readonly text: string; readonly order: string }[] = [
  { name: 'Gemm, transB = 1', text: linear('y = Gemm(x, w) { transB: 1 }', '3, 4'), order: 'stored' },
  { name: 'Gemm', text: linear('y = Gemm(x, w)', '4, 3'), order: 'transposed' },
  { name: 'MatMul', text: linear('y = MatMul(x, w)', '4, 3'), order: 'transposed' },
  {
    name: 'MatMul behind a Transpose',
    text: linear('t = Transpose(w) { perm: [1, 0] } y = MatMul(x, t)', '3, 4'),
    order: 'stored',
  },
  {
    name: 'Gemm, transB = 1, behind Identity, Transpose and Identity',
    text: linear(
      'a = Identity(w) t = Transpose(a) { perm: [1, 0] } b = Identity(t) y = Gemm(x, b) { transB: 1 }',
      '4, 3',
    ),
    order: 'transposed',
  },
  {
    name: 'MatMul behind two Transposes',
    text: linear('t = Transpose(w) { perm: [1, 0] } u = Transpose(t) { perm: [1, 0] } y = MatMul(x, u)', '4, 3'),
    order: 'transposed',
  },
  {
    name: 'Gemm from the left',
    text: linear('t = Transpose(x) { perm: [1, 0] } z = Gemm(w, t) y = Transpose(z) { perm: [1, 0] }', '3, 4'),
    order: 'stored',
  },
  {
    name: 'Gemm from the left, transA = 1, transB = 1',
    text: linear('z = Gemm(w, x) { transA: 1, transB: 1 } y = Transpose(z) { perm: [1, 0] }', '4, 3'),
    order: 'transposed',
  },
  {
    name: 'a Constant node',
    text: `input x: float32[N, 4]
      w = Constant() { value: float32[4, 3] = range }
      y = MatMul(x, w)
      output y: float32[N, 3]`,
    order: 'transposed',
  },
];

describe('findWeights on a linear layer', () => {
  it.each(LINEAR)('$name: found once, [out, in], one multiply-accumulate a weight', async ({ text, order }) => {
    const { prunable, unprunable } = findWeights(parseModelText(text));
    expect(prunable).toHaveLength(1);
    expect(prunable[0]).toMatchObject({ name: 'w', size: 12, filters: 3, macsPerWeight: null });
    expect(isStored((prunable[0] as WeightLayer).order)).toBe(order === 'stored');
    expect(unprunable).toEqual([]);
    expect(await macsOf(text, [5, 4])).toEqual([1]);
  });

  it.each(LINEAR)('$name: zeroing the first four weights silences the first output, and no other', async ({ text }) => {
    const model = parseModelText(text);
    const { prunable } = findWeights(model);
    const w = readWeights(model, prunable).map((x, i) => (i < 4 ? 0 : x));
    const y = await outputOf(writeWeights(model, prunable, w), [1, 4]);
    const before = await outputOf(model, [1, 4]);
    expect(y[0]).toBe(0);
    expect(before[0]).not.toBe(0);
    expect([...y.slice(1)]).toEqual([...before.slice(1)]);
  });

  it.each(LINEAR)('$name: weights that are read and written again are those of the file, bit for bit', ({ text }) => {
    const model = parseModelText(text);
    const { prunable } = findWeights(model);
    const again = writeWeights(model, prunable, readWeights(model, prunable));
    expect(bytesOf(again)).toEqual(bytesOf(model));
  });
});

async function outputOf(model: Model, dims: readonly number[]): Promise<Float32Array> {
  const session = await onnxruntimeNode.createSession(model);
  const y = (await session.run(feed(dims))).get('y') as Tensor<Float32Array>;
  await session.release();
  return y.data;
}

function bytesOf(model: Model): Map<string, number[]> {
  return new Map([...constantsOf(model.graph)].map(([name, { raw }]) => [name, [...(raw as Uint8Array)]]));
}

describe('findWeights', () => {
  it('lists weights in the order of their first use, shared ones once', () => {
    const { prunable } = findWeights(
      parseModelText(`
      input x: float32[N, 4]
      const late: float32[4, 4] = random(1)
      const shared: float32[4, 4] = random(2)
      a = MatMul(x, shared) @first
      b = MatMul(a, late) @second
      y = MatMul(b, shared) @third
      output y`),
    );
    expect(prunable.map(({ name, node, uses }) => [name, node, uses.length])).toEqual([
      ['shared', 'first', 2],
      ['late', 'second', 1],
    ]);
  });

  it('takes a weight that is used both ways as it is stored', () => {
    const { prunable } = findWeights(
      parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 4] = random(1)
      a = MatMul(x, w)
      y = Gemm(a, w) { transB: 1 }
      output y`),
    );
    expect(prunable.map(({ name, order }) => [name, isStored(order)])).toEqual([['w', true]]);
  });

  it('says why other float weights are left alone', () => {
    const { prunable, unprunable } = findWeights(
      parseModelText(`
      input x: float32[N, 4]
      const half: int32[4, 4] = ones
      const vector: float32[4] = ones
      const table: float32[8, 4] = random(1)
      const ids: int64[2] = [0, 1]
      h = Cast(x) { to: 6 }
      a = MatMul(h, half)
      b = MatMul(x, vector)
      c = Gather(table, ids)
      output a, b, c`),
    );
    expect(prunable).toEqual([]);
    expect(Object.fromEntries(unprunable.map(({ name, reason }) => [name, reason]))).toEqual({
      half: expect.stringMatching(/int32, and no constant scale/),
      vector: expect.stringMatching(/one dimension, as a bias/),
      table: expect.stringMatching(/Gather is not a convolution/),
    });
  });

  it('does not look through operators that change values', () => {
    const { prunable } = findWeights(
      parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 4] = random(1)
      s = Mul(w, w)
      y = MatMul(x, s)
      output y`),
    );
    expect(prunable).toEqual([]);
  });
});

describe('multiply-accumulates a weight', () => {
  it('are the output positions of a convolution, grouped or not, with strides and pads', async () => {
    const conv = (attributes: string, dims: string): string => `
      input x: float32[N, 4, 8, 6]
      const w: float32[${dims}] = random(1)
      y = Conv(x, w) { ${attributes} }
      output y`;
    expect(await macsOf(conv('pads: [1,1,1,1]', '5, 4, 3, 3'), [2, 4, 8, 6])).toEqual([48]);
    expect(await macsOf(conv('strides: [2,2]', '5, 4, 2, 2'), [3, 4, 8, 6])).toEqual([12]);
    expect(await macsOf(conv('group: 4, pads: [1,1,1,1]', '4, 1, 3, 3'), [1, 4, 8, 6])).toEqual([48]);
    expect(await macsOf(conv('group: 2', '6, 2, 1, 1'), [1, 4, 8, 6])).toEqual([48]);
  });

  it('are the input positions of a transposed convolution', async () => {
    const text = `
      input x: float32[N, 2, 5, 3]
      const w: float32[2, 3, 2, 2] = random(1)
      y = ConvTranspose(x, w) { strides: [2, 2] }
      output y`;
    expect(await macsOf(text, [2, 2, 5, 3])).toEqual([15]);
  });

  it('are the positions of a linear layer over a sequence', async () => {
    const text = `
      input x: float32[N, 7, 4]
      const w: float32[4, 3] = random(1)
      y = MatMul(x, w)
      output y`;
    expect(await macsOf(text, [2, 7, 4])).toEqual([7]);
  });

  it('are the columns that a matrix from the left meets', async () => {
    const text = (line: string): string => `
      input x: float32[N, 4]
      const w: float32[3, 4] = random(1)
      ${line}
      output y`;
    expect(await macsOf(text('y = Gemm(w, x) { transB: 1 }'), [6, 4])).toEqual([1]);
    expect(
      await macsOf(
        text('f = Reshape(x, s) y = MatMul(w, f)').replace('const w', 'const s: int64[1] = [-1] const w'),
        [1, 4],
      ),
    ).toEqual([1]);
  });

  it('add up over all uses of a shared weight', async () => {
    const text = `
      input x: float32[N, 4]
      const w: float32[4, 4] = random(1)
      a = MatMul(x, w)
      y = MatMul(a, w)
      output y`;
    expect(await macsOf(text, [3, 4])).toEqual([2]);
  });
});

describe('readWeights', () => {
  it('refuses weights that are not finite, and names the layer', () => {
    const model = parseModelText(linear('y = MatMul(x, w)', '4, 3'));
    const { prunable } = findWeights(model);
    const data = Float32Array.from({ length: 12 }, (_, i) => (i === 5 ? Number.NaN : i));
    const constants = new Map([['w', constantOf(float32(data, [4, 3]))]]);
    const broken = { ...model, graph: { ...model.graph, constants } };
    expect(() => readWeights(broken, prunable)).toThrow(OnnxDecodeError);
    expect(() => readWeights(broken, prunable)).toThrow(/"w".*NaN.*leave the layer out/);
  });

  it('reads a matrix that is stored [in, out] as [out, in]', () => {
    const model = parseModelText(linear('y = MatMul(x, w)', '4, 3'));
    expect([...readWeights(model, findWeights(model).prunable)]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
  });
});

describe('writeWeights', () => {
  it('writes a Constant node in its place, and leaves the model that it was given alone', () => {
    const { text } = LINEAR.at(-1) as (typeof LINEAR)[number];
    const model = parseModelText(text);
    const { prunable } = findWeights(model);
    const zeroed = writeWeights(model, prunable, new Float64Array(12));
    expect(zeroed.graph.constants.size).toBe(0);
    expect([...(tensorOf(constantsOf(zeroed.graph).get('w') as never).data as Float32Array)]).toEqual(
      new Array(12).fill(0),
    );
    expect([...readWeights(model, prunable)].every((x) => x === 0)).toBe(false);
  });
});
