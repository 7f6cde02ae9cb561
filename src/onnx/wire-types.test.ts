import { describe, expect, it } from 'vitest';
import { OnnxDecodeError } from '../errors/errors.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { ModelProtoSchema } from './onnx_pb.ts';
import { parseModelText } from './text.ts';
import { refuseWrongWireTypes } from './wire-types.ts';

const check = (...bytes: number[]): void => refuseWrongWireTypes(Uint8Array.from(bytes), ModelProtoSchema);

describe('refuseWrongWireTypes', () => {
  it('takes what is written here, lists of numbers in one field or in many', () => {
    const model = parseModelText(`input x: float32[N,2] const w: float32[2,3] = random(1) const names: string[1] = ["a"]
      y = Gemm(x, w) { alpha: 0.5, transB: 0 } z = If(c) { then_branch: { a = Relu(y) output a }, else_branch: { b = Neg(y) output b } }
      const c: bool[] = [1] output z: float32[N,3]`);
    expect(() => refuseWrongWireTypes(encodeModel(model), ModelProtoSchema)).not.toThrow();
    // graph { initializer { dims: 2, dims: 3 } }, packed and not
    expect(() => check(0x3a, 6, 0x2a, 4, 0x0a, 2, 2, 3)).not.toThrow();
    expect(() => check(0x3a, 6, 0x2a, 4, 0x08, 2, 0x08, 3)).not.toThrow();
  });

  it('names the field that is written in another way than its type is', () => {
    expect(() => check(0x0a, 1, 8)).toThrow(
      new OnnxDecodeError(
        'Cannot read the model: the file is not valid ONNX (field "ir_version" of ModelProto has wire type 2, wanted 0)',
      ),
    );
    expect(() => check(0x3a, 4, 0x2a, 2, 0x10 | 2, 0)).toThrow('field "data_type" of TensorProto');
    expect(() => check(0x38, 1)).toThrow('field "graph" of ModelProto has wire type 0, wanted 2');
    expect(() => decodeModel(Uint8Array.of(0x0a, 1, 8, 0x3a, 0))).toThrow('"ir_version"');
  });

  it('leaves fields that it does not know, and bytes that are no protobuf, to the reader', () => {
    expect(() => check(0xf8, 0x07, 1)).not.toThrow(); // field 127
    expect(() => check(0x3a, 200, 1)).not.toThrow(); // longer than the file
    expect(() => check(0xff, 0xff, 0xff)).not.toThrow();
    expect(() => check(0x3b)).not.toThrow(); // a group
  });

  it('steps through graphs within graphs of any depth', () => {
    const within = (tag: number, inner: readonly number[]): number[] => {
      const length = [(inner.length & 127) | 128, ((inner.length >> 7) & 127) | 128, inner.length >> 14];
      return [tag, ...length, ...inner];
    };
    let graph: number[] = [0x12, 1, 65]; // its name
    let wrong: number[] = [0x10, 1];
    for (let depth = 0; depth < 500; depth++) {
      graph = within(0x0a, within(0x2a, within(0x32, graph))); // node, attribute, g
      wrong = within(0x0a, within(0x2a, within(0x32, wrong)));
    }
    expect(() => check(...within(0x3a, graph))).not.toThrow();
    expect(() => check(...within(0x3a, wrong))).toThrow('field "name" of GraphProto');
  });
});
