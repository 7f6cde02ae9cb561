import { describe, expect, it } from 'vitest';
import { CoppiceError, OnnxDecodeError } from '../errors/errors.ts';
import { validateGraph } from '../graph/validate-graph.ts';
import { node, tensorOf } from '../ir/access.ts';
import type { Graph, Model } from '../ir/model.ts';
import { random } from '../tensor/random.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { parseModelText } from './text.ts';

const MODEL = parseModelText(`
  opset 17 opset com.microsoft 1
  input x: float32[N,2]
  const w: float32[2,3] = [1, 2, 3, 4, 5, 6]
  const names: string[2] = ["a", "b"]
  const empty: int64[0] = []
  h = Gemm(x, w) { alpha: 0.5, transA: 0 } @"first layer"
  c = Constant() { value: int64[2] = [1, -1] }
  t = Cast(h) { to: 9 }
  g = Relu(h) { several: [{ n = Neg(h) output n }, { e = Exp(h) output e }] }
  y = If(c) { then_branch: { a = Relu(h) output a }, else_branch: { b = Neg(h) output b } }
  output y: float32[N,3]
`);
const BYTES = encodeModel(MODEL);

/** Reads bytes as far as a user's command would; anything but success or a CoppiceError fails the test. */
function attempt(bytes: Uint8Array): 'read' | 'refused' {
  try {
    const model = validateGraph(decodeModel(bytes));
    for (const constant of model.graph.constants.values()) tensorOf(constant);
    encodeModel(model);
    return 'read';
  } catch (error) {
    if (error instanceof CoppiceError) return 'refused';
    throw error;
  }
}

function text(prefix: string): Uint8Array {
  return Uint8Array.from(`${prefix}${'x'.repeat(80)}`, (c) => c.charCodeAt(0));
}

