import { describe, expect, it } from 'vitest';
import { backward } from '../../autodiff/backward.ts';
import { capture } from '../../engine/capture.ts';
import { channelBlock } from '../../engine/channel-block.ts';
import type { Engine } from '../../engine/engine.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { EngineError } from '../../errors/errors.ts';
import type { Model } from '../../ir/model.ts';
import { parseModelText } from '../../onnx/text.ts';
import { random } from '../../tensor/random.ts';
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { GraphBuilder } from '../builder.ts';
import { blockedLayout, knownShapes } from './blocked-layout.ts';
import { NCHWC } from './words.ts';

const block = await channelBlock(onnxruntimeNode);

function normal(dims: readonly number[], seed: string): Tensor<Float32Array> {
  const rng = random(seed);
  return float32(
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
    dims,
  );
}

async function run(model: Model, feeds: ReadonlyMap<string, Tensor>, threads = 1): Promise<Map<string, Tensor>> {
  const session = await onnxruntimeNode.createSession(model, { threads });
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

/** Largest difference, by the largest element. */
function gap(found: Tensor | undefined, wanted: Tensor): number {
  expect(found?.dims).toEqual(wanted.dims);
  const [a, b] = [found?.data as Float32Array, wanted.data as Float32Array];
  const most = b.reduce((top, x) => Math.max(top, Math.abs(x)), 1e-30);
  return a.reduce((top, x, i) => Math.max(top, Math.abs(x - (b[i] as number))), 0) / most;
}

const VECTORS = `const s: float32[16] = random(5) const b: float32[16] = random(6) const m: float32[16] = random(7)
  const v: float32[16] = [1, 2, 0.5, 1, 1, 3, 1, 1, 0.25, 1, 1, 2, 1, 1, 4, 1]`;
const FIRST = `input x: float32[2, 3, 6, 5] const w: float32[16, 3, 3, 3] = random(1)
  c = Conv(x, w) { pads: [1, 1, 1, 1] }`;

/** Graphs that are blocked in part or whole, by what is in them. */
const GRAPHS: readonly (readonly [string, string])[] = [
  ['a convolution of few channels', `${FIRST} output c`],
  [
    'bias and Relu',
    `${FIRST} const k: float32[16, 16, 1, 1] = random(2) const d: float32[16] = random(3)
    r = Relu(c) e = Conv(r, k, d) { strides: [2, 2] } y = Relu(e) output y`,
  ],
  [
    'normalisation after a convolution',
    `${FIRST} ${VECTORS} n = BatchNormalization(c, s, b, m, v) y = Relu(n) output y`,
  ],
  [
    'normalisation of what is read elsewhere',
    `${FIRST} ${VECTORS} n = BatchNormalization(c, s, b, m, v) y = Add(n, c) output y, c`,
  ],
  [
    'statistics of the batch',
    `${FIRST} ${VECTORS} n, p, q = BatchNormalization(c, s, b, m, v) { training_mode: 1, momentum: 0.0 }
    const one: int64[3] = [16, 1, 1] o = Reshape(p, one) z = Sub(c, o) y = Relu(n) output y, z, p, q`,
  ],
  [
    'a residual',
    `${FIRST} const k: float32[16, 16, 3, 3] = random(2) r = Relu(c) e = Conv(r, k) { pads: [1, 1, 1, 1] }
    a = Add(e, r) y = Relu(a) output y, r`,
  ],
  [
    'a residual through normalisation',
    `${FIRST} ${VECTORS} r = Relu(c) n = BatchNormalization(r, s, b, m, v) y = Add(r, n) output y`,
  ],
  [
    'one channel a group',
    `${FIRST} const k: float32[16, 1, 3, 3] = random(2) y = Conv(c, k) { group: 16, dilations: [2, 1] } output y`,
  ],
  [
    'several groups, which stay',
    `${FIRST} const k: float32[16, 8, 1, 1] = random(2) y = Conv(c, k) { group: 2 } output y`,
  ],
  ['channels that fill no block', `${FIRST} const k: float32[6, 16, 1, 1] = random(2) y = Conv(c, k) output y`],
  [
    'factors and shifts of channels',
    `${FIRST} const f: float32[16, 1, 1] = random(4) const g: float32[1, 16, 1, 1] = random(5)
    r = Relu(c) a = Mul(r, f) d = Sub(a, g) e = Add(f, d) y = Sub(f, e) output y, a`,
  ],
  [
    'elementwise operators and scalars',
    `${FIRST} const h: float32[] = [0.5] t = Tanh(c) u = Mul(t, h) v = Max(u, c) y = Div(v, h) output y`,
  ],
  [
    'products and sums',
    `${FIRST} const a: int64[3] = [0, 2, 3] t = Tanh(c) p = Mul(t, c) y = ReduceSum(p, a) { keepdims: 0 }
    z = ReduceSum(t, a) { keepdims: 0 } output y, z, p`,
  ],
  [
    'a product with itself',
    `${FIRST} const a: int64[3] = [0, 2, 3] p = Mul(c, c) y = ReduceSum(p, a) { keepdims: 0 } d = Add(c, c) output y, d`,
  ],
  ['the mean of all cells', `${FIRST} g = GlobalAveragePool(c) f = Flatten(g) output f`],
  ['what broadcasts otherwise, which stays', `${FIRST} const a: float32[5] = random(4) y = Add(c, a) output y`],
];

describe.skipIf(block === 1)('blockedLayout', () => {
  it.each(GRAPHS)('leaves the values of %s as they were', async (_, text) => {
    const model = parseModelText(`opset 17 ${text}`);
    const feeds = new Map([['x', normal([2, 3, 6, 5], 'x')]]);
    const captured = await capture(onnxruntimeNode, model, feeds);
    const blocked = blockedLayout(model, { block, shapes: knownShapes(captured, new GraphBuilder()) });
    expect(blocked.graph.nodes.some(({ domain }) => domain === NCHWC)).toBe(true);
    const [wanted, found] = [await run(model, feeds), await run(blocked, feeds)];
    for (const [name, tensor] of wanted) expect(gap(found.get(name), tensor), name).toBeLessThan(2e-6);
  });

  it('changes nothing the second time, without blocks, and where there is no convolution', () => {
    const model = parseModelText(`opset 17 ${FIRST} y = Relu(c) output y`);
    const shapes = new Map([['c', [2, 16, 6, 5]]]);
    const once = blockedLayout(model, { block: 16, shapes });
    expect(blockedLayout(once, { block: 16, shapes })).toBe(once);
    expect(blockedLayout(model, { block: 1, shapes })).toBe(model);
    const plain = parseModelText('input x: float32[2, 16, 3, 3] y = Relu(x) output y');
    expect(blockedLayout(plain, { block: 16, shapes })).toBe(plain);
  });
});

/** Convolutions by image, filter, attributes; with 4 samples, or as many as are named. */
const CONVOLUTIONS: readonly { x: number[]; w: number[]; with?: string; samples?: number }[] = [
  { x: [block, 4, 4], w: [2 * block, block, 3, 3], with: 'pads: [1, 1, 1, 1]', samples: block + 4 },
  { x: [2 * block, 4, 5], w: [block, 2 * block, 3, 3], with: 'strides: [2, 2]', samples: 2 * block + 4 },
  { x: [3, 4, 5], w: [block, 3, 3, 3], samples: block + 4 },
  { x: [block, 4, 4], w: [2 * block, block, 3, 3], with: 'pads: [1, 1, 1, 1]', samples: 2 * block },
  { x: [3, 6, 5], w: [block, 3, 3, 3], with: 'pads: [1, 1, 1, 1]' },
  { x: [block, 6, 5], w: [block, block, 3, 3], with: 'pads: [1, 1, 1, 1]' },
  { x: [2 * block, 5, 4], w: [2 * block, 2 * block, 3, 2], with: 'pads: [0, 1, 2, 1]' },
  { x: [block, 7, 8], w: [2 * block, block, 3, 3], with: 'pads: [1, 1, 1, 1], strides: [2, 2]' },
  { x: [2 * block, 7, 6], w: [block, 2 * block, 1, 1], with: 'strides: [2, 3]' },
  { x: [block, 8, 9], w: [block, block, 3, 2], with: 'dilations: [2, 3], pads: [2, 0, 1, 3]' },
  { x: [block, 8, 9], w: [block, block, 2, 3], with: 'strides: [3, 2], dilations: [1, 2]' },
  { x: [block + 1, 5, 5], w: [block, block + 1, 3, 3] },
  { x: [2 * block, 4, 4], w: [2 * block, block, 3, 3], with: 'group: 2' },
  { x: [4, 4, 4], w: [6, 4, 3, 3] },
];

describe.skipIf(block === 1)('gradients of filters in blocks', () => {
  for (const [i, { x, w, with: attributes = '', samples = 4 }] of CONVOLUTIONS.entries())
    it.each([1, 2, 4])(
      `${samples} of [${x}] by [${w}] ${attributes}: %i rows are those of standard operators`,
      async (rows) => {
        const image = [samples, ...x];
        const model = parseModelText(
          `opset 17 input x: float32[${image}] const w: float32[${w}] = random(${i}) r = Tanh(x) y = Conv(r, w) { ${attributes} } output y`,
        );
        const captured = await capture(onnxruntimeNode, model, new Map([['x', normal(image, 'x')]]));
        const dims = captured.get('y')?.dims as readonly number[];
        const gradient = async (own: number): Promise<Tensor> => {
          const builder = new GraphBuilder(model.graph);
          const dy = builder.input({ name: 'dy', type: 'float32', shape: dims });
          const asked = { builder, graph: model.graph, captured, opset: 17, targets: ['w'], rows, block: own };
          builder.output(backward({ ...asked, cotangents: new Map([['y', dy]]) }).get('w') as string, 'dw');
          const shapes = knownShapes(captured, builder);
          const feeds = new Map([
            ['x', normal(image, 'x')],
            ['dy', normal(dims, 'dy')],
          ]);
          return (await run(blockedLayout(builder.build(), { block: own, shapes }), feeds)).get('dw') as Tensor;
        };
        expect(gap(await gradient(block), await gradient(1))).toBeLessThan(2e-6);
      },
    );
});

describe('channelBlock', () => {
  it('is asked once, and 1 for an engine that has no such layout', async () => {
    expect(channelBlock(onnxruntimeNode)).toBe(channelBlock(onnxruntimeNode));
    const createSession: Engine['createSession'] = async () => {
      throw new EngineError('no such operators');
    };
    expect(await channelBlock({ ...onnxruntimeNode, createSession })).toBe(1);
  });
});
