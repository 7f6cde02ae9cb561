import { between, distinct, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import type { Random } from '../../tensor/random.ts';
import { sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Broadcasting on either side, both sides, scalars, and none. */
const PAIRS = ['3x4 3x4', '2x3x4 4', '3 2x4x3', '2x1x4 3x1', '() 2x3', '2x3 ()', '1 1x1'];

function mask(...dims: number[]): Tensor {
  return { type: 'bool', dims, data: Uint8Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 5) % 3) % 2) };
}

/** Arithmetic: operators x broadcasting. Maxima are taken where the inputs lie apart. */
export const arithmeticCases: readonly GradientCase[] = [
  ...['Add', 'Sub', 'Mul'].flatMap((op) => PAIRS.map((pair) => ({ op, inputs: shapes(pair) }))),
  ...PAIRS.map((pair) => {
    const [a, b] = shapes(pair) as [number[], number[]];
    return { op: 'Div', inputs: [a, { dims: b, draw: between(0.7, 3) }] };
  }),
  ...[[3, 4], [4]].map((b) => ({
    op: 'Mod',
    inputs: [
      { dims: [3, 4], draw: (rng: Random, i: number) => 2 * (i % 5) - 4 + 0.6 + 0.8 * rng.uniform() },
      { dims: b, draw: between(1.95, 2.05) },
    ],
    attrs: { fmod: 1 },
  })),
  ...['Sum', 'Mean'].flatMap((op) =>
    ['3x4', '3x4 3x4', '3x4 4 2x1x1', '2 2 2 2'].map((s) => ({ op, inputs: shapes(s) })),
  ),
  ...['Max', 'Min'].flatMap((op) => [
    { op, inputs: [distinct([3, 5])] },
    { op, inputs: [distinct([3, 5]), distinct([3, 5], 0.35)] },
    { op, inputs: [distinct([2, 3, 5]), distinct([5], 0.25), distinct([3, 1], 0.45)] },
    { op, inputs: [distinct([3, 5]), { type: 'float32' as const, dims: [], data: Float32Array.of(0.1) }] },
  ]),
  { op: 'Where', inputs: [mask(3, 4), [3, 4], [3, 4]] },
  { op: 'Where', inputs: [mask(3, 1), [4], [2, 1, 1]] },
  { op: 'Where', inputs: [mask(1), [3, 4], []] },
];
