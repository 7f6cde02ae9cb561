import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../test/shared-models.ts';
import { replaceConstant } from '../graph/constants.ts';
import { validateGraph } from '../graph/validate-graph.ts';
import { constantOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { float32 } from '../tensor/tensor.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { fileFeatures } from './features.ts';
import { type FunctionCase, fileWith, withOverloads } from './functions.cases.ts';

const HEAD = 'opset 17 opset own 1 input x: float32[2,3]';
const ACT: FunctionCase = {
  name: 'Act',
  inputs: ['X'],
  outputs: ['Y'],
  body: 't = LeakyRelu(X) { alpha: "@slope" } @act Y = Neg(t)',
  defaults: 'slope: 0.25',
};
const LINEAR: FunctionCase = {
  name: 'Linear',
  inputs: ['X', 'W', 'B'],
  outputs: ['Y', 'T'],
  body: 't = MatMul(X, W) T = own:Act(t) { slope: "@slope" } c = Constant() { value: float32[] = [2.0] } Y = Mul(T, c)',
};

/** The model without what came from its file: written as it is. */
const plain = (model: Model): Model => {
  const { origin: _, ...rest } = model;
  return rest;
};

/** The runtime's own reading of the file against ours, written out. */
async function gap(bytes: Uint8Array): Promise<number> {
  const model = validateGraph(decodeModel(bytes));
  return outputGap(bytes, encodeModel(plain(model)), randomFeeds(model, 3));
}

describe('functions of a file', () => {
  it.each<[string, string, FunctionCase[]]>([
    ['called twice', 'a = own:Act(x) y = own:Act(a) output y', [ACT]],
    ['with an attribute of the call', 'y = own:Act(x) { slope: 0.5 } output y', [ACT]],
    [
      'with an attribute that nobody gives',
      'y = own:F(x) output y',
      [{ ...ACT, name: 'F', defaults: undefined as never }],
    ],
    [
      'that call others, with constants',
      'const w: float32[3,4] = random(1) y, u = own:Linear(x, w) { slope: 0.125 } t, v = own:Linear(x, w) { slope: 0.5 } z = Sum(y, t, u, v) output z',
      [ACT, LINEAR],
    ],
    [
      'with an optional input left out',
      'y = own:Clipped(x) output y',
      [{ name: 'Clipped', inputs: ['X', 'low', 'high'], outputs: ['Y'], body: 'Y = Clip(X, low, high)' }],
    ],
    [
      'with subgraphs that read an input and a value of the body',
      'const yes: bool[] = [1] a = own:Branch(x, yes) y = own:Branch(a, yes) output y',
      [
        {
          name: 'Branch',
          inputs: ['X', 'c'],
          outputs: ['Y'],
          body: 't = Neg(X) Y = If(c) { then_branch: { o = Add(X, t) p = Exp(o) output p }, else_branch: { o = Abs(t) output o } }',
        },
      ],
    ],
    [
      'called inside a branch',
      'const yes: bool[] = [1] y = If(yes) { then_branch: { a = own:Act(x) output a }, else_branch: { b = Neg(x) output b } } output y',
      [ACT],
    ],
    [
      'whose inner names are the names of the model',
      't = Abs(x) "y/t" = Exp(t) u = own:Act(t) @y y = Add(u, "y/t") output y',
      [ACT],
    ],
    [
      'whose calls and nodes would get one name',
      'a = own:Act(x) @n n = own:Act(a) c = Abs(n) @"m/act" m = own:Act(c) y = Add(m, x) output y',
      [ACT],
    ],
    ['of an operator set that the body does not name the same', 'y = own:Act(x) output y', [{ ...ACT, opset: 13 }]],
  ])('%s give what the runtime gives', async (_, text, functions) => {
    expect(await gap(fileWith(`${HEAD} ${text}`, functions))).toBe(0);
  });

  it('picks the overload that a call names', async () => {
    const functions = [
      { ...ACT, overload: 'a' },
      { ...ACT, overload: 'b', body: 'Y = Exp(X)' },
    ];
    const bytes = withOverloads(fileWith(`ir 10 ${HEAD} y = own:Act__b(x) output y`, functions));
    expect(decodeModel(bytes).graph.nodes.map(({ op }) => op)).toEqual(['Exp']);
    expect(await gap(bytes)).toBe(0);
  });

  it('names nodes and values after the call', () => {
    const bytes = fileWith(`${HEAD} y = own:Act(x) @block output y`, [ACT]);
    const { nodes } = decodeModel(bytes).graph;
    expect(nodes.map(({ name, outputs }) => [name, outputs[0]])).toEqual([
      ['block/act', 'block/t'],
      ['', 'y'],
    ]);
  });

  it('are written back as they were while only initializers change', () => {
    const bytes = fileWith(`${HEAD} const w: float32[3,4] = random(1) y, t = own:Linear(x, w) output y, t`, [
      ACT,
      LINEAR,
    ]);
    const model = decodeModel(bytes);
    expect(encodeModel(model)).toEqual(bytes);
    const changed = {
      ...model,
      graph: replaceConstant(model.graph, 'w', constantOf(float32(Array(12).fill(1), [3, 4]))),
    };
    const written = encodeModel(changed);
    expect(written.length).toBe(bytes.length);
    expect(fileFeatures(decodeModel(written)).localFunctions).toEqual(['own:Act', 'own:Linear']);
  });

  it('are written out where their bodies change', async () => {
    const bytes = fileWith(`${HEAD} const w: float32[3,4] = random(1) y, t = own:Linear(x, w) output y, t`, [
      ACT,
      LINEAR,
    ]);
    const model = decodeModel(bytes);
    const name = model.graph.nodes.find(({ op }) => op === 'Constant')?.outputs[0] ?? '';
    const same = { ...model, graph: replaceConstant(model.graph, name, constantOf(float32([2], []))) };
    expect(fileFeatures(decodeModel(encodeModel(same))).localFunctions).toEqual([]);
    expect(await outputGap(bytes, encodeModel(same), randomFeeds(model, 3))).toBe(0);
  });

  it('in the standard domain are left to the runtime, which has its own', async () => {
    const bytes = fileWith(`${HEAD} y = Relu(x) output y`, [
      { name: 'Relu', domain: '', inputs: ['X'], outputs: ['Y'], body: 'Y = Neg(X)' },
    ]);
    expect(decodeModel(bytes).graph.nodes.map(({ op }) => op)).toEqual(['Relu']);
    expect(await outputGap(bytes, encodeModel(decodeModel(bytes)), randomFeeds(decodeModel(bytes), 3))).toBe(0);
  });

  it.each<[string, string, FunctionCase[], string]>([
    [
      'calls itself',
      'y = own:F(x) output y',
      [{ ...ACT, name: 'F', body: 'Y = own:F(X)' }],
      'function "own:F" calls itself',
    ],
    [
      'calls itself by way of another',
      'y = own:F(x) output y',
      [
        { ...ACT, name: 'F', body: 'Y = own:G(X)' },
        { ...ACT, name: 'G', body: 'Y = own:F(X)' },
      ],
      'calls itself',
    ],
    [
      'gets too many inputs',
      'y = own:Act(x, x) output y',
      [ACT],
      'node "y" calls "own:Act", which has 1 inputs and 1 outputs, with 2 and 1',
    ],
    ['is there twice', 'y = own:Act(x) output y', [ACT, ACT], 'the file defines it 2 times'],
    [
      'names an output twice',
      'y = own:F(x) output y',
      [{ ...ACT, name: 'F', outputs: ['Y', 'Y'] }],
      'two of its inputs or outputs have one name',
    ],
  ])('is refused where one %s', (_, text, functions, message) => {
    expect(() => decodeModel(fileWith(`${HEAD} ${text}`, functions))).toThrow(message);
  });

  it('is refused where functions double with every level', () => {
    const levels = Array.from(
      { length: 40 },
      (_, i): FunctionCase => ({
        name: `F${i}`,
        inputs: ['X'],
        outputs: ['Y'],
        body: i === 0 ? 'Y = Neg(X)' : `t = own:F${i - 1}(X) Y = own:F${i - 1}(t)`,
      }),
    );
    const start = performance.now();
    expect(() => decodeModel(fileWith(`${HEAD} y = own:F39(x) output y`, levels))).toThrow(
      'written out it has more than',
    );
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('is refused where functions lie too deep', () => {
    const levels = Array.from(
      { length: 100 },
      (_, i): FunctionCase => ({
        name: `F${i}`,
        inputs: ['X'],
        outputs: ['Y'],
        body: i === 0 ? 'Y = Neg(X)' : `Y = own:F${i - 1}(X)`,
      }),
    );
    expect(() => decodeModel(fileWith(`${HEAD} y = own:F99(x) output y`, levels))).toThrow('more than 64 deep');
  });

  it('leaves a broken function that nothing calls alone, and refuses one that something calls', () => {
    const broken = (text: string): Uint8Array => {
      const file = fileWith(text, []);
      const name = [0x0a, 3, ...new TextEncoder().encode('Act'), 0x52, 3, ...new TextEncoder().encode('own'), 0x3a, 9];
      return Uint8Array.from([...file, 0xca, 0x01, name.length, ...name]);
    };
    expect(decodeModel(broken(`${HEAD} y = Neg(x) output y`)).graph.nodes).toHaveLength(1);
    expect(() => decodeModel(broken(`${HEAD} y = own:Act(x) output y`))).toThrow('function "own:Act" is broken');
  });
});
