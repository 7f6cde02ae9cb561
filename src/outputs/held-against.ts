import type { FedBatch } from '../data/feeds.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { tableOf } from './numbers.ts';
import type { Outputs } from './outputs.ts';

/** What a batch is held against, in the order of the judged output: the class of each position, or a number for each of its numbers. */
export type HeldAgainst =
  | { readonly kind: 'classes'; readonly classes: Int32Array }
  | { readonly kind: 'numbers'; readonly numbers: Float32Array };

/** The answers of a batch as the reading has them; null where there are none. Cost: one pass. */
export function heldAgainst(
  { judged, reading }: Pick<Outputs, 'judged' | 'reading'>,
  fed: FedBatch,
): HeldAgainst | null {
  const { form, task, stored, axes } = reading;
  const given =
    stored === 'labels' ? fed.labels : stored === 'targets' ? (fed.targets?.data as Float32Array) : undefined;
  if (form === 'none' || given === undefined) return null;
  if (form === 'elements')
    return { kind: 'numbers', numbers: given instanceof Float32Array ? given : Float32Array.from(given) };
  const classes = form === 'classes' ? Int32Array.from(given) : classesOfOnes(given, judged.dims, axes);
  return task === 'classes'
    ? { kind: 'classes', classes }
    : { kind: 'numbers', numbers: onesOf(classes, judged.dims, axes) };
}

/** Where the one is, position by position. */
function classesOfOnes(hot: ArrayLike<number>, dims: readonly number[], axes: readonly number[]): Int32Array {
  const { rows, columns } = tableOf(dims, axes);
  const samples = hot.length / sizeOf(dims);
  const classes = new Int32Array(samples * rows.length);
  for (let i = 0; i < classes.length; i++) {
    const start = Math.floor(i / rows.length) * sizeOf(dims) + (rows[i % rows.length] as number);
    classes[i] = columns.findIndex((column) => hot[start + column] === 1);
  }
  return classes;
}

/** A one in the place of each class, zeros elsewhere. */
function onesOf(classes: Int32Array, dims: readonly number[], axes: readonly number[]): Float32Array {
  const { rows, columns } = tableOf(dims, axes);
  const size = sizeOf(dims);
  const hot = new Float32Array((classes.length / rows.length) * size);
  classes.forEach((label, i) => {
    const start = Math.floor(i / rows.length) * size + (rows[i % rows.length] as number);
    hot[start + (columns[label] as number)] = 1;
  });
  return hot;
}
