import { count, type Group, grouped } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { countsIn, type Grouping, sliceOf } from './grouping.ts';

/** A run of consecutive weights (a layer) that is kept by whole groups. */
export interface TileRun {
  readonly start: number;
  readonly grouping: Grouping;
}

/** Tiles of a run that have one size, in the order in which they stand among the items. */
export interface TileClass {
  readonly run: TileRun;
  /** Weights of one tile. */
  readonly each: number;
  readonly tiles: Int32Array;
}

/** What {@link inTiles} is told. */
export interface TilesOptions {
  readonly p: number;
  readonly classes: readonly TileClass[];
  /** Which tiles may stay together: over the tiles of all classes, one behind another. */
  readonly items: Constraint;
  /** No support that it allows keeps more weights. */
  readonly most: number;
  readonly description: string;
  /** Weights that stay in any case, and belong to none of the tiles. */
  readonly fixed?: Uint8Array;
}

/** The tiles of some runs by run and size: the smaller ones at the edges apart. */
export function classesOf(runs: readonly TileRun[]): TileClass[] {
  return runs.flatMap((run) => {
    const bySize = new Map<number, number[]>();
    run.grouping.ends.forEach((end, g) => {
      const each = end - (g === 0 ? 0 : (run.grouping.ends[g - 1] as number));
      const tiles = bySize.get(each);
      if (tiles === undefined) bySize.set(each, [g]);
      else tiles.push(g);
    });
    return [...bySize].map(([each, tiles]) => ({ run, each, tiles: Int32Array.from(tiles) }));
  });
}

/**
 * Supports made of whole tiles. A tile is worth the sum of its weights' importances, so the best support is the best choice of
 * tiles: what `items` chooses. A support is allowed if the tiles that it touches may stay together: a weight in a kept tile may be zero.
 *
 * Cost: O(p), and that of `items` over the tiles.
 */
export function inTiles({ p, classes, items, most, description, fixed }: TilesOptions): Constraint {
  const sum = (value: (i: number) => number): Float64Array => itemSums(classes, value);
  const spread = (chosen: Uint8Array): Uint8Array => {
    const support = fixed?.slice() ?? new Uint8Array(p);
    forEachMember(classes, (weight, item) => {
      support[weight] = chosen[item] as number;
    });
    return support;
  };
  return {
    description,
    most,
    coupled: true,
    support: (importance) => spread(items.support(sum((i) => importance[i] as number))),
    projection: (v) => spread(items.support(sum((i) => squareOf(v[i] as number)))),
    allows: (support) => {
      const touched = touchedItems(classes, support);
      return items.allows(touched) && isWithin(support, spread(touched));
    },
    restrict: (support, start, end) => restricted({ p, classes }, support, { start, end }),
  };
}

function squareOf(x: number): number {
  return Number.isNaN(x) ? 0 : x * x;
}

/** Visits each weight of each tile with the number of its item. */
function forEachMember(classes: readonly TileClass[], visit: (weight: number, item: number) => void): void {
  let item = 0;
  for (const { run, tiles } of classes) {
    const { start, grouping } = run;
    const { members, ends } = grouping;
    for (const tile of tiles) {
      const to = ends[tile] as number;
      for (let m = tile === 0 ? 0 : (ends[tile - 1] as number); m < to; m++)
        visit(start + (members === null ? m : (members[m] as number)), item);
      item++;
    }
  }
}

function itemsOf(classes: readonly TileClass[]): number {
  return classes.reduce((total, { tiles }) => total + tiles.length, 0);
}

function itemSums(classes: readonly TileClass[], value: (i: number) => number): Float64Array {
  const sums = new Float64Array(itemsOf(classes));
  forEachMember(classes, (weight, item) => {
    (sums[item] as number) += value(weight);
  });
  return sums;
}

function touchedItems(classes: readonly TileClass[], support: Uint8Array): Uint8Array {
  const touched = new Uint8Array(itemsOf(classes));
  forEachMember(classes, (weight, item) => {
    if (support[weight] === 1) touched[item] = 1;
  });
  return touched;
}

function isWithin(support: Uint8Array, other: Uint8Array): boolean {
  return support.every((kept, i) => kept === 0 || other[i] === 1);
}

/**
 * As many whole tiles of each class within a slice as the support touches there; of a tile that the slice cuts its part stays as the
 * tile is, kept or not, since its other part does.
 */
function restricted(
  { p, classes }: Pick<TilesOptions, 'p' | 'classes'>,
  support: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): Constraint {
  const size = end - start;
  const fixed = new Uint8Array(size);
  const parts: TileClass[] = [];
  const groups: Group[] = [];
  const runs = new Set(classes.map(({ run }) => run));
  for (const run of runs) {
    const [from, to] = [Math.max(start, run.start), Math.min(end, run.start + run.grouping.size, p)];
    if (from >= to) continue;
    const { grouping, origin } = sliceOf(run.grouping, from - run.start, to - run.start);
    const part: TileRun = { start: from - start, grouping };
    const whole = countsIn(run.grouping, support.subarray(run.start, run.start + run.grouping.size));
    for (const one of classesOf([part])) {
      const [uncut, cut] = partedBy(one.tiles, (tile) => {
        const g = origin[tile] as number;
        return (run.grouping.ends[g] as number) - (g === 0 ? 0 : (run.grouping.ends[g - 1] as number)) === one.each;
      });
      const isKept = (tile: number): boolean => (whole[origin[tile] as number] as number) > 0;
      forEachMember([{ ...one, tiles: cut.filter(isKept) }], (weight) => {
        fixed[weight] = 1;
      });
      if (uncut.length === 0) continue;
      groups.push({ start: itemsOf(parts), size: uncut.length, kept: uncut.filter(isKept).length });
      parts.push({ ...one, tiles: uncut });
    }
  }
  const items = grouped(itemsOf(parts), groups);
  const kept = groups.reduce((sum, group, i) => sum + group.kept * (parts[i] as TileClass).each, count(fixed));
  return inTiles({
    p: size,
    classes: parts,
    items,
    most: kept,
    description: `at most ${kept} of ${size} weights, in tiles`,
    fixed,
  });
}

function partedBy(tiles: Int32Array, test: (tile: number) => boolean): [Int32Array, Int32Array] {
  return [tiles.filter(test), tiles.filter((tile) => !test(tile))];
}
