import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { tensorOf } from '../ir/access.ts';
import { decodeModel } from './decode.ts';
import { alignLarge, asRawData, largeFloatFields } from './large-fields.ts';
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './onnx_pb.ts';

const count = 2 ** 22 + 3; // 16 MiB and a little
const value = (i: number): number => Math.fround(Math.sin(i));
const floats = (): number[] => Array.from({ length: count }, (_, i) => value(i));

function fileOf(initializer: readonly TensorProto[], graph: Partial<GraphProto> = {}): Uint8Array {
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })];
  const whole = create(GraphProtoSchema, { name: 'g', initializer: [...initializer], ...(graph as object) });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: whole }));
}

const listed = (dataType = 1, floatData = [1, 2, 3]): TensorProto =>
  create(TensorProtoSchema, { name: 'w', dims: [BigInt(floatData.length)], dataType, floatData });

describe('large fields of floats', () => {
  it('are read as bytes, the file given staying as it was', () => {
    const bytes = fileOf([listed(1, floats())]);
    const copy = bytes.slice();
    const { data } = tensorOf(decodeModel(bytes).graph.constants.get('w') as never);
    expect(data.length).toBe(count);
    for (const i of [0, 1, 77_777, count - 1]) expect(data[i]).toBe(value(i));
    expect(Buffer.compare(bytes, copy)).toBe(0);
  }, 120_000);

  it('are found in Constant nodes too, and not where the type is another or they come in parts', () => {
    const attribute = { name: 'value', type: 4, t: listed() };
    const node = create(NodeProtoSchema, { opType: 'Constant', output: ['c'], attribute: [attribute as never] });
    expect(largeFloatFields(fileOf([], { node: [node] }), 8)).toHaveLength(1);
    expect(largeFloatFields(fileOf([listed(6)]), 8)).toHaveLength(0);
    expect(largeFloatFields(fileOf([{ ...listed(), rawData: new Uint8Array(4) }]), 8)).toHaveLength(0);
    expect(largeFloatFields(new Uint8Array(100).fill(255), 8)).toHaveLength(0);
  });

  it('are the same elements under the other tag', () => {
    const bytes = fileOf([listed()]);
    const tags = largeFloatFields(bytes, 1);
    asRawData(bytes, tags);
    expect(tags).toHaveLength(1);
    expect([...(tensorOf(decodeModel(bytes).graph.constants.get('w') as never).data as Float32Array)]).toEqual([
      1, 2, 3,
    ]);
  });
});

describe('large weights of bytes that may be rearranged', () => {
  it('lie where a Float32Array can start, whatever went before them', () => {
    const data = Float32Array.from({ length: 203 }, (_, i) => value(i));
    const rawData = new Uint8Array(data.buffer);
    const raw = (name: string): TensorProto =>
      create(TensorProtoSchema, { name, dims: [203n], dataType: 1, rawData: rawData.slice() });
    for (const names of [['w'], ['ww', 'x'], ['www', 'xx', 'y'], ['wwww', 'x']]) {
      const bytes = new Uint8Array(fileOf(names.map(raw)));
      const { graph } = fromBinary(ModelProtoSchema, bytes);
      alignLarge(graph as GraphProto, bytes, 128);
      for (const tensor of graph?.initializer ?? []) {
        const moved = tensor.rawData as Uint8Array;
        expect(moved.byteOffset % 4).toBe(0);
        expect(moved.buffer).toBe(bytes.buffer);
        expect(Buffer.compare(moved, rawData)).toBe(0);
      }
    }
  });
});
