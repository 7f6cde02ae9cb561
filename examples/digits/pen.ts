import type { Random } from '../../src/tensor/random.ts';
import type { GlyphPoint, Stroke } from './glyphs.ts';
import { type Field, type Point, SIZE } from './plane.ts';
import { between } from './range.ts';

/** Steps of the curve between two points of a glyph. */
const STEPS = 6;

/** A smooth curve through the points (cubic Hermite, tangents by central differences), broken at corners. */
export function trace(stroke: Stroke): Point[] {
  const path: Point[] = [];
  for (let i = 0; i + 1 < stroke.length; i++) {
    const [p, q] = [stroke[i] as GlyphPoint, stroke[i + 1] as GlyphPoint];
    const before = p.corner ? undefined : stroke[i - 1];
    const after = q.corner ? undefined : stroke[i + 2];
    const [u, v] = [tangent(before, p, q), tangent(p, q, after)];
    for (let s = 0; s < STEPS; s++) path.push(hermite(p, q, { u, v, t: s / STEPS }));
  }
  path.push(stroke[stroke.length - 1] as GlyphPoint);
  return path;
}

function tangent(before: Point | undefined, here: Point, after: Point | undefined): Point {
  const a = before ?? here;
  const b = after ?? here;
  const share = before === undefined || after === undefined ? 1 : 0.5;
  return { x: share * (b.x - a.x), y: share * (b.y - a.y) };
}

function hermite(p: Point, q: Point, { u, v, t }: { u: Point; v: Point; t: number }): Point {
  const [t2, t3] = [t * t, t * t * t];
  const [a, b, c, d] = [2 * t3 - 3 * t2 + 1, t3 - 2 * t2 + t, 3 * t2 - 2 * t3, t3 - t2];
  return { x: a * p.x + b * u.x + c * q.x + d * v.x, y: a * p.y + b * u.y + c * q.y + d * v.y };
}

/** Half the width of the stroke at position t of [0, 1]: the pen presses harder here than there. */
export function pressure(rng: Random, radius: number): (t: number) => number {
  const [start, middle, end] = [0, 0, 0].map(() => radius * between(rng, [0.72, 1.2])) as [number, number, number];
  return (t) => (1 - t) * (1 - t) * start + 2 * t * (1 - t) * middle + t * t * end;
}

/** Inks every pixel by its distance to the path: full inside, falling to nothing over one pixel at the edge. */
export function draw(ink: Field, path: readonly Point[], radius: (t: number) => number): void {
  for (let i = 0; i + 1 < path.length; i++) {
    const [a, b] = [path[i] as Point, path[i + 1] as Point];
    const r = radius(i / (path.length - 1)) + 0.5;
    const [left, right] = [first(Math.min(a.x, b.x) - r), last(Math.max(a.x, b.x) + r)];
    const [top, bottom] = [first(Math.min(a.y, b.y) - r), last(Math.max(a.y, b.y) + r)];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const value = Math.min(1, r - distance({ x, y }, a, b));
        if (value > (ink[y * SIZE + x] as number)) ink[y * SIZE + x] = value;
      }
    }
  }
}

function first(x: number): number {
  return Math.max(0, Math.ceil(x));
}

function last(x: number): number {
  return Math.min(SIZE - 1, Math.floor(x));
}

/** From a point to the segment between a and b. */
function distance(p: Point, a: Point, b: Point): number {
  const [ux, uy] = [b.x - a.x, b.y - a.y];
  const length2 = ux * ux + uy * uy;
  const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * ux + (p.y - a.y) * uy) / length2));
  const [dx, dy] = [a.x + t * ux - p.x, a.y + t * uy - p.y];
  return Math.sqrt(dx * dx + dy * dy);
}
