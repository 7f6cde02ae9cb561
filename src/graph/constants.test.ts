import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors/errors.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Graph } from '../ir/model.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { constantsOf, replaceConstant, replaceConstants } from './constants.ts';

const TEXT = `
  input x: float32[2]
  const w: float32[2] = [1, 2]
  a = Constant() { value: float32[2] = [3, 4] }
  f = Constant() { value_float: 5.0 }
  fs = Constant() { value_floats: [6.0, 7.0] }
  i = Constant() { value_int: 8 }
  is = Constant() { value_ints: [9, 10] }
  s = Constant() { value_string: "t" }
  other = com.microsoft:Constant() { value_int: 1 }
  y = Add(w, a)
  output y
`;
const { graph } = parseModelText(TEXT);

function values(of: Graph): Record<string, unknown[]> {
  return Object.fromEntries(
    [...constantsOf(of)].map(([name, constant]) => [name, Array.from(tensorOf(constant).data as ArrayLike<unknown>)]),
  );
}

describe('constantsOf', () => {
  it('sees initializers and all forms of Constant nodes', () => {
    expect(values(graph)).toEqual({ w: [1, 2], a: [3, 4], f: [5], fs: [6, 7], i: [8n], is: [9n, 10n], s: ['t'] });
  });
});

describe('replaceConstant', () => {
  const zeros = constantOf(float32([0, 0], [2]));

  it.each(['w', 'a', 'fs'])('replaces %s where it stands, in the file too', (name) => {
    const model = decodeModel(encodeModel(parseModelText(TEXT)));
    const changed = { ...model, graph: replaceConstant(model.graph, name, zeros) };
    expect(changed.graph.nodes).toHaveLength(graph.nodes.length);
    expect(values(decodeModel(encodeModel(changed)).graph)).toEqual({ ...values(graph), [name]: [0, 0] });
    expect(values(model.graph)).toEqual(values(graph));
  });

  it('replaces many at once', () => {
    expect(
      values(
        replaceConstants(
          graph,
          new Map([
            ['w', zeros],
            ['a', zeros],
          ]),
        ),
      ),
    ).toMatchObject({ w: [0, 0], a: [0, 0] });
  });

  it('names the constants that are not there', () => {
    expect(() =>
      replaceConstants(
        graph,
        new Map([
          ['x', zeros],
          ['other', zeros],
        ]),
      ),
    ).toThrow(ShapeError);
    expect(() => replaceConstant(graph, 'x', zeros)).toThrow('none named "x"');
  });
});
