import type { GradientRows } from '../curvature/gradient-rows.ts';
import { pickOuterColumns } from '../curvature/outer-products.ts';
import { elementsOf, type Panel } from '../curvature/panel.ts';
import { allocate } from '../engine/kernels/arena.ts';
import { kernels } from '../engine/kernels/kernels.ts';
import { filled } from '../tensor/filled.ts';
import type { LowRank, Problem } from './problem.ts';

/** Columns gathered at a time: keeps the copy small beside A. */
const COLUMNS_AT_ONCE = 8192;

/** Some columns of A: [n, indices.length]. */
export interface ColumnBlock {
  /** Column numbers among the p weights, rising. */
  readonly indices: Int32Array;
  readonly data: Float32Array;
}

/**
 * Goes through the marked columns of A in blocks, in order, none of which goes beyond a layer: they are the same whatever panels the layer
 * comes in. A block's elements are overwritten by the next block.
 *
 * Cost: one pass over the marked columns; one block of memory, two where a layer has several panels.
 */
export async function* markedColumns(
  problem: Pick<LowRank, 'rows'>,
  marks: Uint8Array,
  atOnce = COLUMNS_AT_ONCE,
): AsyncGenerator<ColumnBlock> {
  const { n, panels } = problem.rows;
  const layers = byLayer(panels);
  const widest = layers.reduce((most, layer) => Math.max(most, countMarked(marks, layer)), 0);
  const [buffer] = allocate([n * Math.min(atOnce, widest)]) as [Float32Array];
  for (const layer of layers) {
    if (layer.length === 1) yield* ofPanel(n, layer[0] as Panel, { marks, atOnce, buffer });
    else yield* ofPanels(n, layer, { marks, atOnce, buffer });
  }
}

interface Gathering {
  readonly marks: Uint8Array;
  readonly atOnce: number;
  readonly buffer: Float32Array;
}

async function* ofPanel(n: number, panel: Panel, { marks, atOnce, buffer }: Gathering): AsyncGenerator<ColumnBlock> {
  const indices = marked(marks, panel);
  if (indices.length === 0) return;
  const elements = await pickable(panel);
  for (let from = 0; from < indices.length; from += atOnce) {
    const part = indices.subarray(from, from + atOnce);
    yield gather(panel, elements, { indices: part, data: buffer.subarray(0, n * part.length) });
  }
}

/** Of a layer in several panels: a block is filled from one after the other. */
async function* ofPanels(
  n: number,
  panels: readonly Panel[],
  { marks, atOnce, buffer }: Gathering,
): AsyncGenerator<ColumnBlock> {
  let left = countMarked(marks, panels);
  const [room] = allocate([n * Math.min(atOnce, left)]) as [Float32Array];
  let [indices, filled] = [new Int32Array(Math.min(atOnce, left)), 0];
  for (const panel of panels) {
    const inside = marked(marks, panel);
    if (inside.length === 0) continue;
    const elements = await pickable(panel);
    for (let from = 0; from < inside.length; ) {
      const part = inside.subarray(from, from + indices.length - filled);
      const { data } = gather(panel, elements, { indices: part, data: room.subarray(0, n * part.length) });
      for (let i = 0; i < n; i++)
        buffer.set(data.subarray(i * part.length, (i + 1) * part.length), i * indices.length + filled);
      indices.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled < indices.length) continue;
      yield { indices, data: buffer.subarray(0, n * filled) };
      left -= filled;
      [indices, filled] = [new Int32Array(Math.min(atOnce, left)), 0];
    }
  }
}

/** The panels of each layer, in order. */
function byLayer(panels: readonly Panel[]): Panel[][] {
  const layers: Panel[][] = [];
  let last: number | undefined;
  for (const [i, panel] of panels.entries()) {
    const { layer = i } = panel;
    if (layer === last) layers.at(-1)?.push(panel);
    else layers.push([panel]);
    last = layer;
  }
  return layers;
}

function countMarked(marks: Uint8Array, panels: readonly Panel[]): number {
  let count = 0;
  for (const { start, width } of panels) for (let i = start; i < start + width; i++) count += marks[i] === 1 ? 1 : 0;
  return count;
}

