import { along, dot } from '../problem/vectors.ts';

/** A function of many numbers at a point. */
export interface Looked {
  readonly value: number;
  /** [p] */
  readonly gradient: Float64Array;
}

/** A point, and what the function is there. */
export interface Reached extends Looked {
  readonly x: Float64Array;
}

/** Steps that the curvature is taken from. */
export const MEMORY = 12;
/** Length of a step along the bare gradient, as a share of the start's. */
const FIRST = 1e-2;
/** The share of the promised fall that is enough (Armijo); how often a step is halved before it is given up. */
const ENOUGH = 1e-4;
const MOST_HALVED = 12;
/** A fall by less than this share of the value is none in f32. */
const STILL = 1e-6;
/** A change of the gradient across a step that tells no curvature. */
const FLAT = 1e-10;

/** A step, how the gradient changed by it, and their product. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly sy: number;
}

/**
 * Goes down a function by limited-memory BFGS and yields each point on the way: along -H g, with H from the last steps and the changes of
 * the gradient by them, halved until the function falls as it should. Where it does not fall any more it tries the bare gradient; then it ends.
 *
 * @param start  [p]
 * @param look   the function; a value that is not finite is a step too far
 * Cost: an evaluation a step, rarely more; memory 24 p numbers. Source: Nocedal and Wright, Numerical Optimization, 2006, alg. 7.4 and 7.5.
 */
export async function* lbfgs(
  start: Float64Array,
  look: (x: Float64Array) => Promise<Looked>,
): AsyncGenerator<Reached, void> {
  let at: Reached = { x: start, ...(await look(start)) };
  let pairs: Pair[] = [];
  for (;;) {
    const next = await stepFrom(at, descentBy(pairs, at.gradient), look);
    if (next === null) {
      if (pairs.length === 0) return;
      pairs = [];
      continue;
    }
    pairs = [...pairs, ...pairBetween(at, next)].slice(-MEMORY);
    at = next;
    yield at;
  }
}

/** The first point along a direction where the function has fallen as it should; null if there is none. */
async function stepFrom(
  { x, value, gradient }: Reached,
  direction: Float64Array | null,
  look: (x: Float64Array) => Promise<Looked>,
): Promise<Reached | null> {
  const norm = Math.sqrt(dot(gradient, gradient));
  if (!(norm > 0)) return null;
  const bare = (FIRST * Math.max(Math.sqrt(dot(x, x)), Number.EPSILON)) / norm;
  const way = direction ?? gradient.map((g) => -bare * g);
  const slope = dot(way, gradient);
  if (!(slope < 0)) return null;
  let length = 1;
  for (let halved = 0; halved <= MOST_HALVED; halved++, length /= 2) {
    const there = along(x, way, length);
    const looked = await look(there);
    if (looked.value <= value + ENOUGH * length * slope)
      return value - looked.value > STILL * Math.abs(value) ? { x: there, ...looked } : null;
  }
  return null;
}

/** -H g by the two loops over the pairs; null without any. */
function descentBy(pairs: readonly Pair[], gradient: Float64Array): Float64Array | null {
  const last = pairs.at(-1);
  if (last === undefined) return null;
  let q: Float64Array = gradient;
  const shares: number[] = [];
  for (const { s, y, sy } of [...pairs].reverse()) {
    const share = dot(s, q) / sy;
    shares.push(share);
    q = along(q, y, -share);
  }
  const scale = last.sy / dot(last.y, last.y);
  let r: Float64Array = q.map((v) => scale * v);
  for (const { s, y, sy } of pairs) r = along(r, s, (shares.pop() as number) - dot(y, r) / sy);
  return r.map((v) => -v);
}

function pairBetween(from: Reached, to: Reached): Pair[] {
  const s = along(to.x, from.x, -1);
  const y = along(to.gradient, from.gradient, -1);
  const sy = dot(s, y);
  return sy > FLAT * dot(y, y) ? [{ s, y, sy }] : [];
}
