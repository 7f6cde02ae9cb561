import { readWeightsNarrow } from '../apply/weights.ts';
import type { Budget } from '../budget/budget.ts';
import { KERNEL_ORDER_DEFAULT, type Pattern, patternOf } from '../budget/pattern.ts';
import { patternGroups } from '../budget/pattern-groups.ts';
import type { Grouping } from '../constraints/grouping.ts';
import { readsAlike } from '../graph/weight-matrix.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';

/** A pattern in one layer, counted in a model's weights as they are stored. */
export interface PatternFacts {
  readonly groups: number;
  /** Groups at an edge that the pattern does not divide: they are smaller. */
  readonly uneven: number;
  /** Groups that keep too many weights; of blocks those that are kept in part. */
  readonly violations: number;
}

/**
 * Counts a pattern's groups in a layer, and those that break it.
 *
 * @param before  the model that was pruned: a weight that was zero in it may be zero within a kept block
 * @returns null where it is not known how the layer's uses read it
 */
export function patternFacts(
  model: Model,
  layer: WeightLayer,
  { pattern: text, kernels }: Pick<Budget, 'kernels'> & { readonly pattern: string },
  before?: Model,
): PatternFacts | null {
  const grouping = patternGroups(layer, text, kernels ?? KERNEL_ORDER_DEFAULT);
  if (grouping === null) return null;
  const pattern = patternOf(text);
  const w = readWeightsNarrow(model, [layer]);
  const old = before && readWeightsNarrow(before, [layer]);
  let [uneven, violations, from] = [0, 0, 0];
  for (const to of grouping.ends) {
    const { kept, gone } = countsOf(grouping, { from, to }, w, old);
    if (to - from < wholeOf(pattern)) uneven++;
    if (pattern.kind === 'n:m' ? kept > pattern.n : kept > 0 && gone > 0) violations++;
    from = to;
  }
  return { groups: grouping.ends.length, uneven, violations };
}

/** Weights of a whole group. */
function wholeOf(pattern: Pattern): number {
  return pattern.kind === 'n:m' ? pattern.m : pattern.height * pattern.width;
}

function countsOf(
  { members }: Grouping,
  { from, to }: { from: number; to: number },
  w: ArrayLike<number>,
  old: ArrayLike<number> | undefined,
): { kept: number; gone: number } {
  let [kept, gone] = [0, 0];
  for (let m = from; m < to; m++) {
    const i = members === null ? m : (members[m] as number);
    if (w[i] !== 0) kept++;
    else if (old === undefined || old[i] !== 0) gone++;
  }
  return { kept, gone };
}

/** What has to be said of a pattern in layers: groups at edges, and uses that read a weight in another orientation. */
export function patternWarnings(
  layers: readonly WeightLayer[],
  facts: readonly (PatternFacts | null)[],
  text: string,
): string[] {
  const pattern = patternOf(text);
  const uneven = layers.filter((_, i) => (facts[i]?.uneven ?? 0) > 0);
  const number = facts.reduce((sum, one) => sum + (one?.uneven ?? 0), 0);
  const turned = layers.filter((layer) => !readsAlike(layer));
  const all = facts.reduce((sum, one) => sum + (one?.groups ?? 0), 0);
  const kept = pattern.kind === 'n:m' ? `keep at most ${pattern.n} of theirs` : 'are kept or removed whole';
  return [
    ...(uneven.length === 0
      ? []
      : [
          `${number} of ${all} groups are smaller than the pattern ${text}, which does not divide ${named(uneven)}: they ${kept}`,
        ]),
    ...(turned.length === 0
      ? []
      : [
          `The pattern ${text} goes along the inputs of the first use of ${named(turned)}; other uses read it differently`,
        ]),
  ];
}

/** Layers that are named one by one. */
const MOST_NAMED = 3;

function named(layers: readonly WeightLayer[]): string {
  const names = layers.slice(0, MOST_NAMED).map(({ name }) => `"${name}"`);
  const more = layers.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
