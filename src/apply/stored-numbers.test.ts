import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { dequantisation } from '../graph/quantised.ts';
import type { Constant } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { constantLike, numbersOf } from './stored-numbers.ts';

/** Weights behind a DequantizeLinear, in every form of it. */
const CASES: [string, string][] = [
  ['one scale', 'const w: int8[2,3] = [1, -2, 3, 127, -128, 0] const s: float32[] = [0.5] y = DequantizeLinear(w, s)'],
  [
    'one zero point',
    'const w: uint8[2,3] = [0, 128, 130, 255, 7, 9] const s: float32[] = [0.25] const z: uint8[] = [128] y = DequantizeLinear(w, s, z)',
  ],
  [
    'a scale for each row',
    'const w: int8[2,3] = [1, -2, 3, 4, 5, 6] const s: float32[2] = [0.5, 2.0] const z: int8[2] = [1, -3] y = DequantizeLinear(w, s, z) { axis: 0 }',
  ],
  [
    'a scale for each index of an axis counted from the end',
    'const w: int8[2,2,3] = [1, -2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] const s: float32[3] = [0.5, 2.0, 1.0] y = DequantizeLinear(w, s) { axis: -1 }',
  ],
  [
    'a scale for each block',
    'const w: int8[2,4] = [1, -2, 3, 4, 5, 6, 7, 8] const s: float32[2,2] = [0.5, 2.0, 4.0, 1.0] const z: int8[2,2] = [0, 1, 2, 3] y = DequantizeLinear(w, s, z) { axis: 1, block_size: 2 }',
  ],
];

function partsOf(text: string) {
  const model = parseModelText(`opset 21 ${text} output y`);
  const { constants, nodes } = model.graph;
  const weight = constants.get('w') as Constant;
  const node = nodes[0] as (typeof nodes)[number];
  return { model, weight, quantisation: dequantisation(node, weight, (name) => constants.get(name)) };
}

describe('numbers of a file', () => {
  it.each(CASES)('with %s are what the runtime makes of them, and go back as they were', async (_, text) => {
    const { model, weight, quantisation } = partsOf(text);
    const session = await onnxruntimeNode.createSession(model);
    const { data } = (await session.run(new Map())).get('y') as { data: Float32Array };
    await session.release();
    const numbers = numbersOf(weight, quantisation);
    expect(Array.from(numbers)).toEqual(Array.from(data));
    expect(constantLike(weight, numbers, quantisation).raw).toEqual(weight.raw);
  });

  it.each(CASES)('with %s have an exact zero', (_, text) => {
    const { weight, quantisation } = partsOf(text);
    const zeros = constantLike(weight, new Float64Array(numbersOf(weight, quantisation).length), quantisation);
    expect(Array.from(numbersOf(zeros, quantisation)).every((x) => x === 0)).toBe(true);
  });

  it.each([
    ['a zero point of another type', 'uint8', 'float32[] = [0.5]', 'int8[] = [-6]'],
    ['a zero point that is not whole', 'uint8', 'float32[] = [0.5]', 'float32[] = [0.05]'],
    ['a whole scale', 'uint8', 'int8[] = [2]', 'uint8[] = [1]'],
    ['elements of eight bits that are no whole numbers', 'float8e5m2', 'float32[] = [0.5]', 'int8[] = [0]'],
  ])('with %s have no known meaning', (_, type, scale, zero) => {
    const { weight, model } = partsOf(
      `const w: uint8[2] = [1, 2] const s: ${scale} const z: ${zero} y = DequantizeLinear(w, s, z)`,
    );
    const node = model.graph.nodes[0] as (typeof model.graph.nodes)[number];
    const stored = { ...weight, type: type as Constant['type'] };
    expect(dequantisation(node, stored, (name) => model.graph.constants.get(name))).toBeUndefined();
  });

  it('of four bits lie two in a byte', () => {
    const weight: Constant = { type: 'int4', dims: [3], raw: Uint8Array.of(0xe1, 0x07) };
    const quantisation = { scale: Float64Array.of(0.5), zero: Float64Array.of(1), at: () => 0, form: '' };
    expect(Array.from(numbersOf(weight, quantisation))).toEqual([0, -1.5, 3]);
    expect(constantLike(weight, Float64Array.of(0, -1.5, 3), quantisation).raw).toEqual(weight.raw);
    expect(constantLike(weight, Float64Array.of(0, 0, 3), quantisation).raw).toEqual(Uint8Array.of(0x11, 0x07));
  });

  it.each<[string, Constant]>([
    ['float64', { type: 'float64', dims: [2], raw: new Uint8Array(Float64Array.of(Math.PI, 1e-300).buffer) }],
    ['bfloat16', { type: 'bfloat16', dims: [2], raw: Uint8Array.of(0x49, 0x40, 0x80, 0xbf) }],
    ['float16', { type: 'float16', dims: [2], raw: Uint8Array.of(0x48, 0x42, 0x01, 0x80) }],
  ])('of type %s go back as they were', (_, constant) => {
    expect(constantLike(constant, numbersOf(constant)).raw).toEqual(constant.raw);
  });

  it('are rounded to the nearest bfloat16, ties to even', () => {
    const constant: Constant = { type: 'bfloat16', dims: [3], raw: new Uint8Array(6) };
    const rounded = constantLike(constant, Float64Array.of(1 + 2 ** -9, 1 + 2 ** -8, 1 + 3 * 2 ** -8));
    expect(Array.from(numbersOf(rounded))).toEqual([1, 1, 1 + 2 ** -6]);
  });

  it.each([
    ['a scale that is computed', 'input s: float32[] const w: int8[2,3] = zeros y = DequantizeLinear(w, s)'],
    ['scales that do not fit', 'const w: int8[2,3] = zeros const s: float32[2] = ones y = DequantizeLinear(w, s)'],
    [
      'as many zero points as not',
      'const w: int8[2,3] = zeros const s: float32[3] = ones const z: int8[] = zeros y = DequantizeLinear(w, s, z)',
    ],
  ])('with %s are not read', (_, text) => {
    expect(partsOf(text).quantisation).toBeUndefined();
  });
});
