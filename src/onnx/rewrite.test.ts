import { readFile } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { NOT_RUNNABLE, outputGap, randomFeeds, sharedModels } from '../../test/shared-models.ts';
import { validateGraph } from '../graph/validate-graph.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { float32 } from '../tensor/tensor.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { fileFeatures } from './features.ts';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import { parseModelText } from './text.ts';

const chars = (text: string): Uint8Array => new TextEncoder().encode(text);
/** The message with a field that the schema does not name, holding a mark to look for. */
function marked<M extends { $unknown?: { no: number; wireType: number; data: Uint8Array }[] }>(
  message: M,
  mark: string,
): M {
  message.$unknown = [{ no: 500, wireType: 2, data: Uint8Array.of(mark.length, ...chars(mark)) }];
  return message;
}

const tensor = (name: string) => create(TensorProtoSchema, { name, dims: [2n], dataType: 1, floatData: [1, 2] });
const ATTRIBUTE = marked(create(AttributeProtoSchema, { name: 'alpha', type: Kind.FLOAT, f: 0.5 }), 'in-attribute');
const VALUE = create(AttributeProtoSchema, { name: 'value', type: Kind.TENSOR, t: tensor('inner') });
const FLOATS = create(TypeProtoSchema, {
  value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: 1 }) },
});
const INFO = marked(create(ValueInfoProtoSchema, { name: 'x', type: marked(FLOATS, 'in-type') }), 'in-value');
const LEAKY = create(NodeProtoSchema, {
  opType: 'LeakyRelu',
  domain: 'ai.onnx',
  input: ['w'],
  output: ['y'],
  attribute: [ATTRIBUTE],
});
const INDICES = create(TensorProtoSchema, { dims: [2n], dataType: 7, int64Data: [0n, 3n] });
const SPARSE = create(SparseTensorProtoSchema, { values: tensor('s'), indices: INDICES, dims: [4n] });
const GRAPH = create(GraphProtoSchema, {
  name: 'g',
  node: [marked(LEAKY, 'in-node'), create(NodeProtoSchema, { opType: 'Constant', output: ['c'], attribute: [VALUE] })],
  initializer: [marked(tensor('w'), 'in-tensor')],
  sparseInitializer: [SPARSE],
  input: [INFO],
  output: [create(ValueInfoProtoSchema, { name: 'y' })],
});
const MODEL = create(ModelProtoSchema, {
  irVersion: 8n,
  producerName: 'someone',
  producerVersion: '1.2',
  opsetImport: [marked(create(OperatorSetIdProtoSchema, { domain: 'ai.onnx', version: 17n }), 'in-opset')],
  metadataProps: [create(StringStringEntryProtoSchema, { key: 'author', value: 'a person' })],
  functions: [Uint8Array.of(0x0a, 4, ...chars('Mish'), 0x52, 5, ...chars('local')), Uint8Array.of(0xff)],
  graph: marked(GRAPH, 'in-graph'),
});
const FILE = toBinary(ModelProtoSchema, marked(MODEL, 'in-model'));
const MARKS = ['in-tensor', 'in-attribute', 'in-type', 'in-value', 'in-opset', 'in-node', 'in-graph', 'in-model'];
const marksOf = (bytes: Uint8Array): string[] => MARKS.filter((mark) => Buffer.from(bytes).includes(mark));

