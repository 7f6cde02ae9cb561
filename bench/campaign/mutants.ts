import type { DescMessage } from '@bufbuild/protobuf';
import type { Attribute, Constant, Graph, Model, Node } from '../../src/ir/model.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { ModelProtoSchema } from '../../src/onnx/onnx_pb.ts';
import type { Random } from '../../src/tensor/random.ts';
import { type Field, messageOf, putTogether, takeApart, varint } from './wire.ts';

/** A model to make mutants of. */
export interface Base {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly model: Model;
  /** A file that lies beside it. */
  readonly beside?: { readonly name: string; readonly bytes: Uint8Array };
}

const pick = <T>(rng: Random, list: readonly T[]): T => list[rng.integer(list.length)] as T;

/** A mutant: the bytes, and a word on how it was made. */
export interface Mutant {
  readonly bytes: Uint8Array;
  readonly how: string;
}

const WAYS = { bytes: byBytes, structure: byStructure, schema: bySchema, graph: byGraph } as const;

/** A mutant of a base; one in four is changed twice. */
export function mutantOf(base: Base, rng: Random): Mutant {
  const way = pick(rng, Object.keys(WAYS) as (keyof typeof WAYS)[]);
  const once = WAYS[way](base, rng);
  const again = rng.integer(4) === 0 ? byBytes({ ...base, bytes: once }, rng) : once;
  return { bytes: again, how: again === once ? way : `${way}, bytes` };
}

/** Numbers that lengths, types and dimensions may be wrong by. */
const EXTREMES = [
  0n,
  1n,
  2n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  -1n,
  -2n,
];

/** Bytes flipped, set, put in, taken out, cut off, said twice. */
function byBytes({ bytes }: Base, rng: Random): Uint8Array {
  const at = rng.integer(bytes.length + 1);
  const run = 1 + rng.integer(rng.integer(3) === 0 ? 64 : 4);
  const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  const noise = (): Uint8Array => Uint8Array.from({ length: run }, () => rng.integer(256));
  switch (rng.integer(7)) {
    case 0: {
      const flipped = bytes.slice();
      for (let flips = 0; flips < run && bytes.length > 0; flips++) {
        const place = rng.integer(bytes.length);
        flipped[place] = (flipped[place] as number) ^ (1 << rng.integer(8));
      }
      return flipped;
    }
    case 1:
      return joined(bytes.subarray(0, at), noise(), bytes.subarray(at));
    case 2:
      return joined(bytes.subarray(0, at), bytes.subarray(at + run));
    case 3:
      return bytes.slice(0, at);
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - run)));
    case 5:
      return joined(bytes.subarray(0, at), varint(pick(rng, EXTREMES)), bytes.subarray(at + 1));
    default:
      return joined(bytes.subarray(0, at), noise(), bytes.subarray(at + run));
  }
}

/** Where a message lies, and which. */
interface Place {
  readonly fields: Field[];
  readonly of: DescMessage;
}

function placesOf(fields: Field[], of: DescMessage): Place[] {
  const within = fields.flatMap((field) =>
    field.fields !== undefined && field.of !== undefined ? placesOf(field.fields, field.of) : [],
  );
  return [{ fields, of }, ...within];
}

/** A field that no longer changes with the others. */
function frozen({ number, wire, bytes, fields }: Field): Field {
  return { number, wire, bytes: fields === undefined ? bytes : putTogether(fields) };
}

/** Fields swapped, said twice, taken out, of another number or kind, with a wrong length, in the place of others. */
function byStructure({ bytes }: Base, rng: Random): Uint8Array {
  const root = takeApart(bytes, ModelProtoSchema);
  const places = placesOf(root, ModelProtoSchema);
  const place = pick(
    rng,
    places.filter(({ fields }) => fields.length > 0),
  );
  const { fields } = place;
  const i = rng.integer(fields.length);
  const field = fields[i] as Field;
  const j = rng.integer(fields.length);
  switch (rng.integer(9)) {
    case 0:
      [fields[i], fields[j]] = [fields[j] as Field, field];
      break;
    case 1:
      fields.splice(j, 0, frozen(field));
      break;
    case 2:
      fields.splice(i, 1);
      break;
    case 3:
      field.number = 1 + rng.integer(30);
      break;
    case 4:
      field.wire = rng.integer(8);
      break;
    case 5:
      field.length = pick(rng, EXTREMES);
      break;
    case 6: // another message of the file in its place
      pick(rng, places).fields.push(frozen(field));
      break;
    case 7:
      fields[i] = {
        ...frozen(
          pick(
            rng,
            places.flatMap((other) => other.fields),
          ),
        ),
        number: field.number,
      };
      break;
    default: // many of it
      fields.splice(i, 0, ...Array.from({ length: 1 + rng.integer(40) }, () => frozen(field)));
  }
  return putTogether(root);
}

