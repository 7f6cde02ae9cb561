import { cardinality, grouped } from '../constraints/cardinality.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { fewSizes, type SizedRun } from '../constraints/few-sizes.ts';
import type { Grouping } from '../constraints/grouping.ts';
import { type CostedGroup, knapsack, type Limit } from '../constraints/knapsack.ts';
import { type NOfMRun, nOfM, slotsOf } from '../constraints/n-of-m.ts';
import { sideBySide } from '../constraints/side-by-side.ts';
import { classesOf, inTiles, type TileClass } from '../constraints/tiles.ts';
import { InfeasibleError, ShapeError, UnsupportedOpError } from '../errors/errors.ts';
import { type Budget, type BudgetedLayer, countOf, keptOf } from './budget.ts';
import { KERNEL_ORDER_DEFAULT, patternOf } from './pattern.ts';

/**
 * The set that a budget means for layers.
 *
 * @throws InfeasibleError     if the bounds of layers ask for more than the budget or its pattern allows
 * @throws UnsupportedOpError  if MACs are limited and not known
 */
export function constraintOf(asked: Budget, layers: readonly BudgetedLayer[]): Constraint {
  const usual = usualConstraint(asked, layers);
  return asked.constraint === undefined ? usual : asked.constraint(usual, layers);
}

function usualConstraint(asked: Budget, layers: readonly BudgetedLayer[]): Constraint {
  const sizes = layers.map(({ size }) => size);
  const plain = counted(asked, layers, sizes);
  if (asked.pattern === undefined) return plain;
  const description = `${asked.pattern} (kernels ${asked.kernels ?? KERNEL_ORDER_DEFAULT})`;
  const pattern = patternOf(asked.pattern);
  const told = `${description}, ${plain.description}`;
  return pattern.kind === 'n:m'
    ? ofGroups(asked, layers, { n: pattern.n, plain, description: told })
    : ofTiles(asked, layers, { plain, description: told });
}

