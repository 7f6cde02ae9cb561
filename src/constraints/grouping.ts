import { OptionError } from '../errors/errors.ts';
import type { WeightMatrix } from '../graph/weight-matrix.ts';

/** Weights parted into groups that a pattern speaks of; every weight is in one of them. */
export interface Grouping {
  readonly size: number;
  /** The weights, group after group; null = as they lie. */
  readonly members: Int32Array | null;
  /** Behind the last member of each group: [groups]. */
  readonly ends: Int32Array;
}

/** Neighbouring outputs x neighbouring inputs that make a group. */
export interface GroupShape {
  readonly height: number;
  readonly width: number;
}

/**
 * Groups of `height` x `width` weights of a matrix, from its upper left corner on. Those at the lower and right edges are smaller
 * where the matrix does not divide; none reaches from one group of channels into the next.
 *
 * Cost: 4 bytes a group, and 4 a weight where the weights do not lie in the order of the groups.
 */
export function groupsOf(matrix: WeightMatrix, { height, width }: GroupShape): Grouping {
  const { groups, outputs, inputs, places } = matrix;
  const size = groups * outputs * inputs;
  const ends = new Int32Array(groups * Math.ceil(outputs / height) * Math.ceil(inputs / width));
  const members = height === 1 ? null : new Int32Array(size);
  let [at, group] = [0, 0];
  for (let top = 0; top < groups * outputs; ) {
    const rows = Math.min(height, outputs - (top % outputs));
    for (let left = 0; left < inputs; left += width) {
      const columns = Math.min(width, inputs - left);
      if (members !== null) fillTile(members, at, { first: top * inputs + left, rows, columns, inputs, places });
      at += rows * columns;
      ends[group++] = at;
    }
    top += rows;
  }
  return { size, members: members ?? places, ends };
}

interface Tile {
  readonly first: number;
  readonly rows: number;
  readonly columns: number;
  readonly inputs: number;
  readonly places: Int32Array | null;
}

function fillTile(members: Int32Array, at: number, { first, rows, columns, inputs, places }: Tile): void {
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const k = first + y * inputs + x;
      members[at + y * columns + x] = places === null ? k : (places[k] as number);
    }
  }
}

/** Members of group g: places `from` to `to` of the grouping's members. */
export function spanOf({ ends }: Grouping, g: number): { from: number; to: number } {
  return { from: g === 0 ? 0 : (ends[g - 1] as number), to: ends[g] as number };
}

/** How many members each group has that a support marks: [groups]. */
export function countsIn({ members, ends }: Grouping, support: Uint8Array): Int32Array {
  const counts = new Int32Array(ends.length);
  for (let g = 0, m = 0; g < ends.length; g++) {
    const end = ends[g] as number;
    for (; m < end; m++) (counts[g] as number) += support[members === null ? m : (members[m] as number)] as number;
  }
  return counts;
}

/** The groups that a slice of the weights touches, with what of them lies within. */
export interface GroupingSlice {
  /** Of the slice's weights, numbered from 0. */
  readonly grouping: Grouping;
  /** The number of each group in the whole. */
  readonly origin: Int32Array;
}

/** Group of each weight, made once for each grouping that is sliced. */
const GROUP_OF = new WeakMap<Grouping, Int32Array>();

function groupOf(grouping: Grouping): Int32Array {
  const known = GROUP_OF.get(grouping);
  if (known !== undefined) return known;
  const { size, members, ends } = grouping;
  const owner = new Int32Array(size);
  for (let g = 0, m = 0; g < ends.length; g++)
    for (const end = ends[g] as number; m < end; m++) owner[members === null ? m : (members[m] as number)] = g;
  GROUP_OF.set(grouping, owner);
  return owner;
}

/** The groups of the weights from `start` to `end` alone. Cost: 4 bytes a weight of the whole, once; then the slice's own. */
export function sliceOf(grouping: Grouping, start: number, end: number): GroupingSlice {
  if (!(start >= 0 && start <= end && end <= grouping.size))
    throw new OptionError(`Cannot take weights ${start} to ${end} of ${grouping.size}`);
  const owner = groupOf(grouping).subarray(start, end);
  const members = Int32Array.from(owner.keys()).sort((a, b) => (owner[a] as number) - (owner[b] as number) || a - b);
  const [ends, origin]: [number[], number[]] = [[], []];
  members.forEach((weight, m) => {
    const g = owner[weight] as number;
    if (origin.at(-1) !== g) {
      origin.push(g);
      ends.push(m);
    }
    ends[ends.length - 1] = m + 1;
  });
  return { grouping: { size: end - start, members, ends: Int32Array.from(ends) }, origin: Int32Array.from(origin) };
}
