import { describe, expect, it } from 'vitest';
import { outputGap } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { constantOf, node } from '../../ir/access.ts';
import type { Constant, Model, Node } from '../../ir/model.ts';
import { random } from '../../tensor/random.ts';
import { float32, sizeOf } from '../../tensor/tensor.ts';
import type { Atom } from './atoms.ts';
import { compact } from './compact.ts';
import { masked } from './masked.ts';
import { findSpaces, type Spaces } from './spaces.ts';

interface Drawn {
  readonly input: readonly number[];
  readonly nodes: readonly Node[];
  /** Shapes of float weights, drawn. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly ints?: Readonly<Record<string, readonly number[]>>;
}

function modelOf({ input, nodes, weights, ints = {} }: Drawn): Model {
  const rng = random(3);
  const constants = new Map<string, Constant>();
  for (const [name, dims] of Object.entries(weights))
    constants.set(
      name,
      constantOf(
        float32(
          Float32Array.from({ length: sizeOf(dims) }, () => rng.normal() / 2),
          dims,
        ),
      ),
    );
  for (const [name, values] of Object.entries(ints))
    constants.set(name, constantOf({ type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) }));
  const graph = {
    name: 'g',
    nodes,
    constants,
    inputs: [{ name: 'x', type: 'float32' as const, shape: [...input] }],
    outputs: [{ name: 'y', type: 'float32' as const, shape: null }],
    valueInfo: [],
  };
  return { irVersion: 8, opsets: new Map([['', 17]]), producer: '', graph };
}

function inputOf({ input }: Drawn) {
  const rng = random(5);
  return new Map([
    [
      'x',
      float32(
        Float32Array.from({ length: sizeOf(input) }, () => rng.normal()),
        input,
      ),
    ],
  ]);
}

async function spacesOf(drawn: Drawn): Promise<{ model: Model; found: Spaces; feeds: ReturnType<typeof inputOf> }> {
  const model = modelOf(drawn);
  const feeds = inputOf(drawn);
  return { model, feeds, found: findSpaces(model, await capture(onnxruntimeNode, model, feeds)) };
}

const conv = (x: string, w: string, y: string, group = 1): Node =>
  node('Conv', [x, w], [y], { pads: [1, 1, 1, 1], group });

/** Graphs, and how many groups each of their spaces has. */
const GRAPHS: Readonly<Record<string, Drawn & { readonly sizes: readonly number[] }>> = {
  'a chain of convolutions': {
    input: [2, 3, 5, 5],
    nodes: [conv('x', 'a', 'h'), node('Relu', ['h'], ['r']), conv('r', 'b', 'y')],
    weights: { a: [6, 3, 3, 3], b: [4, 6, 3, 3] },
    sizes: [6],
  },
  'a residual, whose trunk is one space': {
    input: [1, 3, 5, 5],
    nodes: [
      conv('x', 'a', 'h'),
      conv('h', 'b', 'i'),
      node('Relu', ['i'], ['r']),
      conv('r', 'c', 'j'),
      node('Add', ['h', 'j'], ['s']),
      conv('s', 'd', 'y'),
    ],
    weights: { a: [5, 3, 3, 3], b: [7, 5, 3, 3], c: [5, 7, 3, 3], d: [2, 5, 3, 3] },
    sizes: [5, 7],
  },
  'two halves joined, then cut': {
    input: [1, 2, 4, 4],
    nodes: [
      conv('x', 'a', 'h'),
      conv('x', 'b', 'i'),
      node('Concat', ['h', 'i'], ['c'], { axis: 1 }),
      node('Split', ['c', 'parts'], ['p', 'q'], { axis: 1 }),
      conv('p', 'd', 'u'),
      conv('q', 'e', 'v'),
      node('Add', ['u', 'v'], ['y']),
    ],
    weights: { a: [4, 2, 3, 3], b: [6, 2, 3, 3], d: [3, 4, 3, 3], e: [3, 6, 3, 3] },
    ints: { parts: [4, 6] },
    sizes: [4, 6],
  },
  'a depthwise convolution, whose channels are those around it': {
    input: [1, 3, 5, 5],
    nodes: [conv('x', 'a', 'h'), conv('h', 'b', 'i', 6), conv('i', 'c', 'y')],
    weights: { a: [6, 3, 3, 3], b: [6, 1, 3, 3], c: [2, 6, 3, 3] },
    sizes: [6],
  },
  'a grouped convolution: places of each group, and whole groups': {
    input: [1, 3, 5, 5],
    nodes: [conv('x', 'a', 'h'), conv('h', 'b', 'i', 2), conv('i', 'c', 'y')],
    weights: { a: [8, 3, 3, 3], b: [6, 4, 3, 3], c: [2, 6, 3, 3] },
    sizes: [4, 3, 2],
  },
  'a shuffle of channels': {
    input: [1, 3, 4, 4],
    nodes: [
      conv('x', 'a', 'h'),
      node('Reshape', ['h', 'cut'], ['i']),
      node('Transpose', ['i'], ['t'], { perm: [0, 2, 1, 3, 4] }),
      node('Reshape', ['t', 'whole'], ['s']),
      conv('s', 'b', 'y'),
    ],
    weights: { a: [6, 3, 3, 3], b: [2, 6, 3, 3] },
    ints: { cut: [0, 2, 3, 4, 4], whole: [0, 6, 4, 4] },
    sizes: [2, 3],
  },
  'a classifier on flattened channels': {
    input: [2, 1, 4, 4],
    nodes: [conv('x', 'a', 'h'), node('Flatten', ['h'], ['f']), node('Gemm', ['f', 'w', 'b'], ['y'])],
    weights: { a: [5, 1, 3, 3], w: [80, 3], b: [3] },
    sizes: [5],
  },
  'attention: heads, and the two widths within them': {
    input: [2, 3, 8],
    nodes: [
      ...['q', 'k', 'v'].flatMap((name) => [
        node('MatMul', ['x', `w${name}`], [`p${name}`]),
        node('Reshape', [`p${name}`, 'heads'], [`h${name}`]),
      ]),
      node('Transpose', ['hq'], ['tq'], { perm: [0, 2, 1, 3] }),
      node('Transpose', ['hk'], ['tk'], { perm: [0, 2, 3, 1] }),
      node('Transpose', ['hv'], ['tv'], { perm: [0, 2, 1, 3] }),
      node('MatMul', ['tq', 'tk'], ['scores']),
      node('Softmax', ['scores'], ['shares'], { axis: -1 }),
      node('MatMul', ['shares', 'tv'], ['mixed']),
      node('Transpose', ['mixed'], ['back'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['back', 'flat'], ['all']),
      node('MatMul', ['all', 'wo'], ['y']),
    ],
    weights: { wq: [8, 12], wk: [8, 12], wv: [8, 12], wo: [12, 8] },
    ints: { heads: [2, 3, 4, 3], flat: [2, 3, 12] },
    sizes: [4, 3, 3],
  },
  'a pad of channels': {
    input: [1, 2, 4, 4],
    nodes: [
      conv('x', 'a', 'h'),
      node('Pad', ['h', 'pads'], ['p']),
      conv('x', 'b', 'i'),
      node('Add', ['p', 'i'], ['s']),
      conv('s', 'c', 'y'),
    ],
    weights: { a: [4, 2, 3, 3], b: [8, 2, 3, 3], c: [2, 8, 3, 3] },
    ints: { pads: [0, 2, 0, 0, 0, 2, 0, 0] },
    sizes: [4, 4],
  },
};

function someOf({ spaces }: Spaces, seed: number): Set<Atom> {
  const rng = random(seed);
  return new Set(
    spaces.flatMap(({ groups }) =>
      groups
        .slice(1)
        .filter(() => rng.uniform() < 0.4)
        .map(({ atom }) => atom),
    ),
  );
}

describe('findSpaces', () => {
  it.each(Object.entries(GRAPHS))('finds in %s the groups that go together', async (_, graph) => {
    const { found } = await spacesOf(graph);
    expect(found.spaces.map(({ groups }) => groups.length).sort()).toEqual([...graph.sizes].sort());
  });

  it.each(Object.entries(GRAPHS))('%s without any of them computes what it computes with zeros', async (_, graph) => {
    const { model, found, feeds } = await spacesOf(graph);
    for (let seed = 1; seed <= 5; seed++) {
      const gone = someOf(found, seed);
      const small = compact(model, found, gone);
      expect(await outputGap(masked(model, found, gone), small, feeds)).toBeLessThanOrEqual(1e-5);
    }
  });

  it('says why the last layer keeps its outputs', async () => {
    const { found } = await spacesOf(GRAPHS['a chain of convolutions'] as Drawn);
    expect(found.frozen).toEqual([{ weight: 'b', axis: 0, reason: 'it is an output of the model' }]);
  });

  it('keeps what an operator that is not followed touches', async () => {
    const chain = GRAPHS['a chain of convolutions'] as Drawn;
    const nodes = [conv('x', 'a', 'h'), node('LRN', ['h'], ['r'], { size: 3 }), conv('r', 'b', 'y')];
    const { found } = await spacesOf({ ...chain, nodes });
    expect(found.spaces).toEqual([]);
    expect(found.frozen[0]?.reason).toContain('"r" (LRN) mixes its positions');
  });
});
