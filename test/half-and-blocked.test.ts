import { describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { randomFeeds } from '../src/data/feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { UnsupportedOpError } from '../src/errors/errors.ts';
import { constantOf, tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { prune } from '../src/methods/prune.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { numberToHalf } from '../src/tensor/half.ts';
import { random } from '../src/tensor/random.ts';
import { tinyData } from './tiny-data.ts';

const SINGLE = parseModelText(`
  input x: float32[N, 6]
  const w: float32[3, 6] = random(1)
  y = Gemm(x, w) { transB: 1 }
  output y: float32[N, 3]
`);

/** The same network in half floats. */
function half(model: Model): Model {
  const constant = model.graph.constants.get('w') as Constant;
  const data = Uint16Array.from(tensorOf(constant).data as Float32Array, numberToHalf);
  const narrow = (info: Model['graph']['inputs'][number]) => ({ ...info, type: 'float16' as const });
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map(narrow),
      outputs: graph.outputs.map(narrow),
      constants: new Map([['w', constantOf({ type: 'float16', dims: constant.dims, data })]]),
    },
  };
}

describe('a model of half floats', () => {
  it('is pruned by gradients taken in float32 and stays a model of half floats', async () => {
    const source = feedsFromDataset(SINGLE, tinyData({ count: 30, sampleDims: [6], classes: 3 }));
    const narrowed = {
      ...source,
      feeds: async (indices: ArrayLike<number>) => {
        const fed = await source.feeds(indices);
        const x = fed.inputs.get('x');
        if (x !== undefined)
          fed.inputs.set('x', {
            type: 'float16',
            dims: x.dims,
            data: Uint16Array.from(x.data as Float32Array, numberToHalf),
          });
        return fed;
      },
    };
    const options = { engine, method: 'chita', budget: sparsity(0.5), samples: 30, lambda: 1e-2 } as const;
    const [narrow, wide] = [
      await prune(half(SINGLE), { ...options, source: narrowed }),
      await prune(SINGLE, { ...options, source }),
    ];
    expect(narrow.model.graph.constants.get('w')?.type).toBe('float16');
    expect(narrow.w.filter((x) => x !== 0)).toHaveLength(9);
    narrow.w.forEach((x, i) => {
      expect(x).toBeCloseTo(wide.w[i] as number, 1);
    });
  });
});

describe('a layer behind an operator without a gradient', () => {
  const model = parseModelText(`
    input x: float32[N, 4]
    const a: float32[4, 25] = random(1)
    const b: float32[1, 4] = random(2)
    const square: int64[3] = [0, 5, 5]
    const axis: int64[1] = [1]
    h = MatMul(x, a) @first
    m = Reshape(h, square)
    d = Det(m) @never
    c = Unsqueeze(d, axis)
    y = MatMul(c, b) @second
    output y: float32[N, 4]
  `);
  const source = randomFeeds(model, { rng: random(1), count: 16 });
  const options = { engine, source, method: 'chita', loss: 'random', budget: sparsity(0.5), samples: 16 } as const;

  it('is left dense, and said so', async () => {
    const { chosen, w } = await prune(model, options);
    expect(chosen.layers.map((layer) => layer.name)).not.toContain('a');
    expect(chosen.untouched).toContainEqual(
      expect.objectContaining({ name: 'a', reason: expect.stringContaining('differentiated') }),
    );
    expect(chosen.blocked?.map(({ name }) => name)).toEqual(['a']);
    expect(w.filter((x) => x !== 0)).toHaveLength(2);
  });

  it('is refused on request, with the node and the weight named', async () => {
    const refusal = await prune(model, { ...options, blocked: 'refuse' }).catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(UnsupportedOpError);
    expect((refusal as UnsupportedOpError).fields).toMatchObject({ weights: ['a'] });
  });
});