/** Any field of any message of the schema, in the file or not, with a value that it should not have. */
function bySchema({ bytes }: Base, rng: Random): Uint8Array {
  const root = takeApart(bytes, ModelProtoSchema);
  const { fields, of } = pick(rng, placesOf(root, ModelProtoSchema));
  const described = pick(rng, of.fields);
  const { number } = described;
  const there = fields.findIndex((field) => field.number === number);
  const wrong = wrongValue(rng, number, messageOf(described) !== undefined);
  if (there < 0 || rng.integer(3) === 0) fields.splice(rng.integer(fields.length + 1), 0, wrong);
  else fields[there] = wrong;
  return putTogether(root);
}

/** Deepest nesting of messages that is tried. */
const DEEPEST = 3000;

function wrongValue(rng: Random, number: number, isMessage: boolean): Field {
  const text = (...bytes: readonly number[]): Field => ({ number, wire: 2, bytes: Uint8Array.from(bytes) });
  switch (rng.integer(isMessage ? 11 : 9)) {
    case 0:
      return text();
    case 1:
      return { number, wire: 0, bytes: varint(pick(rng, EXTREMES)) };
    case 2:
      return { number, wire: 1, bytes: Uint8Array.from({ length: 8 }, () => rng.integer(256)) };
    case 3:
      return { number, wire: 5, bytes: Uint8Array.from([0, 0, 0xc0, rng.integer(2) === 0 ? 0x7f : 0xff]) };
    case 4:
      return text(0xff, 0xfe, 0xc3, 0x28);
    case 5:
      return text(...Array.from({ length: 1 + rng.integer(40) }, () => rng.integer(256)));
    case 6:
      return text(...varint(pick(rng, EXTREMES)), ...varint(pick(rng, EXTREMES)));
    case 7:
      return text(0, 10, 13, 27, 0xe2, 0x80, 0xae, 34, 47, 46, 46, 47);
    case 8:
      return { number, wire: 0, bytes: varint(BigInt(rng.integer(40))) };
    case 9:
      return { ...text(1, 2, 3), length: pick(rng, EXTREMES) };
    default: {
      let inner: Uint8Array = new Uint8Array();
      for (let depth = rng.integer(DEEPEST); depth > 0 && inner.length < 60_000; depth--)
        inner = putTogether([{ number, wire: 2, bytes: inner }]);
      return { number, wire: 2, bytes: inner };
    }
  }
}

/** The decoded graph: names, wires, cycles, shapes, types, attributes, operators, versions. */
function byGraph(base: Base, rng: Random): Uint8Array {
  const changed = changedGraph(base.model, rng);
  try {
    return encodeModel(changed);
  } catch {
    return byStructure(base, rng); // what cannot be written is no file
  }
}

function changedGraph(model: Model, rng: Random): Model {
  const { graph } = model;
  const names = [
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
    ...graph.inputs.map((i) => i.name),
  ];
  const any = (): string =>
    pick(rng, rng.integer(8) === 0 ? ['', 'nowhere', '__proto__', 'constructor', '"', '\u0000'] : names);
  const at = rng.integer(Math.max(1, graph.nodes.length));
  const withNode = (change: (node: Node) => Partial<Node>): Model => ({
    ...model,
    graph: { ...graph, nodes: graph.nodes.map((node, i) => (i === at ? { ...node, ...change(node) } : node)) },
  });
  const replaced = (list: readonly string[], by: string): string[] => list.with(rng.integer(list.length), by);
  switch (rng.integer(13)) {
    case 0:
      return withNode(({ inputs }) => ({ inputs: inputs.length === 0 ? [any()] : replaced(inputs, any()) }));
    case 1:
      return withNode(({ outputs }) => ({ outputs: outputs.length === 0 ? [any()] : replaced(outputs, any()) }));
    case 2:
      return withNode(({ inputs }) => ({ inputs: inputs.slice(0, rng.integer(inputs.length + 1)) }));
    case 3:
      return withNode(({ inputs }) => ({ inputs: [...inputs, any(), any()] }));
    case 4:
      return withNode(() => ({ op: pick(rng, OPERATORS) }));
    case 5:
      return withNode(() => ({ domain: pick(rng, ['', 'ai.onnx', 'com.microsoft', 'ai.onnx.ml', 'my.own']) }));
    case 6:
    case 7:
      return withNode(({ attributes }) => ({ attributes: changedAttributes(attributes, rng) }));
    case 8:
      return { ...model, graph: { ...graph, nodes: graph.nodes.toSpliced(at, 1) } };
    case 9:
      return { ...model, graph: { ...graph, nodes: [...graph.nodes.slice(at), ...graph.nodes.slice(0, at)] } };
    case 10:
      return {
        ...model,
        opsets: new Map(
          [...model.opsets].map(([domain]) => [domain, pick(rng, [0, 1, 5, 6, 8, 12, 13, 18, 21, 24, 99, 2 ** 31])]),
        ),
      };
    case 11:
      return { ...model, graph: changedConstants(graph, rng) };
    default:
      return { ...model, graph: changedPorts(graph, rng) };
  }
}

