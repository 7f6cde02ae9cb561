import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { type Random, random } from '../tensor/random.ts';
import { dot, type Matrix, solved, times, transposed } from './dense.cases.ts';
import { type LayerModel, layerModel } from './layer.ts';

/** A small layer, and the same in plain arrays. */
export interface SmallLayer {
  readonly name: string;
  readonly problem: LayerModel;
  /** By row of the weights: its Hessian, and its target. */
  readonly rows: readonly { readonly H: Matrix; readonly g: readonly number[] }[];
}

interface LayerOptions {
  readonly name: string;
  readonly groups?: number;
  readonly outputs: number;
  readonly inputs: number;
  /** Inputs seen. */
  readonly count: number;
  readonly ridge?: number;
  /** Whether the outputs are to be other ones than those that the weights give. */
  readonly hasTargets?: boolean;
  /** Input i of sample s. */
  readonly input?: (rng: Random, i: number, s: number) => number;
  /** Weight i of a row. */
  readonly weight?: (rng: Random, row: number, i: number) => number;
}

const ALGEBRA = linalg(onnxruntimeNode, 1);

function smallLayer(options: LayerOptions, seed: number): SmallLayer {
  const { groups = 1, outputs, inputs, count, ridge = 0.05, hasTargets = false } = options;
  const { input = (rng) => rng.normal(), weight = (rng) => rng.normal() } = options;
  const rng = random(seed);
  const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
  const hessians = range(groups).map(() => {
    const X = range(inputs).map((i) => range(count).map((s) => input(rng, i, s)));
    return X.map((a, i) => X.map((b, j) => Math.fround(dot(a, b) / count + (i === j ? ridge : 0))));
  });
  const W = range(groups * outputs).map((row) => range(inputs).map((i) => Math.fround(weight(rng, row, i))));
  const rows = W.map((w, row) => {
    const H = hessians[Math.floor(row / outputs)] as Matrix;
    return { H, g: times(H, w).map((x) => x + (hasTargets ? 0.3 * rng.normal() : 0)) };
  });
  const problem = layerModel(
    {
      groups,
      outputs,
      inputs,
      wBar: Float64Array.from(W.flat()),
      H: Float32Array.from(hessians.flat(2)),
      ...(hasTargets && { G: Float64Array.from(rows.flatMap(({ g }) => g)) }),
    },
    ALGEBRA,
  );
  return { name: `layer, ${options.name}`, problem, rows };
}

/** Q, by plain sums. */
export function denseLayerObjective({ problem, rows }: SmallLayer, w: ArrayLike<number>): number {
  const { inputs, wBar } = problem;
  return rows.reduce((sum, { H, g }, row) => {
    const before = Array.from(wBar.subarray(row * inputs, (row + 1) * inputs));
    const d = before.map((x, i) => (w[row * inputs + i] as number) - x);
    const slope = times(H, before).map((x, i) => x - (g[i] as number));
    return sum + dot(d, times(H, d)) / 2 + dot(slope, d);
  }, 0);
}

/** The least of Q on a support, row by row by elimination. */
export function denseLayerSolve({ problem, rows }: SmallLayer, support: ArrayLike<number>): number[] {
  return rows.flatMap(({ H, g }, row) => {
    const kept = g.flatMap((_, i) => (support[row * problem.inputs + i] === 1 ? [i] : []));
    const columns = transposed(H.map((line) => kept.map((i) => line[i] as number)));
    const inner =
      kept.length === 0
        ? []
        : solved(
            columns.map((column) => kept.map((i) => column[i] as number)),
            kept.map((i) => g[i] as number),
          );
    return g.map((_, i) => (kept.includes(i) ? (inner[kept.indexOf(i)] as number) : 0));
  });
}

const SHAPES: readonly LayerOptions[] = [
  { name: 'more inputs seen than weights of a row', outputs: 3, inputs: 5, count: 20 },
  { name: 'fewer inputs seen', outputs: 2, inputs: 7, count: 4 },
  { name: 'two groups', groups: 2, outputs: 2, inputs: 4, count: 9 },
  { name: 'other outputs wanted', outputs: 3, inputs: 5, count: 12, hasTargets: true },
  {
    name: 'inputs that are the same',
    outputs: 2,
    inputs: 6,
    count: 10,
    input: (_, i, s) => Math.cos(s * s + (i >> 1)),
  },
  { name: 'an input that is zero', outputs: 2, inputs: 6, count: 10, input: (rng, i) => (i === 2 ? 0 : rng.normal()) },
  { name: 'a row of zeros', outputs: 3, inputs: 4, count: 8, weight: (rng, row) => (row === 1 ? 0 : rng.normal()) },
  { name: 'weights of equal size', outputs: 2, inputs: 6, count: 9, weight: (_, __, i) => (i % 2 === 0 ? 0.5 : -0.5) },
];

/** Layers of every shape. */
export const SMALL_LAYERS: readonly SmallLayer[] = SHAPES.map(smallLayer);
