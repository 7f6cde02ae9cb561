import { type GradientRows, scaleColumns } from '../curvature/gradient-rows.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { type Random, random } from '../tensor/random.ts';
import { type DenseModel, denseOf } from './dense.cases.ts';
import { type QuadraticProblem, quadratic } from './quadratic.ts';

/** A small problem, and the same in plain arrays. */
export interface SmallProblem {
  readonly name: string;
  readonly problem: QuadraticProblem;
  readonly dense: DenseModel;
}

/** What {@link smallProblem} makes it of. */
export interface SmallProblemOptions {
  readonly name?: string;
  readonly n: number;
  /** Sizes of the layers. */
  readonly widths: readonly number[];
  readonly lambda?: number;
  readonly firstOrder?: number;
  readonly seed?: number;
  /** Entry (i, j) of A; normal numbers where absent. */
  readonly entry?: (rng: Random, i: number, j: number) => number;
  /** Factor of column j; none where absent. */
  readonly unit?: (j: number) => number;
  /** Weight j; normal numbers where absent. */
  readonly weight?: (rng: Random, j: number) => number;
}

const ALGEBRA = linalg(onnxruntimeNode, 1);

/** Makes a problem of f32 rows and weights. */
export function smallProblem(options: SmallProblemOptions): SmallProblem {
  const { name = '', n, widths, lambda = 0.01, firstOrder = 0, seed = 1 } = options;
  const { entry = (rng) => rng.normal(), weight = (rng) => rng.normal() } = options;
  const [rng, weights] = [random(seed), random(seed).fork('weights')];
  const p = widths.reduce((sum, width) => sum + width, 0);
  const A = Array.from({ length: n }, (_, i) => Array.from({ length: p }, (__, j) => entry(rng, i, j)));
  let start = 0;
  const panels = widths.map((width) => {
    const from = start;
    start += width;
    return { start: from, width, data: Float32Array.from(A.flatMap((row) => row.slice(from, from + width))) };
  });
  const plain: GradientRows = { n, p, panels, meanLoss: null };
  const { unit } = options;
  const rows =
    unit === undefined
      ? plain
      : scaleColumns(
          plain,
          Float64Array.from({ length: p }, (_, j) => unit(j)),
        );
  const wBar = Float64Array.from({ length: p }, (_, j) => Math.fround(weight(weights, j)));
  const problem = quadratic(rows, wBar, { lambda, firstOrder }, ALGEBRA);
  return { name, problem, dense: { A: denseOf(rows), wBar, mu: n * lambda, a: firstOrder } };
}

const SHAPES: readonly SmallProblemOptions[] = [
  { name: 'normal rows, n < p', n: 6, widths: [8, 5, 3] },
  { name: 'normal rows, n > p', n: 30, widths: [4, 7] },
  { name: 'columns in units of their own', n: 6, widths: [7, 6], unit: (j) => (j < 7 ? 3 : 0.2 + j / 50) },
  { name: 'one layer', n: 5, widths: [12] },
  { name: 'one row', n: 1, widths: [6, 6] },
  { name: 'duplicate rows', n: 8, widths: [9, 4], lambda: 1e-4, entry: duplicateRows() },
  { name: 'duplicate columns', n: 6, widths: [6, 6], entry: duplicateColumns() },
  {
    name: 'a layer of zero weights',
    n: 6,
    widths: [5, 4, 5],
    weight: (rng, j) => (j >= 5 && j < 9 ? 0 : rng.normal()),
  },
  {
    name: 'a layer without gradients',
    n: 6,
    widths: [5, 4, 5],
    entry: (rng, _, j) => (j >= 5 && j < 9 ? 0 : rng.normal()),
  },
  { name: 'weights of equal size', n: 7, widths: [6, 6], weight: (_, j) => (j % 2 === 0 ? 0.5 : -0.5) },
  {
    name: 'rows and weights of small size',
    n: 6,
    widths: [7, 7],
    entry: (rng) => 1e-4 * rng.normal(),
    weight: (rng) => 1e-3 * rng.normal(),
  },
];

function duplicateRows(): (rng: Random, i: number, j: number) => number {
  return (_, i, j) => Math.sin(1 + (i % 2) * 17 + j * j);
}

function duplicateColumns(): (rng: Random, i: number, j: number) => number {
  return (_, i, j) => Math.cos(i * i + 3 * Math.floor(j / 2));
}

/** Every shape with and without the first-order term. */
export const SMALL_PROBLEMS: readonly SmallProblem[] = SHAPES.flatMap((shape, seed) =>
  [0, 0.25].map((firstOrder) => smallProblem({ ...shape, name: `${shape.name}, a = ${firstOrder}`, firstOrder, seed })),
);