function marked(marks: Uint8Array, { start, width }: Panel): Int32Array {
  const found = new Int32Array(width);
  let count = 0;
  for (let i = start; i < start + width; i++) if (marks[i] === 1) found[count++] = i;
  return found.subarray(0, count);
}

/** The elements of a panel; null where columns come from its factors. */
async function pickable(panel: Panel): Promise<Float32Array | null> {
  return panel.factors === undefined ? elementsOf(panel) : null;
}

/** Copies columns of one panel into the block; all of a panel without scale are not copied. */
function gather(
  { start, width, scale, factors: outer }: Panel,
  elements: Float32Array | null,
  block: ColumnBlock,
): ColumnBlock {
  const { indices, data } = block;
  const count = indices.length;
  if (elements !== null && count === width && scale === undefined) return { indices, data: elements };
  const columns = indices.map((i) => i - start);
  if (elements !== null) kernels.pickColumns(elements, width, columns, data);
  else if (outer !== undefined) pickOuterColumns(outer, columns, data);
  if (scale === undefined) return block;
  const factors = filled(new Float64Array(count), (j) => scale[(indices[j] as number) - start] as number);
  for (let at = 0; at < data.length; at += count)
    for (let j = 0; j < count; j++) (data[at + j] as number) *= factors[j] as number;
  return block;
}

/** Columns by their rising numbers: [n, indices.length]; where they are all of one panel, that panel itself. */
export async function columnsOf({ n, panels }: GradientRows, indices: Int32Array): Promise<ColumnBlock> {
  const block = { indices, data: new Float32Array(n * indices.length) };
  for (const panel of panels) {
    const inside = indices.filter((i) => i >= panel.start && i < panel.start + panel.width);
    if (inside.length === 0) continue;
    const elements = await pickable(panel);
    if (inside.length === indices.length) return gather(panel, elements, block);
    const part = gather(panel, elements, { indices: inside, data: new Float32Array(n * inside.length) });
    const offset = indices.indexOf(inside[0] as number);
    for (let i = 0; i < n; i++)
      block.data.set(part.data.subarray(i * inside.length, (i + 1) * inside.length), i * indices.length + offset);
  }
  return block;
}

/** Goes through all columns of A in blocks, as {@link markedColumns} does. */
export function allColumns(problem: Pick<LowRank & Problem, 'rows' | 'p'>): AsyncGenerator<ColumnBlock> {
  return markedColumns(problem, new Uint8Array(problem.p).fill(1));
}

/** A_S A_S' over the marked columns S, products and sums in f64: [n, n]. Cost: n^2 |S|. */
export async function gramOf(problem: LowRank, marks: Uint8Array): Promise<Float64Array> {
  let K: Float64Array = new Float64Array(problem.n * problem.n);
  for await (const block of markedColumns(problem, marks)) K = await problem.linalg.addGram(block.data, K);
  return K;
}

/** The lower half of A_S A_S' over the marked columns S, products in f32, sums of blocks in f64: [n, n]. Cost: 3/4 n^2 |S|. */
export async function lowerGramOf(problem: LowRank, marks: Uint8Array): Promise<Float64Array> {
  const K = new Float64Array(problem.n * problem.n);
  const left = await addGramsThere(problem, marks, K);
  for await (const block of markedColumns({ rows: left }, marks)) await problem.linalg.addLowerGram(block.data, K);
  return K;
}

/** Adds the Gram matrices of panels that a device holds, where there is one. @returns the rows of the other panels */
async function addGramsThere({ rows, linalg }: LowRank, marks: Uint8Array, K: Float64Array): Promise<GradientRows> {
  const { addLowerGramOf } = linalg;
  if (addLowerGramOf === undefined) return rows;
  const left: Panel[] = [];
  for (const panel of rows.panels) {
    const columns = marked(marks, panel).map((i) => i - panel.start);
    const isHere = panel.data instanceof Float32Array && panel.scale === undefined;
    if (!isHere || !(columns.length === 0 || (await addLowerGramOf(panel.data, columns, K)))) left.push(panel);
  }
  return { ...rows, panels: left };
}