describe('encodeModel of a decoded file', () => {
  it('writes every byte as it was, unknown fields included', () => {
    expect(marksOf(FILE)).toEqual(MARKS);
    expect(encodeModel(decodeModel(FILE))).toEqual(FILE);
  });

  it('keeps unknown fields of what is changed', () => {
    const model = decodeModel(FILE);
    const { graph } = model;
    const changed: Model = {
      ...model,
      irVersion: 9,
      graph: {
        ...graph,
        name: 'renamed',
        nodes: graph.nodes.map((node) => ({ ...node, name: 'n', inputs: ['v'] })),
        constants: new Map([
          ['v', { ...(graph.constants.get('w') as never as object), ...constantOf(float32([5, 6, 7], [3])) }],
        ]),
        inputs: graph.inputs.map((input) => ({ ...input, name: 'z', shape: ['N', 3] })),
      },
    };
    const bytes = encodeModel(changed);
    expect(marksOf(bytes)).toEqual(MARKS);
    const read = decodeModel(bytes);
    expect(read.irVersion).toBe(9);
    expect(read.graph.name).toBe('renamed');
    expect(read.graph.nodes[0]).toMatchObject({ name: 'n', inputs: ['v'], op: 'LeakyRelu', domain: '' });
    expect(tensorOf(read.graph.constants.get('v') as never)).toEqual(float32([5, 6, 7], [3]));
    expect(read.graph.inputs[0]).toMatchObject({ name: 'z', type: 'float32', shape: ['N', 3] });
  });

  it('writes changed attributes, and a changed domain', () => {
    const model = decodeModel(FILE);
    const [node] = model.graph.nodes;
    const old = node?.attributes.get('alpha') as NonNullable<ReturnType<NonNullable<typeof node>['attributes']['get']>>;
    const nodes = [
      {
        ...(node as NonNullable<typeof node>),
        domain: 'local',
        attributes: new Map([['alpha', { ...old, kind: 'float' as const, value: 0.25 }]]),
      },
    ];
    const read = decodeModel(encodeModel({ ...model, graph: { ...model.graph, nodes } })).graph.nodes[0];
    expect(read).toMatchObject({ domain: 'local' });
    expect(read?.attributes.get('alpha')).toMatchObject({ kind: 'float', value: 0.25 });
  });
});

describe('fileFeatures', () => {
  it('names functions, sparse initializers, metadata and the producer', () => {
    const model = decodeModel(FILE);
    expect(tensorOf(model.graph.constants.get('s') as never)).toEqual(float32([1, 0, 0, 2], [4]));
    expect(fileFeatures(model)).toEqual({
      localFunctions: ['local:Mish', ':'],
      sparseInitializers: ['s'],
      externalTensors: [],
      producerVersion: '1.2',
      metadata: [['author', 'a person']],
    });
  });

  it('is empty for a model made in memory', () => {
    const none = { localFunctions: [], sparseInitializers: [], externalTensors: [], producerVersion: '', metadata: [] };
    expect(fileFeatures(parseModelText('input x y = Relu(x) output y'))).toEqual(none);
  });
});

const models = sharedModels();

describe.skipIf(models.length === 0)('rewriting the shared models', () => {
  it('finds the shared models and the zoo', () => {
    expect(models.length).toBeGreaterThan(33);
  });

  it.each(models)('keeps every byte of $name, but for the order of fields', async ({ path }) => {
    const bytes = new Uint8Array(await readFile(path));
    const once = encodeModel(decodeModel(bytes));
    expect(once.length).toBe(bytes.length);
    expect(histogram(once)).toEqual(histogram(bytes));
    expect(Buffer.compare(encodeModel(decodeModel(once)), once)).toBe(0);
  });

  it.each(models)('finds the graph of $name sound', async ({ path }) => {
    const model = decodeModel(new Uint8Array(await readFile(path)));
    expect(validateGraph(model)).toBe(model);
  });

  it.each(models.filter(({ name }) => !NOT_RUNNABLE.has(name)))(
    'keeps the outputs of $name',
    async ({ path }) => {
      const bytes = new Uint8Array(await readFile(path));
      const model = decodeModel(bytes);
      const rewritten = encodeModel(model);
      if (Buffer.compare(rewritten, bytes) === 0) return;
      expect(await outputGap(bytes, rewritten, randomFeeds(model, 2))).toBe(0);
    },
    60_000,
  );
});

/** How often each byte value occurs. */
function histogram(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  return counts;
}
