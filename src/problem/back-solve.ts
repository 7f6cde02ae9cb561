import { type Cholesky, cholesky, solve } from './cholesky.ts';
import { gramOf, lowerGramOf } from './columns.ts';
import type { Differentiable, LowRank, Point, Problem, Solved, Value } from './problem.ts';
import { squaredNorm } from './vectors.ts';
import { worthOf } from './worth.ts';

/** What {@link backSolve} needs of a problem. */
export interface BackSolved<V extends Value = Value> extends Problem<V>, Differentiable, LowRank {
  along(z: Float64Array, support: Uint8Array): Promise<Point<V>>;
}

/** The best weights on a support, and the factor that gave them. */
export interface BackSolution<V extends Value = Value> extends Solved {
  readonly value: V;
  /** Of A_S A_S' + mu I; the products of its Gram matrix may be f32. */
  readonly factor: Cholesky;
  /** (A_S A_S' + mu I)^-1 (A_P wBar_P - a e) */
  readonly dual: Float64Array;
}

/** How far above its minimum on the support Q may stay, relative to Q, for what is left of the linear system. */
const TOLERANCE = 1e-10;
/** Half the spacing of f32 numbers at 1: to this the solution is rounded. */
const ROUNDING = 2 ** -24;
/** Corrections at most; each takes the error down by the precision of the Gram matrix against mu. */
const CORRECTIONS = 4;

/**
 * Minimises Q over the weights of a support S, all others (P) zero, in the form that never divides by mu:
 *
 *   w_S = wBar_S + A_S' z,   (A_S A_S' + mu I) z = A_P wBar_P - a e                                      (2)
 *
 * The Gram matrix is made with products in f32 first. What its solution leaves of (2) is known in f64 from the value of Q
 * there, and tells how far Q is from its minimum; as long as that matters, the same factor corrects z. Where that does
 * not converge (a ridge that is small beside the rounding), the Gram matrix is made in f64.
 *
 * @param support  [p], 1 = in S
 * @param near     a point that wBar on S may differ from in few places, where one is known
 * @returns        null if the Gram matrix cannot be factored (see cholesky)
 * Factor, residuals and Q in f64. Cost: 3/4 n^2 |S| + n^3 / 6, A read twice and once more a correction; n^2 and a block
 * of columns extra.
 */
export async function backSolve<V extends Value>(
  problem: BackSolved<V>,
  support: Uint8Array,
  near?: Point<V>,
): Promise<BackSolution<V> | null> {
  const { a, wBar } = problem;
  const kept = await problem.value(
    wBar.map((x, i) => (support[i] === 1 ? x : 0)),
    near,
  );
  const right = kept.product.map((x) => -x - a);
  const quick = factored(problem, await lowerGramOf(problem, support));
  if (quick !== null && quick.jitter === 0) {
    const refined = await refine(problem, support, { factor: quick, right });
    if (refined !== null) return refined;
  }
  const factor = factored(problem, await gramOf(problem, support));
  if (factor === null) return null;
  const dual = solve(factor, right);
  return solution(problem, support, { ...(await problem.along(dual, support)), factor, dual });
}

function solution<V extends Value>(
  problem: BackSolved<V>,
  support: Uint8Array,
  found: Omit<BackSolution<V>, 'worth'>,
): BackSolution<V> {
  return { ...found, worth: () => worthOf(problem, { ...found, support }) };
}

function factored({ n, mu }: LowRank, K: Float64Array): Cholesky | null {
  for (let i = 0; i < n; i++) (K[i * n + i] as number) += mu;
  return cholesky(K, n);
}

/** Solves (2) and corrects the solution until Q is within the tolerance of its minimum on S; null if that does not come about. */
async function refine<V extends Value>(
  problem: BackSolved<V>,
  support: Uint8Array,
  { factor, right }: { factor: Cholesky; right: Float64Array },
): Promise<BackSolution<V> | null> {
  const { mu, a } = problem;
  const unavoidable = (w: Float64Array): number => ROUNDING ** 2 * traceOf(factor) * largestSquare(w);
  let dual = solve(factor, right);
  for (let correction = 0; correction <= CORRECTIONS; correction++) {
    const { w, value } = await problem.along(dual, support);
    // right - (A_S A_S' + mu I) z, since A (w - wBar) = A_S A_S' z - A_P wBar_P
    const residual = value.product.map((x, i) => -a - mu * (dual[i] as number) - x);
    const wanted = Math.max(TOLERANCE * Math.abs(value.objective), unavoidable(w));
    if (squaredNorm(residual) / 2 <= wanted) return solution(problem, support, { w, value, factor, dual });
    const change = solve(factor, residual);
    dual = dual.map((z, i) => z + (change[i] as number));
  }
  return null;
}

/** Of L L'. */
function traceOf({ L }: Cholesky): number {
  return squaredNorm(L);
}

function largestSquare(w: Float64Array): number {
  return w.reduce((most, x) => Math.max(most, x * x), 0);
}
