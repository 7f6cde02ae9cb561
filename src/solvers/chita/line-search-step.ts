import { type Constraint, squared } from '../../constraints/constraint.ts';
import { composeValue, type Point, type QuadraticProblem, squaredNorm } from '../../problem/quadratic.ts';

/** Evaluates Q. */
export async function pointAt(problem: QuadraticProblem, w: Float64Array): Promise<Point> {
  return { w, value: await problem.value(w) };
}

/** CHITA Alg. 2: doublings of the step beyond the one that keeps the support. */
const DOUBLINGS = 5;
const SAFETY = 1 + 1e-4;

/**
 * One thresholded gradient step within the active set (CHITA Alg. 2). The exact step t* on the present support S is
 * taken if it keeps S; otherwise steps from the critical one t_c upwards are tried and the best kept.
 *
 *   t* = |g_S|^2 / (|A_S g_S|^2 + mu |g_S|^2)
 *   t_c = the largest step at which every weight of S stays above what the largest gradient outside could reach
 *
 * Q never rises. Cost: 2 passes over A, up to 5 more where the support moves.
 */
export async function lineSearchStep(
  problem: QuadraticProblem,
  constraint: Constraint,
  from: Point,
  active: Uint8Array,
): Promise<Point> {
  const g = await problem.gradient(from.w, from.value.product);
  const inside = from.w.map((x, i) => (x !== 0 ? (g[i] as number) : 0));
  const Ag = await problem.times(inside);
  const curvature = squaredNorm(Ag) + problem.mu * squaredNorm(inside);
  const exact = curvature > 0 ? squaredNorm(inside) / curvature : 0;
  const critical = criticalStep(from.w, g, active);
  if (exact < critical) return alongSupport(problem, from, { inside, Ag, t: exact });
  let best = from;
  for (let doubling = 0, t = critical / SAFETY; doubling < DOUBLINGS; doubling++, t *= 2) {
    const stepped = from.w.map((x, i) => (active[i] === 1 ? x - t * (g[i] as number) : 0));
    const support = constraint.support(squared(stepped));
    const next = await pointAt(
      problem,
      stepped.map((x, i) => (support[i] === 1 ? x : 0)),
    );
    if (!(next.value.objective < best.value.objective)) break;
    best = next;
  }
  return best;
}

/** w - t g on the support: A (w - wBar) is known without another pass. */
function alongSupport(
  problem: QuadraticProblem,
  from: Point,
  { inside, Ag, t }: { inside: Float64Array; Ag: Float64Array; t: number },
): Point {
  const w = from.w.map((x, i) => x - t * (inside[i] as number));
  let deltaSquared = 0;
  for (let i = 0; i < w.length; i++) deltaSquared += ((w[i] as number) - (problem.wBar[i] as number)) ** 2;
  const value = composeValue(
    from.value.product.map((x, i) => x - t * (Ag[i] as number)),
    deltaSquared,
    problem,
  );
  return value.objective < from.value.objective ? { w, value } : from;
}

/** min over S of |w_i| / (G + |g_i|) where the weight shrinks, |w_i| / (G - |g_i|) where it grows slower than G. */
function criticalStep(w: Float64Array, g: Float64Array, active: Uint8Array): number {
  let G = 0;
  for (let i = 0; i < w.length; i++) if (w[i] === 0 && active[i] === 1) G = Math.max(G, Math.abs(g[i] as number));
  let critical = Number.POSITIVE_INFINITY;
  for (let i = 0; i < w.length; i++) {
    const [x, d] = [w[i] as number, g[i] as number];
    if (x === 0) continue;
    if (x > 0 === d > 0) critical = Math.min(critical, Math.abs(x) / (Math.abs(d) + G));
    else if (Math.abs(d) < G) critical = Math.min(critical, Math.abs(x) / (G - Math.abs(d)));
  }
  return critical;
}
