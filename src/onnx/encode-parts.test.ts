import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { joined, modelParts } from './encode-parts.ts';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, TensorProtoSchema } from './onnx_pb.ts';

function tensor(name: string, bytes: number) {
  const rawData = new Uint8Array(bytes).map((_, i) => i % 251);
  return create(TensorProtoSchema, { name, dataType: 2, dims: [BigInt(bytes)], rawData });
}

/** Long and short initializers in any order, with fields behind them and fields that nobody knows. */
function mixed(): ModelProto {
  const initializer = [
    tensor('a', 3),
    tensor('b', 2 ** 17),
    tensor('c', 2 ** 16),
    tensor('d', 5),
    tensor('e', 2 ** 18),
  ];
  const graph = create(GraphProtoSchema, { name: 'g', initializer, input: [{ name: 'x' }], output: [{ name: 'y' }] });
  graph.$unknown = [{ no: 10, wireType: 2, data: Uint8Array.of(2, 104, 105) }];
  const model = create(ModelProtoSchema, { irVersion: 8n, producerName: 'p', graph, opsetImport: [{ version: 17n }] });
  model.$unknown = [{ no: 5, wireType: 0, data: Uint8Array.of(7) }];
  return model;
}

describe('modelParts', () => {
  it('are the bytes of the message, byte for byte', () => {
    expect(Buffer.compare(joined(modelParts(mixed())), toBinary(ModelProtoSchema, mixed()))).toBe(0);
  });

  it('hold long initializers as they are', () => {
    const model = mixed();
    expect(modelParts(model)).toContain(model.graph?.initializer[4]?.rawData);
  });

  it('of a model without a graph, and of one without initializers, are those bytes too', () => {
    for (const model of [create(ModelProtoSchema, { irVersion: 8n }), create(ModelProtoSchema, { graph: {} })])
      expect(Buffer.compare(joined(modelParts(model)), toBinary(ModelProtoSchema, model))).toBe(0);
  });

  it('of a decoded file are its message again', () => {
    const bytes = toBinary(ModelProtoSchema, mixed());
    const proto = fromBinary(ModelProtoSchema, bytes);
    expect(Buffer.compare(joined(modelParts(proto)), toBinary(ModelProtoSchema, proto))).toBe(0);
  });
});
