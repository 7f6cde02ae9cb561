import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../test/shared-models.ts';
import { CoppiceError } from '../errors/errors.ts';
import { constantsOf, replaceConstant } from '../graph/constants.ts';
import { validateGraph } from '../graph/validate-graph.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import { float32 } from '../tensor/tensor.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { fileFeatures } from './features.ts';
import { ModelProtoSchema, type SparseTensorProto, SparseTensorProtoSchema, TensorProtoSchema } from './onnx_pb.ts';
import { parseModelText } from './text.ts';

const INT64 = 7;

/** W [3, 4] with 5, 6 and 7 at 1, 6 and 11. */
function sparse(
  indices: readonly number[],
  dims: readonly number[] = [indices.length],
  shape = [3n, 4n],
): SparseTensorProto {
  return create(SparseTensorProtoSchema, {
    dims: shape,
    values: create(TensorProtoSchema, { name: 'w', dataType: 1, dims: [3n], floatData: [5, 6, 7] }),
    indices: create(TensorProtoSchema, { dataType: INT64, dims: dims.map(BigInt), int64Data: indices.map(BigInt) }),
  });
}
const LINEAR = sparse([1, 6, 11]);
const DENSE = float32([0, 5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 7], [3, 4]);

/** y = x W, with W as a sparse initializer. */
function fileOf(weight: SparseTensorProto): Uint8Array {
  const text = 'input x: float32[2,3] const w: float32[3,4] = zeros y = MatMul(x, w) output y: float32[2,4]';
  const proto = fromBinary(ModelProtoSchema, encodeModel(parseModelText(text)));
  const graph = proto.graph as NonNullable<typeof proto.graph>;
  return toBinary(ModelProtoSchema, { ...proto, graph: { ...graph, initializer: [], sparseInitializer: [weight] } });
}

