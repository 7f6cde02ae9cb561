import { describe, expect, it } from 'vitest';
import { onnxruntimeNode as engine } from '../../engine/onnxruntime.node.ts';
import type { Node } from '../../ir/model.ts';
import { parseModelText } from '../../onnx/text.ts';
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { passedAxes } from './axes.ts';

/** What passes from x through the last node of a graph. */
const CASES: readonly [body: string, x: readonly number[], passed: readonly (number | null)[]][] = [
  ['y = Relu(x)', [2, 3, 4], [0, 1, 2]],
  ['y = Softmax(x) { axis: 1 }', [2, 3, 4], [0, 1, 2]],
  ['y = Transpose(x) { perm: [2, 0, 1] }', [2, 3, 4], [2, 0, 1]],
  ['y = Transpose(x)', [2, 3, 4], [2, 1, 0]],
  ['const s: int64[3] = [2, 3, 20] y = Reshape(x, s)', [2, 3, 4, 5], [0, 1, null]],
  ['const s: int64[3] = [6, 4, 5] y = Reshape(x, s)', [2, 3, 4, 5], [null, 2, 3]],
  ['y = Flatten(x)', [2, 3, 4], [0, null]],
  ['const a: int64[1] = [1] y = Unsqueeze(x, a)', [2, 3], [0, null, 1]],
  ['y = Squeeze(x)', [2, 1, 3], [0, 2]],
  ['const i: int64[2] = [1, 0] y = Gather(x, i) { axis: 1 }', [2, 3, 4], [0, null, 2]],
  ['const i: int64[] = [1] y = Gather(x, i) { axis: -2 }', [2, 3, 4], [0, 2]],
  ['const i: int64[2,1] = [1, 0] y = Gather(x, i)', [2, 3, 4], [null, null, 1, 2]],
  ['const a: int64[1] = [1] const b: int64[1] = [3] y = Slice(x, a, b, a)', [2, 4, 3], [0, null, 2]],
  ['const p: int64[6] = [0, 0, 1, 0, 0, 1] y = Pad(x, p)', [2, 3, 4], [0, 1, null]],
  ['const t: int64[3] = [1, 2, 1] y = Tile(x, t)', [2, 3, 4], [0, null, 2]],
  ['y = DepthToSpace(x) { blocksize: 2 }', [2, 4, 3, 3], [0, null, null, null]],
  ['y = Concat(x, x) { axis: 1 }', [2, 3, 4], [0, null, 2]],
  ['y = ReduceMean(x) { axes: [1], keepdims: 0 }', [2, 3, 4], [0, 2]],
  ['y = ReduceMax(x) { axes: [-1] }', [2, 3, 4], [0, 1, null]],
  ['const a: int64[1] = [0] y = ReduceSum(x, a) { keepdims: 0 }', [2, 3, 4], [1, 2]],
  ['y = MaxPool(x) { kernel_shape: [2, 2] }', [2, 3, 4, 4], [0, 1, null, null]],
  ['y = GlobalAveragePool(x)', [2, 3, 4, 4], [0, 1, null, null]],
  ['const w: float32[5,3,1,1] = random(1) y = Conv(x, w)', [2, 3, 4, 4], [0, null, null, null]],
  ['const w: float32[4,5] = random(1) y = MatMul(x, w)', [2, 3, 4], [null, null, null]],
];

interface Ran {
  readonly node: Node;
  readonly constants: ReturnType<typeof parseModelText>['graph']['constants'];
  readonly run: (x: Tensor) => Promise<Tensor>;
}

async function opened(body: string, dims: readonly number[]): Promise<Ran> {
  const model = parseModelText(`opset 17 input x: float32[${dims}] ${body} output y`);
  const session = await engine.createSession(model);
  const run = async (x: Tensor): Promise<Tensor> => (await session.run(new Map([['x', x]]))).get('y') as Tensor;
  return { node: model.graph.nodes.at(-1) as Node, constants: model.graph.constants, run };
}

/** The tensor with the first and the last position of an axis exchanged. */
function exchanged({ dims, data }: Tensor, axis: number): Tensor {
  const [length, inner] = [dims[axis] as number, sizeOf(dims.slice(axis + 1))];
  const other = (at: number): number => (at === 0 ? length - 1 : at === length - 1 ? 0 : at);
  const values = Float32Array.from({ length: sizeOf(dims) }, (_, i) => {
    const at = Math.floor(i / inner) % length;
    return Number(data[i + (other(at) - at) * inner]);
  });
  return float32(values, dims);
}

describe('passedAxes', () => {
  it.each(CASES)('of %s', async (body, dims, expected) => {
    const { node, constants, run } = await opened(body, dims);
    const x = float32(
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(i + 1)),
      dims,
    );
    const y = await run(x);
    const found = passedAxes(node, 0, { from: dims, to: y.dims }, { constants });
    expect(found).toEqual(expected);
    for (const [axis, from] of found.entries()) {
      if (from === null) continue;
      const moved = await run(exchanged(x, from));
      expect(moved.dims).toEqual(y.dims);
      const wanted = exchanged(y, axis);
      for (let i = 0; i < sizeOf(y.dims); i++) expect(moved.data[i]).toBeCloseTo(wanted.data[i] as number, 5);
    }
  });

  it('aligns what is broadcast from the right, and passes no axis that is repeated', async () => {
    const { node, constants } = await opened('const b: float32[3,1] = random(1) y = Add(x, b)', [2, 3, 4]);
    const graph = { constants };
    expect(passedAxes(node, 0, { from: [2, 3, 4], to: [2, 3, 4] }, graph)).toEqual([0, 1, 2]);
    expect(passedAxes(node, 1, { from: [3, 1], to: [2, 3, 4] }, graph)).toEqual([null, 0, null]);
  });

  it('knows nothing of an operator that the table does not have', async () => {
    const { node, constants } = await opened('y = Det(x)', [2, 3, 3]);
    expect(passedAxes(node, 0, { from: [2, 3, 3], to: [2] }, { constants })).toEqual([null]);
  });
});