/** Protobuf by hand: one length-delimited field. */
function field(number: number, ...contents: readonly (readonly number[] | Uint8Array)[]): number[] {
  const body = contents.flatMap((part) => [...part]);
  return [...varint((number << 3) | 2), ...varint(body.length), ...body];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

const chars = (name: string): number[] => [...new TextEncoder().encode(name)];
const OPSET = field(8, [0x10, 17]);
/** A model of one graph given by its fields. */
const modelOf = (...graph: readonly number[][]): Uint8Array =>
  Uint8Array.from([0x08, 8, ...field(7, ...graph), ...OPSET]);

describe('decodeModel', () => {
  it('reads or refuses a model that is cut at any byte', () => {
    expect(attempt(BYTES)).toBe('read');
    for (let length = 0; length < BYTES.length; length++) attempt(BYTES.slice(0, length));
    expect(attempt(BYTES.slice(0, BYTES.length - 30))).toBe('refused');
  });

  it('reads or refuses a model with flipped bits', () => {
    const rng = random('flips');
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const bytes = BYTES.slice();
      for (let flips = 1 + rng.integer(3); flips > 0; flips--) {
        const at = rng.integer(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << rng.integer(8));
      }
      if (attempt(bytes) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(500);
  });

  it('reads or refuses random bytes', () => {
    const rng = random('noise');
    for (let round = 0; round < 2000; round++)
      attempt(Uint8Array.from({ length: 1 + rng.integer(60) }, () => rng.integer(256)));
  });

  it.each([
    ['nothing', new Uint8Array(), 'the file is empty'],
    ['a zip', text('PK\x03\x04'), 'zip archive'],
    ['an HTML page', text('\n <!DOCTYPE html>'), 'HTML'],
    ['an HTML page with a byte order mark', text('\xef\xbb\xbf<html>'), 'HTML'],
    ['a git-lfs pointer', text('version https://git-lfs.github.com/spec/v1\n'), 'git lfs pull'],
    ['a pickle of protocol 2', text('\x80\x02}'), 'pickle'],
    ['a pickle of protocol 4', text('\x80\x04\x95'), 'pickle'],
    ['gzip', text('\x1f\x8b'), 'gzip'],
    ['an HDF5 file', text('\x89HDF\r\n'), 'HDF5'],
    ['a TensorFlow Lite model', text('\x1c\0\0\0TFL3'), 'TensorFlow Lite'],
    ['a safetensors file', text('\x10\x02\0\0\0\0\0\0{"a"'), 'safetensors'],
    ['JSON', text('{"error": "not found"}'), 'JSON'],
    ['prose', text('Once upon a time'), 'not valid ONNX'],
    ['zeros', new Uint8Array(100), 'not valid ONNX'],
    ['no graph', Uint8Array.from([0x08, 8, ...OPSET]), 'holds no ONNX graph'],
    ['no operator set', Uint8Array.from([0x08, 8, ...field(7)]), 'names no operator set'],
    [
      'two versions of an operator set',
      Uint8Array.from([0x08, 8, ...field(7), ...OPSET, ...field(8, [0x10, 9])]),
      'two versions of the operator set "ai.onnx"',
    ],
    ['a wrong wire type', Uint8Array.from([0x08, 8, 0x38, 1, ...OPSET]), 'Cannot read the model'],
    ['groups a million deep', new Uint8Array(1_000_000).fill(0x0b), 'Cannot read the model'],
  ])('refuses %s in one sentence', (_, bytes, message) => {
    expect(() => decodeModel(bytes)).toThrow(OnnxDecodeError);
    expect(() => decodeModel(bytes)).toThrow(message);
  });

  it.each([
    ['a dimension of -1', [...[0x08, ...Array(9).fill(0xff), 1], 0x10, 1], 'a dimension is -1'],
    ['a dimension of 2^62', [...[0x08, ...Array(8).fill(0x80), 0x40], 0x10, 1], 'a dimension is 4611686018427387904'],
    ['a huge shape', [0x08, ...varint(2 ** 40), 0x08, ...varint(2 ** 40), 0x10, 1], 'wants 4.8'],
    ['too few bytes', [0x08, 3, 0x10, 1, ...field(9, [1, 2, 3, 4])], 'wants 12 bytes, the file has 4'],
    ['an unknown element type', [0x08, 1, 0x10, 99], 'element type 99 is not known'],
    [
      'elements in the field of another type',
      [0x08, 1, 0x10, 7, ...field(10, [0, 0, 0, 0, 0, 0, 0, 0])],
      'wants 8 bytes, the file has 0',
    ],
    ['too few strings', [0x08, 2, 0x10, 8, ...field(6, chars('a'))], 'wants 2 strings, the file has 1'],
    [
      'external data, given bytes only',
      [0x08, 1, 0x10, 1, 0x70, 1, ...field(13, field(1, chars('location')), field(2, chars('w')))],
      'lies in "w", which was not given',
    ],
    ['segments', [0x08, 1, 0x10, 1, ...field(3)], 'split into segments'],
  ])('refuses a tensor with %s', (_, tensor, message) => {
    const bytes = modelOf(field(5, tensor, field(8, chars('w'))));
    expect(() => decodeModel(bytes)).toThrow(OnnxDecodeError);
    expect(() => decodeModel(bytes)).toThrow(message);
  });

  it('refuses two initializers, and two attributes, of one name', () => {
    const tensor = field(5, [0x08, 0, 0x10, 1], field(8, chars('w')));
    expect(() => decodeModel(modelOf(tensor, tensor))).toThrow('two initializers are named "w"');
    const attribute = field(5, field(1, chars('axis')), [0x18, 1]);
    expect(() => decodeModel(modelOf(field(1, field(2, chars('y')), attribute, attribute)))).toThrow(
      'node "y" () has two attributes named "axis"',
    );
  });

  it.each([
    [
      'an IR version of 2^63 - 1',
      [0x08, ...Array(8).fill(0xff), 0x7f, ...field(7), ...OPSET],
      'IR version is 9223372036854775807',
    ],
    ['an IR version of -1', [0x08, ...Array(9).fill(0xff), 1, ...field(7), ...OPSET], 'IR version is -1'],
    [
      'an operator set of version 2^62',
      [0x08, 8, ...field(7), ...field(8, [0x10, ...Array(8).fill(0x80), 0x40])],
      'operator set "ai.onnx" is 4611686018427387904',
    ],
    [
      'an input with a dimension of 2^62',
      [
        ...modelOf(
          field(
            11,
            field(1, chars('x')),
            field(2, field(1, [0x08, 1], field(2, field(1, [0x08, ...Array(8).fill(0x80), 0x40])))),
          ),
        ),
      ],
      'a dimension of "x" is 4611686018427387904',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(OnnxDecodeError);
    expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(message);
  });

  it('takes files of IR version 1 and 2 without an operator set for opset 1, and writes them so', () => {
    const bytes = Uint8Array.from([0x08, 2, ...field(7)]);
    expect([...decodeModel(bytes).opsets]).toEqual([['', 1]]);
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
  });

  it('reads names that are words of JavaScript', () => {
    const model = parseModelText(
      'input "__proto__": float32[2] constructor = Relu("__proto__") { "__proto__": 1, toString: 2 } output constructor',
    );
    const read = validateGraph(decodeModel(encodeModel(model)));
    expect(read.graph.nodes[0]?.inputs).toEqual(['__proto__']);
    expect([...(read.graph.nodes[0]?.attributes.keys() ?? [])]).toEqual(['__proto__', 'toString']);
  });

  it('reads nested graphs to a depth, and refuses deeper ones', () => {
    const nested = (depth: number): Model => {
      let graph: Graph = parseModelText('output x').graph;
      for (let i = 0; i < depth; i++)
        graph = {
          ...graph,
          nodes: [
            { ...node('If', [], [`y${i}`]), attributes: new Map([['then_branch', { kind: 'graph', value: graph }]]) },
          ],
        };
      return { ...parseModelText(''), graph };
    };
    expect(decodeModel(encodeModel(nested(20))).graph.nodes).toHaveLength(1);
    expect(() => decodeModel(encodeModel(nested(60)))).toThrow(OnnxDecodeError);
  });

  it('reads two hundred thousand nodes in linear time', { timeout: 60_000 }, () => {
    const count = 200_000;
    const one = field(1, field(1, chars('x')), field(2, chars('y00000')), field(4, chars('Relu')));
    const at = one.length - field(4, chars('Relu')).length - 6;
    const nodes = new Uint8Array(one.length * count);
    for (let i = 0; i < count; i++) {
      nodes.set(one, i * one.length);
      nodes.set(chars(i.toString(36).padStart(6, '0')), i * one.length + at);
    }
    const head = [
      0x08,
      8,
      ...OPSET,
      ...field(7).slice(0, 1),
      ...varint(nodes.length + field(11, field(1, chars('x'))).length),
    ];
    const bytes = Uint8Array.from([...head, ...field(11, field(1, chars('x')))]);
    const file = new Uint8Array(bytes.length + nodes.length);
    file.set(bytes);
    file.set(nodes, bytes.length);
    const start = performance.now();
    expect(validateGraph(decodeModel(file)).graph.nodes).toHaveLength(count);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});
