import { create, type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './onnx_pb.ts';

/** Elements of tensors from so many bytes on are not copied. */
const LONG = 2 ** 16;
/** Field numbers of the way from a model to the elements of its initializers. */
const GRAPH = 7;
const INITIALIZER = 5;
const RAW_DATA = 9;
/** Wire type of a field that tells its length. */
const LENGTH_DELIMITED = 2;

/**
 * The bytes of a model's message, one part behind another: those that `toBinary` gives, but the elements of long initializers are
 * the arrays themselves.
 *
 * Cost: a copy of all but the long initializers. `toBinary` takes up to four times the message while it works.
 */
export function modelParts(model: ModelProto): Uint8Array[] {
  const { graph } = model;
  if (graph === undefined) return [toBinary(ModelProtoSchema, model)];
  return around(ModelProtoSchema, model, { number: GRAPH, middle: delimited(GRAPH, graphParts(graph)) });
}

function graphParts(graph: GraphProto): Uint8Array[] {
  const middle: Uint8Array[] = [];
  let short: TensorProto[] = [];
  const flush = (): void => {
    if (short.length > 0) middle.push(toBinary(GraphProtoSchema, create(GraphProtoSchema, { initializer: short })));
    short = [];
  };
  for (const tensor of graph.initializer) {
    if ((tensor.rawData?.byteLength ?? 0) < LONG) short.push(tensor);
    else {
      flush();
      middle.push(...delimited(INITIALIZER, tensorParts(tensor)));
    }
  }
  flush();
  return around(GraphProtoSchema, graph, { number: INITIALIZER, middle });
}

function tensorParts(tensor: TensorProto): Uint8Array[] {
  const middle = delimited(RAW_DATA, [tensor.rawData as Uint8Array]);
  return around(TensorProtoSchema, tensor, { number: RAW_DATA, middle });
}

/** A message with one of its fields given as bytes, in the order of the fields' numbers; what is unknown comes last. */
function around<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  { number, middle }: { number: number; middle: readonly Uint8Array[] },
): Uint8Array[] {
  const before = toBinary(
    schema,
    picked(schema, message, (field) => field < number),
  );
  const after = picked(schema, message, (field) => field > number);
  const { $unknown } = message;
  const end = toBinary(schema, $unknown === undefined ? after : { ...after, $unknown });
  return [before, ...middle, end].filter(({ byteLength }) => byteLength > 0);
}

/** The message with some of its fields. */
function picked<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  keeps: (number: number) => boolean,
): MessageShape<D> {
  const { $unknown: _, ...fields } = message as Readonly<Record<string, unknown>>;
  const left = schema.fields.filter(({ number }) => !keeps(number)).map(({ localName }) => localName);
  const blank = create(schema) as Readonly<Record<string, unknown>>;
  const emptied = Object.fromEntries(
    left.filter((name) => Object.hasOwn(blank, name)).map((name) => [name, blank[name]]),
  );
  const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => !left.includes(name)));
  return { ...kept, ...emptied } as MessageShape<D>;
}

/** A field that tells its length: tag and length before its parts. */
function delimited(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return [Uint8Array.of((field << 3) | LENGTH_DELIMITED, ...varint(length)), ...parts];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** One array of them all. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
