import type { Panel } from '../curvature/gradient-rows.ts';
import type { QuadraticProblem } from './quadratic.ts';

/** Columns gathered at a time: keeps the copy small beside A. */
const COLUMNS_AT_ONCE = 8192;

/** Some columns of A, copied: [n, indices.length]. */
export interface ColumnBlock {
  /** Column numbers among the p weights. */
  readonly indices: Int32Array;
  readonly data: Float32Array;
}

/** Goes through the marked columns of A in blocks, in order. Cost: one pass over the marked columns. */
export function* markedColumns(
  problem: Pick<QuadraticProblem, 'rows'>,
  marks: Uint8Array,
  atOnce = COLUMNS_AT_ONCE,
): Generator<ColumnBlock> {
  for (const panel of problem.rows.panels) {
    const indices = marked(marks, panel);
    for (let from = 0; from < indices.length; from += atOnce)
      yield gather(problem.rows.n, panel, indices.subarray(from, from + atOnce));
  }
}

function marked(marks: Uint8Array, { start, width }: Panel): Int32Array {
  const found = new Int32Array(width);
  let count = 0;
  for (let i = start; i < start + width; i++) if (marks[i] === 1) found[count++] = i;
  return found.subarray(0, count);
}

/** Copies columns of one panel. */
export function gather(n: number, { start, width, data, scale }: Panel, indices: Int32Array): ColumnBlock {
  const count = indices.length;
  if (count === width && scale === undefined) return { indices, data };
  const block = new Float32Array(n * count);
  for (let i = 0; i < n; i++) {
    const row = i * width - start;
    const to = i * count;
    for (let j = 0; j < count; j++) block[to + j] = data[row + (indices[j] as number)] as number;
    for (let j = 0; j < count && scale !== undefined; j++)
      (block[to + j] as number) *= scale[(indices[j] as number) - start] as number;
  }
  return { indices, data: block };
}

/** A_S A_S' in f64 over the marked columns S. Cost: n^2 |S|. */
export async function gramOf(problem: QuadraticProblem, marks: Uint8Array): Promise<Float64Array> {
  let K: Float64Array = new Float64Array(problem.n * problem.n);
  for (const block of markedColumns(problem, marks)) K = await problem.linalg.addGram(block.data, K);
  return K;
}
