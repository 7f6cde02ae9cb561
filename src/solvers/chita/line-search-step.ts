import { type Constraint, squared } from '../../constraints/constraint.ts';
import type { Able, Point } from '../../problem/problem.ts';
import { along } from '../../problem/vectors.ts';

/** What steps along gradients need. */
type Stepped = Able<'gradient'>;

/** Evaluates Q, at less cost where a point is known that differs in few places. */
export async function pointAt(problem: Stepped, w: Float64Array, near?: Point): Promise<Point> {
  return { w, value: await problem.value(w, near) };
}

/** CHITA Alg. 2: doublings of the step beyond the one that keeps the support. */
const DOUBLINGS = 5;
const SAFETY = 1 + 1e-4;

/**
 * One thresholded gradient step within the active set (CHITA Alg. 2). The exact step t* on the present support S is
 * taken if it keeps S; otherwise steps from the critical one t_c upwards are tried and the best kept.
 *
 *   t* = |g_S|^2 / (g_S'H g_S)
 *   t_c = the largest step at which every weight of S stays above what the largest gradient outside could reach
 *
 * Q never rises. Cost: a gradient and an image; where the support moves, values at what enters or leaves.
 */
export async function lineSearchStep(
  problem: Stepped,
  constraint: Constraint,
  from: Point,
  active: Uint8Array,
): Promise<Point> {
  const g = await problem.gradient(from.w, from.value.product);
  const slope = await slopeOnSupport(problem, from.w, g);
  const exact = 1 / slope.curvature;
  if (constraint.coupled) return coupledStep({ problem, constraint, from, g, slope });
  const critical = criticalStep(from.w, g, active);
  if (exact < critical) {
    const next = slope.pointAt(from, exact);
    return next.value.objective < from.value.objective ? next : from;
  }
  let best = from;
  for (let doubling = 0, t = critical / SAFETY; doubling < DOUBLINGS; doubling++, t *= 2) {
    const stepped = from.w.map((x, i) => (active[i] === 1 ? x - t * (g[i] as number) : 0));
    const next = await thresholded(problem, constraint, stepped, slope.pointAt(from, t));
    if (!(next.value.objective < best.value.objective)) break;
    best = next;
  }
  return best;
}

/** Halvings of a step that does not help. */
const HALVINGS = 6;

/**
 * The same where weights are bound to each other, so that no single weight tells up to which step the support stays: from the exact
 * step on the present support doublings while they help, or halvings until one does.
 */
async function coupledStep({
  problem,
  constraint,
  from,
  g,
  slope,
}: {
  readonly problem: Stepped;
  readonly constraint: Constraint;
  readonly from: Point;
  readonly g: Float64Array;
  readonly slope: Slope;
}): Promise<Point> {
  const at = (t: number): Promise<Point> => {
    const stepped = from.w.map((x, i) => x - t * (g[i] as number));
    return thresholded(problem, constraint, stepped, slope.pointAt(from, t));
  };
  let t = 1 / slope.curvature;
  if (t === 0) return from;
  let best = from;
  for (let doubling = 0; doubling < DOUBLINGS; doubling++, t *= 2) {
    const next = await at(t);
    if (!(next.value.objective < best.value.objective)) break;
    best = next;
  }
  for (let halving = 0; halving < HALVINGS && best === from; halving++) {
    t /= 2;
    const next = await at(t);
    if (next.value.objective < best.value.objective) best = next;
  }
  return best;
}

/** What is known of Q along a direction d, from its image. */
export interface Slope {
  /** d'H d / d'd: its inverse is the step that minimises Q along a gradient -d. Infinite where d = 0. */
  readonly curvature: number;
  /** w - t d, with Q there. */
  pointAt(from: Point, t: number): Point;
}

/** Along a gradient on the support of w. */
export function slopeOnSupport(problem: Stepped, w: Float64Array, g: Float64Array): Promise<Slope> {
  return slopeAlong(
    problem,
    g.map((d, i) => (w[i] !== 0 ? d : 0)),
  );
}

/** Along a direction. Cost: one image. */
export async function slopeAlong(problem: Stepped, d: Float64Array): Promise<Slope> {
  const image = await problem.times(d);
  return {
    curvature: problem.curvature(d, image),
    pointAt(from, t) {
      const next = along(from.w, d, -t);
      return { w: next, value: problem.valueFrom(next, along(from.value.product, image, -t)) };
    },
  };
}

/** The best point on the support that a constraint gives to stepped weights; `near` as for {@link pointAt}. */
export async function thresholded(
  problem: Stepped,
  constraint: Constraint,
  stepped: Float64Array,
  near: Point,
): Promise<Point> {
  const support = constraint.support(squared(stepped));
  const kept = stepped.map((x, i) => (support[i] === 1 ? x : 0));
  return pointAt(problem, kept, near);
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