const OPERATORS = [
  ...[
    'MatMul',
    'Gemm',
    'Conv',
    'ConvTranspose',
    'Constant',
    'ConstantOfShape',
    'If',
    'Loop',
    'Scan',
    'Softmax',
    'Transpose',
  ],
  ...['Reshape', 'LSTM', 'DequantizeLinear', 'Cast', 'Identity', 'Split', 'Slice', 'Add', 'Einsum', 'constructor', ''],
];

function changedAttributes(attributes: Node['attributes'], rng: Random): Map<string, Attribute> {
  const changed = new Map(attributes);
  const name = pick(rng, [
    ...changed.keys(),
    'axis',
    'axes',
    'perm',
    'transB',
    'group',
    'pads',
    'strides',
    'value',
    'to',
    'body',
    'then_branch',
    'hidden_size',
    '',
  ]);
  if (rng.integer(5) === 0) changed.delete(name);
  else changed.set(name, oddAttribute(rng));
  return changed;
}

function oddAttribute(rng: Random): Attribute {
  const number = (): number => pick(rng, [0, 1, -1, 2, 3, 7, 1000, -9, 2 ** 31, 2 ** 53]);
  const tensor: Constant = {
    type: pick(rng, ['float32', 'int64', 'bool'] as const),
    dims: [2],
    raw: new Uint8Array(16).slice(0, 2),
  };
  const graph: Graph = { name: 'g', nodes: [], inputs: [], outputs: [], valueInfo: [], constants: new Map() };
  switch (rng.integer(9)) {
    case 0:
      return { kind: 'int', value: number() };
    case 1:
      return { kind: 'ints', value: Array.from({ length: rng.integer(6) }, number) };
    case 2:
      return { kind: 'float', value: pick(rng, [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e30]) };
    case 3:
      return { kind: 'floats', value: [1, Number.NaN] };
    case 4:
      return { kind: 'string', value: pick(rng, ['', 'SAME_UPPER', 'constructor', '\ud800', 'LINEAR']) };
    case 5:
      return { kind: 'strings', value: ['a', ''] };
    case 6:
      return { kind: 'tensor', value: tensor };
    case 7:
      return { kind: 'graph', value: graph };
    default:
      return { kind: 'graphs', value: [graph, graph] };
  }
}

function changedConstants(graph: Graph, rng: Random): Graph {
  const constants = new Map(graph.constants);
  if (constants.size === 0) return graph;
  const [name, constant] = pick(rng, [...constants]);
  const dims = constant.dims;
  switch (rng.integer(6)) {
    case 0:
      constants.set(name, { ...constant, dims: dims.toReversed() });
      break;
    case 1:
      constants.set(name, { ...constant, dims: [...dims, pick(rng, [1, 0, 2, -1])] });
      break;
    case 2:
      constants.set(name, { ...constant, dims: pick(rng, [[], [0], [7], [3, 5], [1, 1, 1]]) });
      break;
    case 3:
      constants.set(name, {
        ...constant,
        type: pick(rng, [
          'float16',
          'float64',
          'int8',
          'int4',
          'bool',
          'complex64',
          'bfloat16',
          'string',
          'float8e5m2',
        ] as const),
      });
      break;
    case 4:
      if (constant.raw instanceof Uint8Array)
        constants.set(name, { ...constant, raw: constant.raw.slice(rng.integer(8)) });
      break;
    default:
      constants.delete(name);
  }
  return { ...graph, constants };
}

function changedPorts(graph: Graph, rng: Random): Graph {
  const [input, output] = [pick(rng, graph.inputs), pick(rng, graph.outputs)];
  switch (rng.integer(6)) {
    case 0:
      return { ...graph, inputs: [] };
    case 1:
      return { ...graph, outputs: [] };
    case 2:
      return { ...graph, outputs: [...graph.outputs, ...graph.outputs] };
    case 3:
      return { ...graph, outputs: [{ ...output, name: pick(rng, ['nowhere', '', input?.name ?? '']) }] };
    case 4:
      return {
        ...graph,
        inputs: graph.inputs.map((port) => ({
          ...port,
          shape: pick(rng, [null, [], [0], [-1, -1], [2 ** 40, 2], ['N', 'N']]),
        })),
      };
    default:
      return {
        ...graph,
        inputs: graph.inputs.map((port) => ({
          ...port,
          type: pick(rng, [null, 'string', 'int4', 'bool', 'complex64', 'float16'] as const),
        })),
      };
  }
}
