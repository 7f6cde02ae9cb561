import { refuseNonFinite } from '../apply/finite.ts';
import { readWeights } from '../apply/weights.ts';
import type { BudgetedLayer } from '../budget/budget.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { KERNEL_ORDER_DEFAULT, patternGroups } from '../budget/pattern.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { besideMagnitude } from '../pruning/beside-magnitude.ts';
import type { Job } from '../pruning/job.ts';
import { boundsOf, type ChosenLayers, layersFor, withoutBlocked } from '../pruning/layers.ts';
import type { MethodOption } from '../pruning/method-options.ts';
import { macsOf } from '../pruning/shapes.ts';
import type { StageResult } from '../pruning/stage-result.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { decided } from './decided.ts';
import { METHODS, methodOf } from './list.ts';
import { type PruneOptions, type ResolvedPrune, resolvePrune } from './prune-options.ts';

/** What {@link prune} gives back. */
export interface PruneResult {
  readonly model: Model;
  readonly chosen: ChosenLayers;
  /** The pruned weights, [p], in the order of `chosen.layers`; read from the model when they are first asked for. */
  readonly w: Float64Array;
  readonly stages: readonly StageResult[];
  readonly options: ResolvedPrune;
}

/**
 * Prunes a model to a budget: in each stage, gradient rows of the present model, the quadratic model of its loss, and
 * the solver's answer written back.
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if the data does not suffice, or a weight would become infinite
 * Deterministic given `seed`. Cost: stages x (n m sample gradients + the solver's cost); memory n p floats.
 */
export async function prune(model: Model, asked: PruneOptions): Promise<PruneResult> {
  const tested = await withTestedSource(model, asked);
  const { layers } = layersFor(model, asked, methodOf(asked));
  const { options } = await decided(model, tested, { layers });
  return pruneDecided(model, options);
}

/** {@link prune} with options that {@link decided} has seen: nothing is left to the data. */
export async function pruneDecided(model: Model, asked: PruneOptions): Promise<PruneResult> {
  const options = await withTestedSource(model, asked);
  const result = await pruneLayers(model, options, layersFor(model, options, methodOf(options)));
  refuseNonFinite(model, result.model, {
    says: 'use a larger ridge, or another method',
    remedies: [{ option: 'lambda' }, { option: 'method', value: 'magnitude' }],
  });
  return result;
}

/** The options with samples as the model takes them, where the method looks at any. */
async function withTestedSource(model: Model, options: PruneOptions): Promise<PruneOptions> {
  if (options.source === undefined || !methodOf(options).needs.data) return options;
  return { ...options, source: await testedFeeds(options.engine, model, options.source) };
}

/** Prunes the chosen layers; where some cannot be differentiated and `blocked` is `skip`, once more without those. */
async function pruneLayers(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  try {
    return await pruneChosen(model, options, chosen);
  } catch (thrown) {
    const behind = thrown instanceof UnsupportedOpError ? thrown.fields.weights : undefined;
    if (resolvePrune(options).blocked !== 'skip' || !Array.isArray(behind)) throw thrown;
    const blocked = chosen.layers
      .filter(({ name }) => behind.includes(name))
      .map((layer) => ({ layer, reason: 'it lies behind an operator that cannot be differentiated' }));
    if (blocked.length === 0 || blocked.length === chosen.layers.length) throw thrown;
    return pruneLayers(model, options, withoutBlocked(chosen, blocked));
  }
}

async function pruneChosen(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  const resolved = resolvePrune(options);
  const budgeted = await budgetedLayers(model, options, chosen);
  constraintOf(resolved.budget, budgeted); // what cannot be met is refused before any work
  // the options of its own schema are filled in, which are those that the method looks at
  const job = { model, layers: chosen.layers, budgeted, options, resolved } as Job<MethodOption>;
  const { needs, run } = methodOf(options);
  const outcome = await run(job);
  const {
    model: pruned,
    stages,
    samples,
    blocked,
  } = needs.gradients && isOurs(options) ? await besideMagnitude(job, outcome) : outcome;
  return withWeights({
    model: pruned,
    stages,
    chosen: withoutBlocked(chosen, blocked),
    options: samples === undefined ? resolved : { ...resolved, samples },
  });
}

/** Whether a run is by a method of this program: what a solver of the caller finds is left to the caller. */
function isOurs({ solver }: PruneOptions): boolean {
  return solver === undefined || Object.hasOwn(METHODS, solver.name);
}

/** A result whose weights are read from its model when somebody asks: they may be larger than all the rest. */
export function withWeights<T extends Omit<PruneResult, 'w'>>(result: T): T & Pick<PruneResult, 'w'> {
  let w: Float64Array | undefined;
  const read = (): Float64Array => {
    w ??= readWeights(result.model, result.chosen.layers);
    return w;
  };
  return Object.defineProperty({ ...result } as T & Pick<PruneResult, 'w'>, 'w', { get: read, enumerable: true });
}

/** The layers with what a budget has to know of them: MACs only where they are limited, groups only where it has a pattern. */
export async function budgetedLayers(
  model: Model,
  options: Pick<PruneOptions, 'budget' | 'engine' | 'source' | 'scaling'>,
  { layers }: ChosenLayers,
): Promise<BudgetedLayer[]> {
  const { budget, scaling } = options;
  const costs = budget.flops === undefined && scaling !== 'macs' ? null : await macsOf(model, options);
  const bounds = boundsOf(layers, budget.bounds ?? []);
  return layers.map((layer, i) => {
    const groups = budget.pattern && patternGroups(layer, budget.pattern, budget.kernels ?? KERNEL_ORDER_DEFAULT);
    return {
      name: layer.name,
      size: layer.size,
      macsPerWeight: costs?.get(layer.name) ?? null,
      ...(bounds[i] && { bound: bounds[i] }),
      ...(groups && { groups }),
    };
  });
}
