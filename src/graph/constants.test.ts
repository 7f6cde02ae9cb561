import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../test/shared-models.ts';
import { ShapeError } from '../errors/errors.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Graph } from '../ir/model.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { printModelText } from '../onnx/print-text.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { constantsOf, replaceConstant, replaceConstants } from './constants.ts';
import { constantsToInitializers } from './passes/constants-to-initializers.ts';

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

describe('constants of subgraphs', () => {
  const model = parseModelText(`
    input x: float32[2,2]
    const c: bool[] = [1]
    const w: float32[2,2] = [1, 2, 3, 4]
    y = If(c) {
      then_branch: { const w2: float32[2,2] = [5, 6, 7, 8] a = MatMul(x, w2) output a },
      else_branch: {
        k = Constant() { value: float32[2,2] = [9, 8, 7, 6] }
        b = If(c) { then_branch: { const w3: float32[2,2] = [1, 1, 2, 2] a = MatMul(k, w3) output a }, else_branch: { a = MatMul(x, w) output a } }
        output b
      }
    } @head
    head = If(c) { then_branch: { const w2: float32[2,2] = ones a = MatMul(y, w2) output a }, else_branch: { a = Neg(y) output a } }
    output head
  `);
  const names = [
    'c',
    'w',
    'head/then_branch/w2',
    'head/else_branch/k',
    'head/else_branch/b/then_branch/w3',
    'head/then_branch/w2~2',
  ];

  it('bear the names of the nodes that hold them, and are told apart', () => {
    expect([...constantsOf(model.graph).keys()].sort()).toEqual([...names].sort());
  });

  it.each(names.slice(1))('replaces %s where it stands', (name) => {
    const constant = constantOf(float32([0, 0, 0, 0], [2, 2]));
    const changed = replaceConstant(model.graph, name, constant);
    const read = decodeModel(encodeModel({ ...model, graph: changed })).graph;
    expect(values(read)).toEqual({ ...values(model.graph), [name]: [0, 0, 0, 0] });
  });

  it('come into the outermost graph as initializers, once and for all; outputs are the same', async () => {
    const once = constantsToInitializers(model.graph);
    expect([...once.constants.keys()].sort()).toEqual([...names].sort());
    expect(printModelText({ ...model, graph: constantsToInitializers(once) })).toBe(
      printModelText({ ...model, graph: once }),
    );
    expect(await outputGap(model, { ...model, graph: once }, randomFeeds(model, 1))).toBe(0);
  });
});
