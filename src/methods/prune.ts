import { refuseNonFinite } from '../apply/finite.ts';
import { type PlainWeights, plainWeights } from '../apply/plain-weights.ts';
import { countKept, readWeights } from '../apply/weights.ts';
import type { BudgetedLayer } from '../budget/budget.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { KERNEL_ORDER_DEFAULT } from '../budget/pattern.ts';
import { patternGroups } from '../budget/pattern-groups.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { besideMagnitude } from '../pruning/beside-magnitude.ts';
import type { Job } from '../pruning/job.ts';
import { boundsOf, type ChosenLayers, layersFor, withoutBlocked } from '../pruning/layers.ts';
import { byMagnitude, magnitudesAlone } from '../pruning/magnitudes-alone.ts';
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
  const { layers } = layersOf(model, asked);
  const { options } = await decided(model, tested, { layers });
  return pruneDecided(model, options);
}

/** {@link prune} with options that {@link decided} has seen: nothing is left to the data. */
export async function pruneDecided(model: Model, options: PruneOptions): Promise<PruneResult> {
  const plain = methodOf(options).needs.data ? plainWeights(model) : null;
  const result = plain === null ? await pruneTested(model, options) : await prunePlain(model, plain, options);
  refuseNonFinite(model, result.model, {
    says: 'use a larger ridge, or another method',
    remedies: [{ option: 'lambda' }, { option: 'method', value: 'magnitude' }],
  });
  return result;
}

async function pruneTested(model: Model, options: PruneOptions): Promise<PruneResult> {
  const tested = await withTestedSource(model, options);
  return pruneLayers(model, tested, layersFor(model, options, methodOf(options)));
}

/** How much further than by magnitude a model may be once its weights are rounded, which no solver or training saw. */
const ROUNDED = { factor: 1.05, part: 1e-3 } as const;

/**
 * Prunes the numbers that whole ones stand for, and rounds what comes of it: more of them may be zero then. Rounded, and cut off at the ends of
 * their range, they are held beside magnitude.
 */
async function prunePlain(model: Model, plain: PlainWeights, options: PruneOptions): Promise<PruneResult> {
  const { model: real, chosen: made, stages, options: resolved } = await pruneTested(plain.model, options);
  const tested = await withTestedSource(model, options);
  const chosen = asStored(model, made);
  const { layers } = chosen;
  const budgeted = await budgetedLayers(model, tested, chosen);
  const job = { model, layers, budgeted, options: tested, resolved } as Job<MethodOption>;
  const rounded = { model: plain.back(real), stages, blocked: [] };
  const beside = await besideMagnitude(job, rounded, methodOf(options).needs.gradients ? undefined : ROUNDED);
  const kept = countKept(beside.model, layers).reduce((sum, count) => sum + count, 0);
  const last = beside.stages.length - 1;
  return withWeights({
    model: beside.model,
    stages: beside.stages.map((stage, i) => (i === last ? { ...stage, kept } : stage)),
    chosen,
    options: resolved,
  });
}

/** The layers of a model with plain weights as its file has them. */
function asStored(model: Model, chosen: ChosenLayers): ChosenLayers {
  const stored = new Map(findWeights(model).prunable.map((layer) => [layer.name, layer]));
  return { ...chosen, layers: chosen.layers.map((layer) => stored.get(layer.name) ?? layer) };
}

/**
 * The layers that a run of these options prunes.
 *
 * @throws OptionError         for layers that are not there
 * @throws UnsupportedOpError  if none is left to the method
 */
export function layersOf(model: Model, options: PruneOptions): ChosenLayers {
  const method = methodOf(options);
  const plain = method.needs.data ? plainWeights(model) : null;
  return plain === null ? layersFor(model, options, method) : asStored(model, layersFor(plain.model, options, method));
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
    const { weights: behind, nodes } = thrown instanceof UnsupportedOpError ? thrown.fields : {};
    if (resolvePrune(options).blocked !== 'skip' || !Array.isArray(behind)) throw thrown;
    const blocked = chosen.layers
      .filter(({ name }) => behind.includes(name))
      .map((layer) => ({ layer, reason: reasonOf(nodes) }));
    if (blocked.length === 0 || blocked.length === chosen.layers.length) throw thrown;
    return pruneLayers(model, options, withoutBlocked(chosen, blocked));
  }
}

/** @param nodes  those in the way of some of the weights, as the refusal lists them */
function reasonOf(nodes: unknown): string {
  const refused = (Array.isArray(nodes) ? nodes : []) as { readonly op: string; readonly domain: string }[];
  const names = [...new Set(refused.map(({ op, domain }) => (domain === '' ? op : `${domain}.${op}`)))];
  const [only] = names;
  if (only === undefined) return 'it lies behind an operator that cannot be differentiated';
  if (names.length === 1) return `it lies behind ${only}, which cannot be differentiated`;
  return `it lies behind an operator that cannot be differentiated, of ${names.join(', ')}`;
}

async function pruneChosen(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  const resolved = resolvePrune(options);
  const budgeted = await budgetedLayers(model, options, chosen);
  constraintOf(resolved.budget, budgeted); // what cannot be met is refused before any work
  // the options of its own schema are filled in, which are those that the method looks at
  const job = { model, layers: chosen.layers, budgeted, options, resolved } as Job<MethodOption>;
  const { needs, run } = methodOf(options);
  const alone = needs.data ? magnitudesAlone(chosen.layers) : null;
  if (alone !== null && !isOurs(options)) throw withoutGradients(chosen, alone);
  const outcome = alone === null ? await run(job) : byMagnitude(job, alone);
  const {
    model: pruned,
    stages,
    samples,
    blocked,
  } = alone === null && needs.gradients && isOurs(options) ? await besideMagnitude(job, outcome) : outcome;
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

function withoutGradients({ layers }: ChosenLayers, why: string): UnsupportedOpError {
  return new UnsupportedOpError(
    `Cannot prune by a solver: wanted weights that gradients reach, ${why}; prune by magnitude`,
    {
      fields: { weights: layers.map(({ name }) => name) },
      remedies: [{ option: 'method', value: 'magnitude' }],
    },
  );
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
