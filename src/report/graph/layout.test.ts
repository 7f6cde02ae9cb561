import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GraphDetails } from '../details.ts';
import { cutEdges, dagOf, layersOf } from './layers.ts';
import { type GraphLayout, layoutGraph } from './layout.ts';
import { crossings, ordered } from './order.ts';

type Edges = [number, number][];

function graphOf(size: number, edges: Edges): GraphDetails {
  const nodes = Array.from({ length: size }, (_, i) => ({
    op: `Operator${'x'.repeat(i % 7)}`,
    name: `n${i}`,
    layer: i % 3 === 0 ? `layer${i}.weight` : null,
    change: 'same' as const,
    shape: null,
  }));
  return { nodes, edges };
}

/** Graphs as files may hold them: edges twice, to the node itself, backwards. */
const graphs = fc.integer({ min: 1, max: 30 }).chain((size) => {
  const node = fc.integer({ min: 0, max: size - 1 });
  return fc.array(fc.tuple(node, node), { maxLength: 60 }).map((edges) => graphOf(size, edges));
});

function overlaps({ nodes }: GraphLayout): [number, number][] {
  return nodes.flatMap((a) =>
    nodes
      .filter(
        (b) =>
          b.index > a.index &&
          Math.abs(a.x - b.x) < (a.width + b.width) / 2 &&
          Math.abs(a.y - b.y) < (a.height + b.height) / 2,
      )
      .map((b): [number, number] => [a.index, b.index]),
  );
}

describe('the layout of a graph', () => {
  it('lets no two nodes overlap, whatever the graph, and keeps all within its size', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const layout = layoutGraph(graph);
        expect(overlaps(layout)).toEqual([]);
        for (const { x, y, width, height } of layout.nodes) {
          expect(x - width / 2).toBeGreaterThanOrEqual(0);
          expect(y - height / 2).toBeGreaterThanOrEqual(0);
          expect(x + width / 2).toBeLessThanOrEqual(layout.width);
          expect(y + height / 2).toBeLessThanOrEqual(layout.height);
        }
      }),
      { numRuns: 120, seed: 7 },
    );
  });

  it('leads each edge once, downwards, from one node to the other', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const { nodes, edges } = layoutGraph(graph);
        const wanted = new Set(
          graph.edges.filter(([a, b]) => a !== b).map((ends) => Math.min(...ends) * 99 + Math.max(...ends)),
        );
        expect(edges).toHaveLength(wanted.size);
        const ends = edges.map(({ path, top, bottom }) => {
          expect(bottom).toBeGreaterThan(top);
          const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? [];
          const touches = (x: number, y: number, side: 1 | -1) =>
            nodes.findIndex(
              (node) => Math.abs(node.x - x) < 0.2 && Math.abs(node.y + (side * node.height) / 2 - y) < 0.2,
            );
          const last = /C\S+ \S+ \S+ \S+ (\S+) \S+V\S+$/.exec(path)?.[1] ?? numbers[0];
          return (
            touches(numbers[0] as number, numbers[1] as number, 1) * 99 +
            touches(Number(last), numbers.at(-1) as number, -1)
          );
        });
        expect(new Set(ends)).toEqual(wanted);
      }),
      { numRuns: 100, seed: 8 },
    );
  });

  it('draws a chain as a straight line', () => {
    const { nodes } = layoutGraph(
      graphOf(
        20,
        Array.from({ length: 19 }, (_, i) => [i, i + 1]),
      ),
    );
    expect(new Set(nodes.map(({ x }) => x)).size).toBe(1);
  });

  it('keeps the main path of residual blocks straight beside their shortcuts', () => {
    const edges: Edges = [];
    for (let i = 0; i + 3 < 40; i += 3) edges.push([i, i + 1], [i + 1, i + 2], [i + 2, i + 3], [i, i + 3]);
    const { nodes, edges: drawn } = layoutGraph(graphOf(40, edges));
    const jumps = nodes.slice(1).filter(({ x }, i) => Math.abs(x - (nodes[i]?.x ?? 0)) > 1);
    expect(jumps.length).toBeLessThanOrEqual(4);
    expect(drawn.filter(({ path }) => path.includes('C')).length).toBeGreaterThanOrEqual(13);
  });

  it('stands an input beside what reads it', () => {
    const { nodes } = layoutGraph(
      graphOf(6, [
        [0, 2],
        [2, 3],
        [3, 4],
        [4, 5],
        [1, 5],
      ]),
    );
    expect(nodes[1]?.y).toBe(nodes[4]?.y);
  });

  it('lays out a graph without edges, and one without nodes', () => {
    expect(layoutGraph(graphOf(3, [])).nodes).toHaveLength(3);
    expect(layoutGraph(graphOf(0, []))).toMatchObject({ nodes: [], edges: [] });
  });
});

describe('the order within layers', () => {
  it('untangles what can be drawn without crossings', () => {
    const tree: Edges = Array.from({ length: 14 }, (_, i) => [Math.floor(i / 2), i + 1]);
    const dag = dagOf(15, tree);
    const layered = cutEdges(dag, layersOf(dag));
    for (const row of layered.rows) row.reverse();
    expect(count(ordered(layered), layered)).toBe(0);
  });

  it('counts crossings as pairs of edges that change sides', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 6, max: 11 })), { maxLength: 30 }),
        (edges) => {
          const dag = dagOf(12, edges);
          const layered = cutEdges(
            dag,
            Array.from({ length: 12 }, (_, i) => (i < 6 ? 0 : 1)),
          );
          const pieces = dag.outOf.flatMap((outs, from) => outs.map((to) => [from, to] as const));
          const pairs = pieces.flatMap(([a, b], i) => pieces.slice(i).filter(([c, d]) => (a - c) * (b - d) < 0)).length;
          expect(count(layered.rows, layered)).toBe(pairs);
        },
      ),
      { numRuns: 200, seed: 9 },
    );
  });
});

function count(rows: number[][], layered: ReturnType<typeof cutEdges>): number {
  const places = new Float64Array(layered.up.length);
  for (const row of rows) row.forEach((v, i) => (places[v] = i));
  return crossings(rows, layered, places);
}
