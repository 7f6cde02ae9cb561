import { cardinality } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { fewSizes } from './few-sizes.ts';
import { groupsOf } from './grouping.ts';
import { knapsack } from './knapsack.ts';
import { nOfM, slotsOf } from './n-of-m.ts';
import { classesOf, inTiles } from './tiles.ts';

/** A matrix of two outputs for each run of weights, or of one where the run has an odd number. */
function matrixOf(size: number): { groups: number; outputs: number; inputs: number; places: null } {
  const outputs = size % 2 === 0 ? 2 : 1;
  return { groups: 1, outputs, inputs: size / outputs, places: null };
}

/** Constraints on groups of weights over runs of these sizes: alone, with a count, with costs, in tiles. */
export function patternedConstraints(
  sizes: readonly number[],
): { readonly name: string; readonly constraint: Constraint }[] {
  const p = sizes.reduce((sum, size) => sum + size, 0);
  let start = 0;
  const layers = sizes.map((size) => {
    start += size;
    return { start: start - size, matrix: matrixOf(size) };
  });
  const runs = layers.map((layer) => ({
    start: layer.start,
    grouping: groupsOf(layer.matrix, { height: 1, width: 4 }),
    most: 2,
  }));
  const slots = runs.map(slotsOf);
  const all = slots.reduce((sum, number) => sum + number, 0);
  const few = Math.floor(all / 2);
  const costs = sizes.map((_, i) => 1 + (i % 3));
  const tiles = classesOf(
    layers.map((layer) => ({ start: layer.start, grouping: groupsOf(layer.matrix, { height: 2, width: 2 }) })),
  );
  const sized = itemsOf(tiles.map(({ each, tiles: { length } }) => ({ each, length })));
  const half = Math.ceil(p / 2);
  const slotRuns = itemsOf(slots.map((length) => ({ each: 1, length })));
  const weightRuns = itemsOf(sizes.map((length) => ({ each: 1, length })));
  const limit = Math.floor(sizes.reduce((sum, size, i) => sum + size * (costs[i] as number), 0) / 3);
  const macs = [{ what: 'MACs', costs, limit }];
  const described = (description: string) => ({ p, runs, description });
  return [
    { name: '2:4', constraint: nOfM(described('2:4')) },
    {
      name: '2:4 within a count',
      constraint: nOfM({
        ...described('2:4 within a count'),
        limit: { slots: cardinality(all, few), weights: cardinality(p, few) },
      }),
    },
    {
      name: '2:4 within MACs',
      constraint: nOfM({
        ...described('2:4 within MACs'),
        limit: { slots: knapsack(all, slotRuns, macs), weights: knapsack(p, weightRuns, macs) },
      }),
    },
    {
      name: '2:4 half on the way',
      constraint: nOfM({ ...described('2:4 loosened'), runs: runs.map((run) => ({ ...run, excess: 2 })) }),
    },
    {
      name: 'tiles of 2x2',
      constraint: inTiles({
        p,
        classes: tiles,
        items: fewSizes(
          tiles.reduce((sum, one) => sum + one.tiles.length, 0),
          sized,
          half,
        ),
        most: half,
        description: 'tiles of 2x2',
      }),
    },
  ];
}

function itemsOf(
  lists: readonly { readonly each: number; readonly length: number }[],
): { start: number; size: number; each: number }[] {
  let start = 0;
  return lists.map(({ each, length }) => {
    start += length;
    return { start: start - length, size: length, each };
  });
}
