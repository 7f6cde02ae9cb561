import type { Layered } from './layers.ts';

/** Sweeps over all layers at most, and without fewer crossings. */
const SWEEPS = { most: 24, idle: 4 };

/**
 * Orders the nodes of each layer so that few edges cross: each goes to the mean place of its neighbours in the layer before, down and
 * up by turns (Sugiyama, Tagawa, Toda 1981). The best order that was seen is taken.
 *
 * Cost: e log e a sweep, e the pieces of edges.
 */
export function ordered(layered: Layered): number[][] {
  const places = new Float64Array(layered.up.length);
  let rows = untangled(layered);
  const number = (row: readonly number[]): void => row.forEach((v, i) => (places[v] = i));
  for (const row of rows) number(row);
  let best = rows;
  let least = crossings(rows, layered, places);
  for (let sweep = 0, idle = 0; sweep < SWEEPS.most && idle < SWEEPS.idle && least > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    const neighbours = isDown ? layered.up : layered.down;
    rows = [...rows];
    for (let k = 1; k < rows.length; k++) {
      const at = isDown ? k : rows.length - 1 - k;
      rows[at] = byMeans(rows[at] as number[], neighbours, places);
      number(rows[at] as number[]);
    }
    const count = crossings(rows, layered, places);
    idle = count < least ? 0 : idle + 1;
    if (count < least) [best, least] = [rows, count];
  }
  return best;
}

/** The order in which a walk from the top meets the nodes: branches do not begin entangled. */
function untangled({ rows, down }: Layered): number[][] {
  const met = new Float64Array(down.length).fill(-1);
  let clock = 0;
  for (const start of rows.flat()) {
    const stack = [start];
    while (stack.length > 0) {
      const v = stack.pop() as number;
      if ((met[v] as number) >= 0) continue;
      met[v] = clock++;
      for (const next of [...(down[v] ?? [])].reverse()) stack.push(next);
    }
  }
  return rows.map((row) => [...row].sort((a, b) => (met[a] as number) - (met[b] as number)));
}

/** Nodes without neighbours there stay where they are. */
function byMeans(row: readonly number[], neighbours: Layered['up'], places: Float64Array): number[] {
  const means = row.map((v, i) => {
    const near = neighbours[v] ?? [];
    return near.length === 0 ? i : near.reduce((sum, u) => sum + (places[u] as number), 0) / near.length;
  });
  return row
    .map((_, i) => i)
    .sort((a, b) => (means[a] as number) - (means[b] as number) || a - b)
    .map((i) => row[i] as number);
}

/** Pairs of edges that cross, counted by a tree of sums over the lower layer (Barth, Juenger, Mutzel 2002). */
export function crossings(rows: readonly (readonly number[])[], { down }: Layered, places: Float64Array): number {
  let count = 0;
  for (let k = 0; k + 1 < rows.length; k++) {
    const tree = new Int32Array((rows[k + 1] as number[]).length + 1);
    let seen = 0;
    for (const v of rows[k] as number[]) {
      const ends = (down[v] ?? []).map((u) => places[u] as number);
      for (const end of ends) {
        let before = 0;
        for (let i = end + 1; i > 0; i -= i & -i) before += tree[i] as number;
        count += seen - before;
      }
      for (const end of ends) {
        seen += 1;
        for (let i = end + 1; i < tree.length; i += i & -i) (tree[i] as number) += 1;
      }
    }
  }
  return count;
}
