import type { Layered } from './layers.ts';

/** How wide the nodes are, and how far apart. */
export interface Spacing {
  /** Pixels of each node and point. */
  readonly widths: readonly number[];
  readonly gap: number;
}

interface Sides {
  readonly rows: readonly (readonly number[])[];
  readonly up: Layered['up'];
  readonly down: Layered['down'];
}

/**
 * The middle of each node, from left to right, in the given order of the layers: the mean of the middle two of four placements,
 * each of which puts nodes exactly below (or above) the middle of their neighbours, from one side (Brandes, Koepf 2001).
 *
 * Departures: compaction is by longest paths over the blocks, which keeps blocks of unequal width apart; and a long edge gives way
 * to a short one at its ends, so that the main path of a residual network is straight, not its shortcuts.
 * Cost: linear in nodes and pieces of edges.
 */
export function middles(rows: readonly (readonly number[])[], layered: Layered, spacing: Spacing): Float64Array {
  const count = layered.up.length;
  const isPoint = (v: number): boolean => v >= layered.size;
  const { up, down } = layered;
  const upwards: Sides = { rows, up, down };
  const downwards: Sides = { rows: [...rows].reverse(), up: down, down: up };
  const four = [upwards, downwards].flatMap((sides) => {
    const forbidden = new Set([...conflicts(sides, isPoint, count), ...longEnds(sides, isPoint, count)]);
    const mirrored = sides.rows.map((row) => [...row].reverse());
    const left = placed(sides.rows, { ...sides, forbidden, count, spacing });
    const right = placed(mirrored, { ...sides, forbidden, count, spacing }).map((x) => -x);
    return [left, right];
  });
  return balanced(four, spacing.widths);
}

/** Pieces of edges that cross a piece of a long one: the long one is to be straight. */
function conflicts({ rows, up }: Sides, isPoint: (v: number) => boolean, count: number): Set<number> {
  const places = new Float64Array(count);
  for (const row of rows) row.forEach((v, i) => (places[v] = i));
  const found = new Set<number>();
  for (let k = 1; k < rows.length; k++) {
    const row = rows[k] as readonly number[];
    let [from, scanned] = [0, 0];
    row.forEach((v, i) => {
      const above = isPoint(v) ? (up[v] ?? []).find(isPoint) : undefined;
      if (above === undefined && i < row.length - 1) return;
      const to = above === undefined ? Number.POSITIVE_INFINITY : (places[above] as number);
      for (; scanned <= i; scanned++) {
        const w = row[scanned] as number;
        for (const u of up[w] ?? []) {
          const at = places[u] as number;
          if ((at < from || at > to) && !(isPoint(u) && isPoint(w))) found.add(u * count + w);
        }
      }
      from = above === undefined ? from : to;
    });
  }
  return found;
}

/** The ends of long edges at nodes that have a neighbour in the very next layer on the same side. */
function longEnds({ rows, up, down }: Sides, isPoint: (v: number) => boolean, count: number): number[] {
  return rows.flat().flatMap((v) => {
    if (isPoint(v)) return [];
    const ends = (near: readonly number[], key: (point: number) => number): number[] => {
      const points = near.filter(isPoint);
      return points.length < near.length ? points.map(key) : [];
    };
    return [...ends(up[v] ?? [], (u) => u * count + v), ...ends(down[v] ?? [], (w) => v * count + w)];
  });
}

interface Placing {
  readonly up: Layered['up'];
  readonly forbidden: ReadonlySet<number>;
  readonly count: number;
  readonly spacing: Spacing;
}

/** One of the four placements: blocks of nodes one below another, pushed to the left. */
function placed(rows: readonly (readonly number[])[], { up, forbidden, count, spacing }: Placing): Float64Array {
  const roots = blocks(rows, up, forbidden, count);
  const { widths, gap } = spacing;
  const after: [number, number][][] = Array.from({ length: count }, () => []);
  const before: [number, number][][] = Array.from({ length: count }, () => []);
  for (const row of rows) {
    for (let i = 1; i < row.length; i++) {
      const [a, b] = [row[i - 1] as number, row[i] as number];
      const apart = ((widths[a] as number) + (widths[b] as number)) / 2 + gap;
      const [u, v] = [roots[a] as number, roots[b] as number];
      (after[u] as [number, number][]).push([v, apart]);
      (before[v] as [number, number][]).push([u, apart]);
    }
  }
  const order = sorted(rows.flat(), roots, before, after);
  const x = new Float64Array(count);
  for (const v of order)
    for (const [u, apart] of before[v] ?? []) x[v] = Math.max(x[v] as number, (x[u] as number) + apart);
  for (const v of order.reverse()) {
    const room = (after[v] ?? []).reduce(
      (least, [u, apart]) => Math.min(least, (x[u] as number) - apart),
      Number.POSITIVE_INFINITY,
    );
    if (room !== Number.POSITIVE_INFINITY) x[v] = Math.max(x[v] as number, room);
  }
  return Float64Array.from(roots, (root) => x[root] as number);
}

/** The root of each node's block: nodes are aligned with the middle one of their upper neighbours, where no other alignment is crossed. */
function blocks(
  rows: readonly (readonly number[])[],
  up: Layered['up'],
  forbidden: ReadonlySet<number>,
  count: number,
): Int32Array {
  const roots = Int32Array.from({ length: count }, (_, v) => v);
  const places = new Float64Array(count);
  for (const row of rows) row.forEach((v, i) => (places[v] = i));
  for (const row of rows) {
    let last = -1;
    for (const v of row) {
      const near = (up[v] ?? [])
        .filter((u) => !forbidden.has(u * count + v))
        .sort((a, b) => (places[a] as number) - (places[b] as number));
      const half = (near.length - 1) / 2;
      for (let m = Math.floor(half); m <= Math.ceil(half); m++) {
        const u = near[m];
        if (u === undefined || roots[v] !== v || (places[u] as number) <= last) continue;
        roots[v] = roots[u] as number;
        last = places[u] as number;
      }
    }
  }
  return roots;
}

type Links = readonly (readonly (readonly [number, number])[])[];

/** The blocks from left to right. */
function sorted(nodes: readonly number[], roots: Int32Array, before: Links, after: Links): number[] {
  const left = before.map((links) => links.length);
  const order = [...new Set(nodes.map((v) => roots[v] as number))].filter((v) => left[v] === 0);
  for (let k = 0; k < order.length; k++) {
    for (const [next] of after[order[k] as number] ?? []) {
      (left[next] as number) -= 1;
      if (left[next] === 0) order.push(next);
    }
  }
  return order;
}

/** Shifts the placements to the narrowest of them, to its left or its right end, and takes the mean of the middle two. */
function balanced(placements: readonly Float64Array[], widths: readonly number[]): Float64Array {
  const ends = placements.map((x) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    x.forEach((at, v) => {
      low = Math.min(low, at - (widths[v] as number) / 2);
      high = Math.max(high, at + (widths[v] as number) / 2);
    });
    return { low, high };
  });
  const narrow = ends.reduce((a, b) => (b.high - b.low < a.high - a.low ? b : a));
  const shifts = ends.map(({ low, high }, i) => (i % 2 === 0 ? narrow.low - low : narrow.high - high));
  const x = (placements[0] as Float64Array).map((_, v) => {
    const four = placements.map((one, i) => (one[v] as number) + (shifts[i] as number)).sort((a, b) => a - b);
    return ((four[1] as number) + (four[2] as number)) / 2;
  });
  const left = x.reduce((least, at, v) => Math.min(least, at - (widths[v] as number) / 2), Number.POSITIVE_INFINITY);
  return x.map((at) => at - left);
}