describe('sparse initializers', () => {
  it.each([
    ['linear indices', LINEAR],
    ['an index for each axis', sparse([0, 1, 1, 2, 2, 3], [3, 2])],
    [
      'indices in any order',
      {
        ...sparse([11, 6, 1]),
        values: create(TensorProtoSchema, { name: 'w', dataType: 1, dims: [3n], floatData: [7, 6, 5] }),
      },
    ],
  ])('with %s are read as the runtime reads them', async (_, weight) => {
    const bytes = fileOf(weight as SparseTensorProto);
    const model = validateGraph(decodeModel(bytes));
    expect(tensorOf(model.graph.constants.get('w') as never)).toEqual(DENSE);
    expect(encodeModel(model)).toEqual(bytes);
    const { origin: _origin, ...dense } = model.graph.constants.get('w') as {
      origin?: unknown;
      type: 'float32';
      dims: number[];
      raw: Uint8Array;
    };
    const written = encodeModel({ ...model, graph: { ...model.graph, constants: new Map([['w', dense]]) } });
    expect(fileFeatures(decodeModel(written)).sparseInitializers).toEqual([]);
    expect(await outputGap(bytes, written, randomFeeds(model, 1))).toBe(0);
  });

  it.each([
    ['sparse again where that is shorter', [0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8], ['w']],
    ['dense where that is shorter', [1, 5, 4, 6, 2, 7, 0, 3, 9, 3, 0, 8], []],
    ['sparse without a value left', Array<number>(12).fill(0), ['w']],
  ])('are written %s', async (_, values, names) => {
    const model = decodeModel(fileOf(LINEAR));
    const changed = { ...model, graph: replaceConstant(model.graph, 'w', constantOf(float32(values, [3, 4]))) };
    const written = encodeModel(changed);
    expect(fileFeatures(decodeModel(written)).sparseInitializers).toEqual(names);
    expect(tensorOf(decodeModel(written).graph.constants.get('w') as never)).toEqual(float32(values, [3, 4]));
    const text = `input x: float32[2,3] const w: float32[3,4] = [${values.join(', ')}] y = MatMul(x, w) output y: float32[2,4]`;
    expect(await outputGap(written, encodeModel(parseModelText(text)), randomFeeds(model, 1))).toBe(0);
  });

  it.each([
    ['an index behind the end', sparse([1, 6, 12]), 'index 12 lies outside an axis of 12'],
    ['a negative index', sparse([1, -6, 11]), 'index -6 lies outside an axis of 12'],
    ['an index behind the end of an axis', sparse([0, 1, 1, 4, 2, 3], [3, 2]), 'index 4 lies outside an axis of 4'],
    ['an index twice', sparse([1, 1, 11]), 'element 1 is there twice'],
    ['too few indices', sparse([1, 6]), 'wanted 3 values with indices [3], got indices [2]'],
    [
      'indices of another rank',
      sparse([1, 6, 11, 1, 6, 11, 1, 6, 11], [3, 3]),
      'with indices [3,2], got indices [3,3]',
    ],
    ['no indices', { ...sparse([]), indices: undefined }, 'it has no indices'],
    ['no values', { ...sparse([1, 6, 11]), values: undefined }, 'it has no values'],
    ['a giant shape', sparse([1, 6, 11], [3], [2n ** 20n, 2n ** 20n]), 'is 4398046511104 bytes when dense'],
    ['a large shape in a small file', sparse([1, 6, 11], [3], [2n ** 13n, 2n ** 13n]), 'may have 67108864'],
    ['a dimension of -1', sparse([1, 6, 11], [3], [-1n, 4n]), 'a dimension is -1'],
  ])('with %s are refused', (_, weight, message) => {
    expect(() => decodeModel(fileOf(weight as SparseTensorProto))).toThrow(message);
  });

  it('share one allowance', () => {
    const proto = fromBinary(ModelProtoSchema, fileOf(sparse([1, 6, 11], [3], [2n ** 12n, 2n ** 11n])));
    const graph = proto.graph as NonNullable<typeof proto.graph>;
    const [one] = graph.sparseInitializer as [SparseTensorProto];
    const named = (name: string): SparseTensorProto => ({ ...one, values: { ...one.values, name } as never });
    graph.sparseInitializer = ['w', 'b', 'c'].map(named);
    expect(() => decodeModel(toBinary(ModelProtoSchema, proto))).toThrow('all such tensors of this file together');
  });
});

describe('a Constant node with a sparse value', () => {
  const proto = fromBinary(
    ModelProtoSchema,
    encodeModel(
      parseModelText(
        'input x: float32[2,3] w = Constant() { sparse_value: 1 } y = MatMul(x, w) output y: float32[2,4]',
      ),
    ),
  );
  const [attribute] = proto.graph?.node[0]?.attribute ?? [];
  Object.assign(attribute ?? {}, { type: 11, sparseTensor: LINEAR });
  const bytes = toBinary(ModelProtoSchema, proto);

  it('is read, written back as it was, and dense once it changed', async () => {
    const model = decodeModel(bytes);
    expect(tensorOf(constantsOf(model.graph).get('w') as never)).toEqual(DENSE);
    expect(encodeModel(model)).toEqual(bytes);
    const same = { ...model, graph: replaceConstant(model.graph, 'w', constantOf(DENSE)) };
    expect(encodeModel(same)).not.toEqual(bytes);
    expect(await outputGap(bytes, encodeModel(same), randomFeeds(model, 1))).toBe(0);
  });
});

describe('a sparse constant whose bytes no longer fit its shape', () => {
  it.each([[[3, 4, -1]], [[0]], [[3, 5]], [[]]])('is written dense at %j, for the reader to refuse', (dims) => {
    const model = decodeModel(fileOf(LINEAR));
    const w = constantsOf(model.graph).get('w') as Parameters<typeof tensorOf>[0];
    const constants = new Map([['w', { ...w, dims }]]);
    const bytes = encodeModel({ ...model, graph: { ...model.graph, constants } });
    expect(() => tensorOf(validateGraph(decodeModel(bytes)).graph.constants.get('w') as typeof w)).toThrow(
      CoppiceError,
    );
  });
});
