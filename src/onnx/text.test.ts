import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OnnxDecodeError } from '../errors/errors.ts';
import { tensorOf } from '../ir/access.ts';
import { float32 } from '../tensor/tensor.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { printModelText } from './print-text.ts';
import { parseModelText } from './text.ts';

const CONV = `
  opset 17
  input x: float32[N,3,8,8]
  const w: float32[4,3,3,3] = random(1)   // seeded
  y = Conv(x, w) { pads: [1,1,1,1], strides: [1,1] }
  z = Relu(y)
  output z
`;

const EVERYTHING = `ir 9
opset 19
opset com.microsoft 1
name "a graph"
input "in put": float32[N, ?, 3]
input c: bool[]
input free: float16
const s: float32[] = -0.1
const i: int64[3] = [1, -9223372036854775808, 3]
const t: string[2] = ["a \\"b\\"", "é"]
const "output": bool[2] = [1, 0]
const h: float16[3] = [1.5, -inf, 0.0]
const "__proto__": uint8[0] = []
value y: float32[N, 3]
y, , r = com.microsoft:Op("in put", , s) { a: 1, b: 1.0, c: "x", d: [1, 2], e: [0.25, 1e-7], f: ["p"], g: [], k: int32[2] = [7, 8] } @"node 7"
z = If(c) { then_branch: {
  name inner
  t2 = Neg(y)
  output t2
}, else_branch: {
  name graph
  const q: float32[1] = [nan]
  output q
} }
output z: float32, y
`;

describe('parseModelText', () => {
  it('reads a model that onnxruntime runs', async () => {
    const session = await onnxruntimeNode.createSession(parseModelText(CONV));
    const outputs = await session.run(new Map([['x', float32(new Float32Array(2 * 192).fill(1), [2, 3, 8, 8])]]));
    expect(outputs.get('z')?.dims).toEqual([2, 4, 8, 8]);
    await session.release();
  });

  it('draws the same numbers for the same seed', () => {
    const draw = (seed: string): unknown =>
      parseModelText(`const w: float32[3] = random(${seed})`).graph.constants.get('w');
    expect(draw('1')).toEqual(draw('1'));
    expect(draw('1')).not.toEqual(draw('2'));
  });

  it('fills zeros, ones, range, one number for all and nested lists', () => {
    const values = (text: string): number[] => {
      const constant = parseModelText(`const w: float32[2,2] = ${text}`).graph.constants.get('w');
      return Array.from(tensorOf(constant as never).data as Float32Array);
    };
    expect(values('zeros')).toEqual([0, 0, 0, 0]);
    expect(values('ones')).toEqual([1, 1, 1, 1]);
    expect(values('range')).toEqual([0, 1, 2, 3]);
    expect(values('0.5')).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(values('[[1, 2], [3, -4e1]]')).toEqual([1, 2, 3, -40]);
  });

  it('tells integers from floats by the point', () => {
    const node = parseModelText('y = Op(x) { a: 2, b: 2.0, c: [1, 2], d: [1, 2.5] }').graph.nodes[0];
    expect([...(node?.attributes.values() ?? [])].map(({ kind }) => kind)).toEqual(['int', 'float', 'ints', 'floats']);
  });

  it.each([
    ['y = Relu(x', 'line 1, column 11: wanted ")"'],
    ['\n  y = Relu(x) }', 'line 2, column 15: wanted a statement, found "}"'],
    ['input x: float33[2]', 'column 10: wanted an element type'],
    ['const w: float32[3] = [1, 2]', 'wanted a list of 3 elements instead of 2'],
    ['const w: float32[N] = zeros', 'wanted a shape of numbers'],
    ['const w: float32[3] = ...', 'left out when the text was printed'],
    ['const w: complex64[3] = zeros', 'instead of complex64'],
    ['y = Relu(x) %', '"%" begins no word'],
    ['y = Op(x) { a: "\\q" }', 'is not a quoted string'],
  ])('says where %j is wrong', (text, message) => {
    expect(() => parseModelText(text)).toThrow(OnnxDecodeError);
    expect(() => parseModelText(text)).toThrow(message);
  });
});

describe('printModelText', () => {
  it('prints what parseModelText reads back to the same model', () => {
    const model = parseModelText(EVERYTHING);
    const text = printModelText(model);
    expect(parseModelText(text)).toEqual(model);
    expect(printModelText(parseModelText(text))).toBe(text);
  });

  it('prints the same after a trip through the file format', () => {
    const text = printModelText(parseModelText(EVERYTHING));
    expect(printModelText(decodeModel(encodeModel(parseModelText(EVERYTHING))))).toBe(text);
  });

  it('leaves large weights out', () => {
    expect(printModelText(parseModelText(CONV))).toContain('const w: float32[4, 3, 3, 3] = ...');
    expect(printModelText(parseModelText(CONV), { limit: 200 })).not.toContain('...');
  });
});
