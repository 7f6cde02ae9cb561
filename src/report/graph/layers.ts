/** A graph whose nodes are numbers; edges lead from lower to higher ones, none twice. */
export interface Dag {
  readonly size: number;
  readonly into: readonly (readonly number[])[];
  readonly outOf: readonly (readonly number[])[];
}

/**
 * A graph without circles: nodes of models stand in the order in which they are computed, so an edge backwards is turned round,
 * and one from a node to itself is left out.
 */
export function dagOf(size: number, edges: readonly (readonly [number, number])[]): Dag {
  const [into, outOf] = [0, 1].map(() => Array.from({ length: size }, (): number[] => [])) as [number[][], number[][]];
  const seen = new Set<number>();
  for (const [a, b] of edges) {
    const [from, to] = a < b ? [a, b] : [b, a];
    if (from === to || from < 0 || to >= size || seen.has(from * size + to)) continue;
    seen.add(from * size + to);
    (outOf[from] as number[]).push(to);
    (into[to] as number[]).push(from);
  }
  return { size, into, outOf };
}

/**
 * The layer of each node: one below the lowest of those that lead to it. A node that more edges leave than reach stands
 * as low as it can, which makes those edges short: inputs beside what reads them.
 *
 * Cost: linear in nodes and edges.
 */
export function layersOf({ size, into, outOf }: Dag): number[] {
  const layers = new Array<number>(size).fill(0);
  const at = (node: number): number => layers[node] as number;
  for (let v = 0; v < size; v++) for (const u of into[v] ?? []) layers[v] = Math.max(at(v), at(u) + 1);
  for (let v = size - 1; v >= 0; v--) {
    const [ins, outs] = [into[v] ?? [], outOf[v] ?? []];
    if (outs.length > ins.length) layers[v] = outs.reduce((least, to) => Math.min(least, at(to) - 1), Number.MAX_VALUE);
  }
  return layers;
}

/** A graph in layers, in which each edge leads to the very next layer: longer ones go through points of their own. */
export interface Layered {
  /** Nodes of each layer; numbers from `size` on are points of long edges. */
  readonly rows: number[][];
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
  /** Nodes of the model. */
  readonly size: number;
  /** The points of edge `from * size + to`, from top to bottom. */
  readonly points: ReadonlyMap<number, readonly number[]>;
}

/** Cuts long edges. Cost: linear in the nodes and in the layers that edges cross. */
export function cutEdges(dag: Dag, layers: readonly number[]): Layered {
  const rows: number[][] = [];
  const place = (node: number, row: number): void => {
    while (rows.length <= row) rows.push([]);
    (rows[row] as number[]).push(node);
  };
  const [up, down] = [0, 1].map(() => Array.from({ length: dag.size }, (): number[] => [])) as [number[][], number[][]];
  const join = (a: number, b: number): void => {
    (down[a] as number[]).push(b);
    (up[b] as number[]).push(a);
  };
  for (let v = 0; v < dag.size; v++) place(v, layers[v] as number);
  const points = new Map<number, readonly number[]>();
  for (let from = 0; from < dag.size; from++) {
    for (const to of dag.outOf[from] ?? []) {
      const between: number[] = [];
      let last = from;
      for (let row = (layers[from] as number) + 1; row < (layers[to] as number); row++) {
        const point = up.push([]) - 1;
        down.push([]);
        place(point, row);
        join(last, point);
        between.push(point);
        last = point;
      }
      join(last, to);
      points.set(from * dag.size + to, between);
    }
  }
  return { rows, up, down, size: dag.size, points };
}