/** The budget's limits over runs of so many weights of each layer: all of them, or those that a pattern lets stay. */
function counted(asked: Budget, layers: readonly BudgetedLayer[], sizes: readonly number[]): Constraint {
  const [p, places] = [total(layers.map(({ size }) => size)), total(sizes)];
  const groups = runsOf(asked, layers, sizes);
  const bounded = layers.some(({ bound }) => bound !== undefined);
  if (asked.flops === undefined && !bounded) {
    if (asked.scope === 'global') return cardinality(places, Math.min(places, countOf(asked, p)));
    if (asked.params === undefined)
      return grouped(
        places,
        groups.map(({ start, size, most }) => ({ start, size, kept: most })),
      );
  }
  const weights = layers.map((layer) => ({ layer, each: 1 }));
  return knapsack(places, groups, limitsOf(asked, layers, weights));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

interface Run extends CostedGroup {
  readonly least: number;
  readonly most: number;
}

function runsOf(
  { scope, sparsity: share = 0, pattern }: Budget,
  layers: readonly BudgetedLayer[],
  sizes: readonly number[],
): Run[] {
  let start = 0;
  return layers.map(({ size: whole, bound }, i) => {
    const size = sizes[i] as number;
    const most = Math.min(
      size,
      bound === undefined ? whole : Math.floor(bound.most * whole),
      scope === 'layer' ? keptOf(whole, share) : whole,
    );
    const least = Math.ceil((bound?.least ?? 0) * whole);
    if (least > size)
      throw new InfeasibleError(
        `Cannot keep ${least} of the ${whole} weights of a layer: the pattern ${pattern} lets ${size} stay`,
        { fields: { closest: { least: size / whole } } },
      );
    start += size;
    return { start: start - size, size, least: Math.min(most, least), most };
  });
}

/** Items that count alike: those of one layer and size. */
interface Items {
  readonly layer: BudgetedLayer;
  /** Weights of one of them. */
  readonly each: number;
}

/** MACs first: the outer of the two multipliers. */
function limitsOf(asked: Budget, layers: readonly BudgetedLayer[], items: readonly Items[]): Limit[] {
  const p = total(layers.map(({ size }) => size));
  const weights: Limit = { what: 'weights', costs: items.map(({ each }) => each), limit: countOf(asked, p) };
  if (asked.flops === undefined) return [weights];
  const costs = items.map(({ layer, each }) => each * macsOf(layer));
  const dense = total(layers.map((layer) => macsOf(layer) * layer.size));
  return [{ what: 'MACs', costs, limit: Math.trunc(asked.flops * dense) }, weights];
}

function macsOf({ macsPerWeight }: BudgetedLayer): number {
  if (macsPerWeight === null)
    throw new UnsupportedOpError(
      'Cannot limit MACs: the model does not run, so the shapes of its values are not known',
    );
  return macsPerWeight;
}

interface Patterned {
  /** The budget without its pattern, over all weights. */
  readonly plain: Constraint;
  readonly description: string;
}

/** N:M: the budget's limits over the weights that the groups let stay. */
function ofGroups(
  asked: Budget,
  layers: readonly BudgetedLayer[],
  { n, plain, description }: Patterned & { readonly n: number },
): Constraint {
  const runs = startsOf(layers).map(({ layer, start }): NOfMRun => {
    const run = { start, grouping: groupingOf(layer), most: n };
    if (asked.loosened === undefined) return run;
    const over = layer.size - slotsOf(run);
    return { ...run, excess: Math.max(0, over - Math.trunc(asked.loosened * layer.size)) };
  });
  const slots = runs.map(slotsOf);
  const p = total(layers.map(({ size }) => size));
  const hasOnlyPattern =
    asked.scope === 'global' &&
    asked.flops === undefined &&
    layers.every(({ bound }) => bound === undefined) &&
    countOf(asked, p) >= total(slots);
  const limit = hasOnlyPattern ? undefined : { slots: counted(asked, layers, slots), weights: plain };
  return nOfM({ p, runs, limit, description });
}

/** Blocks: the budget's limits over whole tiles; bounds of layers hold among the tiles of each size. */
function ofTiles(asked: Budget, layers: readonly BudgetedLayer[], { plain, description }: Patterned): Constraint {
  const p = total(layers.map(({ size }) => size));
  const byLayer = startsOf(layers).map(({ layer, start }) => ({
    layer,
    classes: classesOf([{ start, grouping: groupingOf(layer) }]),
  }));
  const classes = byLayer.flatMap((one) => one.classes);
  const told = { p, classes, most: plain.most, description };
  const bounded = layers.some(({ bound }) => bound !== undefined);
  if (asked.flops === undefined && !bounded) {
    if (asked.scope === 'global') return inTiles({ ...told, items: sized(classes, countOf(asked, p)) });
    if (asked.params === undefined)
      return inTiles({
        ...told,
        items: sideBySide(
          byLayer.map(({ layer, classes: own }) => ({
            size: total(own.map(({ tiles }) => tiles.length)),
            constraint: sized(own, keptOf(layer.size, asked.sparsity ?? 0)),
          })),
        ),
      });
  }
  const items = byLayer.flatMap(({ layer, classes: own }) => own.map(({ each, tiles }) => ({ layer, each, tiles })));
  let start = 0;
  const runs = items.map(({ layer: { bound }, tiles: { length } }): CostedGroup => {
    start += length;
    const share = Math.min(bound?.most ?? 1, asked.scope === 'layer' ? 1 - (asked.sparsity ?? 0) : 1);
    const most = Math.floor(share * length);
    return {
      start: start - length,
      size: length,
      least: Math.min(most, Math.ceil((bound?.least ?? 0) * length)),
      most,
    };
  });
  return inTiles({ ...told, items: knapsack(start, runs, limitsOf(asked, layers, items)) });
}

/** Tiles of which so many weights may stay. */
function sized(classes: readonly TileClass[], limit: number): Constraint {
  let start = 0;
  const runs = classes.map(({ each, tiles: { length } }): SizedRun => {
    start += length;
    return { start: start - length, size: length, each };
  });
  return fewSizes(start, runs, limit);
}

function startsOf(layers: readonly BudgetedLayer[]): { layer: BudgetedLayer; start: number }[] {
  let start = 0;
  return layers.map((layer) => {
    start += layer.size;
    return { layer, start: start - layer.size };
  });
}

function groupingOf({ groups }: BudgetedLayer): Grouping {
  if (groups === undefined) throw new ShapeError('Cannot prune in a pattern: the groups of a layer are not known');
  return groups;
}
