import type { FeedSource } from '../data/feeds.ts';
import { capture } from '../engine/capture.ts';
import type { Engine } from '../engine/engine.ts';
import { type Linalg, linalg } from '../engine/linalg.ts';
import { EngineError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { constantsToInitializers } from '../graph/passes/constants-to-initializers.ts';
import type { Atom } from '../graph/spaces/atoms.ts';
import { compact } from '../graph/spaces/compact.ts';
import { masked } from '../graph/spaces/masked.ts';
import { type FrozenAxis, findSpaces, type Space, type Spaces } from '../graph/spaces/spaces.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { floatHeadsOf } from '../outputs/decide.ts';
import type { RunOptions } from '../progress/progress.ts';
import { differenceOf, outputsOf } from '../reconstruction/layer-costs.ts';
import { measureMoments } from '../reconstruction/moments.ts';
import { type Prepared, prepare } from '../reconstruction/reconstruct.ts';
import { partsOf } from '../reconstruction/samples.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { withBiases } from './biases.ts';
import { type Counts, countsOf, removeGroups, removeOfSpace, type ShapeBudget, type States } from './choose.ts';
import { removalState } from './group-layers.ts';
import type { LayerState } from './layer-state.ts';
import { refit, writtenLayers } from './refit.ts';

/** What {@link shrink} is asked for. */
export interface ShrinkRequest extends RunOptions {
  readonly engine: Engine;
  /** In float32. */
  readonly model: Model;
  /** Samples; labels are not used. */
  readonly source: FeedSource;
  readonly budget: ShapeBudget;
  /** Samples to look at; all of them where there are fewer. */
  readonly samples: number;
  /** Ridge towards the dense weights, in units of the inputs' mean square. */
  readonly ridge: number;
  readonly seed: number;
  readonly threads?: number;
}

/** Defaults of {@link shrink}. */
export const SHRINK_DEFAULTS = { samples: 1000, lambda: 0.01, seed: 1 } as const;

/** What became of the channels of a space. */
export interface SpaceFacts {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** What {@link shrink} gives back. */
export interface Shrunk {
  readonly model: Model;
  readonly spaces: readonly SpaceFacts[];
  readonly frozen: readonly FrozenAxis[];
  readonly before: Counts;
  readonly after: Counts;
  /** Squared change of the outputs on samples set aside, in units of their variance. */
  readonly error: number;
  /** Largest difference to the model with zeros in the place of what went, as a share of its largest output. */
  readonly proof: number;
}

/** Share of a space that its cost is measured with. */
const COST_SHARE = 0.25;
/** Costs are measured again with what went by those before. */
const COST_ROUNDS = 1;
const LEAST_SHARE = 0.1;
/** Inputs of a layer at most: their second moments are kept as they are. */
const MOST_INPUTS = 6000;
/** Largest difference between the smaller model and the same with zeros, as a share of the largest output. */
const PROOF = 1e-4;

/**
 * Takes channels, neurons and heads out of a model for good. Those go first whose loss the layers that read them can make up for: the second
 * moments of their inputs say so, without gradients or labels. What a layer's error does to the outputs is measured. Then the layers are solved
 * again, one after another, for the outputs of the dense model on the inputs that they have now.
 *
 * @throws UnsupportedOpError if nothing can be taken out
 * @throws OptionError        if the budget cannot be met
 * @throws EngineError        if the smaller model does not compute what the same with zeros does
 * Cost: as `reconstruct`; a removal costs outputs x inputs + inputs^2 of each layer that loses inputs.
 * Source: OSSCAR and ZipLM for the scores and updates; costs that are measured, over all spaces at once, are ours.
 */
export async function shrink(request: ShrinkRequest): Promise<Shrunk> {
  const { engine, source, budget, threads, signal, onProgress } = request;
  const model = withBiases({ ...request.model, graph: constantsToInitializers(request.model.graph) });
  const tested = await testedFeeds(engine, model, source);
  const first = await tested.feeds(
    Array.from({ length: tested.fixedBatch ?? 1 }, (_, i) => Math.min(i, tested.count - 1)),
  );
  const captured = await capture(engine, model, first.inputs);
  const found = findSpaces(model, captured);
  const layers = findWeights(model, captured, tested.fixedBatch ?? 1).prunable;
  const prepared = await prepare({ ...request, model, layers });
  const algebra = linalg(engine.host ?? engine, threads);
  const { states: whole, maps } = await statesOf(algebra, { ...request, model }, { prepared, found });
  const spaces = found.spaces.filter(
    ({ groups, readers }) => groups.length > 2 && readers.every((name) => whole.has(name)),
  );
  if (spaces.length === 0)
    throw new UnsupportedOpError(
      `Cannot take channels out of the model: ${found.frozen[0]?.reason ?? 'no layer reads what another makes'}`,
      {
        fields: { weights: found.frozen.map(({ weight }) => weight) },
      },
    );
  const before = countsOf(whole);
  const { judged } = partsOf(prepared.samples, prepared.unit);
  const judge = {
    engine,
    heads: await floatHeadsOf(prepared.model, { engine, source: prepared.source }),
    batches: () => prepared.batches(judged, null),
    ...(threads !== undefined && { threads }),
  };
  const dense = await outputsOf(judge, prepared.model);
  const differs = async (changed: Model): Promise<number> =>
    differenceOf(await outputsOf(judge, changed), dense, prepared.weightsOf(judged));
  const measure = async (shares: readonly number[]): Promise<number[]> => {
    const costs: number[] = [];
    for (const [i, space] of spaces.entries()) {
      signal?.throwIfAborted();
      onProgress?.({ step: 'costs', done: i, total: spaces.length, unit: 'spaces' });
      costs.push(await costOf({ space, share: shares[i] as number }, { states: whole, maps, prepared, differs }));
    }
    return withoutZeros(costs);
  };
  let states: States = whole;
  let gone: Atom[] = [];
  let costs: readonly number[] | null = null;
  for (let round = 0; round < COST_ROUNDS; round++) {
    costs = await measure(sharesOf(spaces, gone, costs === null));
    states = new Map([...whole].map(([name, state]) => [name, state.copy()]));
    gone = removeGroups({
      states,
      spaces,
      costs,
      budget,
      onRemoved: (share) => onProgress?.({ step: 'channels', done: Math.round(100 * share), total: 100, unit: '%' }),
    });
  }
  const after = countsOf(states);
  refuseUnmet(budget, { before, after });
  const refitted = await refit(algebra, { ...request, prepared, maps, states, original: model });
  const set = new Set(gone);
  const small = compact(refitted.model, found, set);
  return {
    model: small,
    spaces: spaces.map(({ name, groups }) => ({
      name,
      before: groups.length,
      after: groups.filter(({ atom }) => !set.has(atom)).length,
    })),
    frozen: found.frozen,
    before,
    after,
    error: await differs(refitted.lifted),
    proof: await proofOf(request, { model: refitted.model, small, found, gone: set }),
  };
}

/** The layers whose inputs can be taken out, and the maps that they are. */
async function statesOf(
  algebra: Linalg,
  { engine, threads, ridge, model }: ShrinkRequest,
  { prepared, found }: { prepared: Prepared; found: Spaces },
): Promise<{ states: Map<string, LayerState>; maps: Map<string, Prepared['mapped'][number]['maps'][number]> }> {
  const single = prepared.mapped.filter(
    ({ maps: [map, ...others] }) => map !== undefined && others.length === 0 && map.inputs <= MOST_INPUTS,
  );
  const { fitted } = partsOf(prepared.samples, prepared.unit);
  const maps = new Map(
    single.map(({ layer, maps: [map] }) => [layer.name, map as Prepared['mapped'][number]['maps'][number]]),
  );
  const measured = await measureMoments({
    engine,
    model: prepared.model,
    maps: [...maps.values()],
    batches: prepared.batches(fitted, 'dense model'),
    weights: prepared.weightsOf(fitted),
    ...(threads !== undefined && { threads }),
  });
  const states = new Map<string, LayerState>();
  for (const [i, { layer }] of single.entries()) {
    const own = {
      layer,
      map: maps.get(layer.name) as NonNullable<ReturnType<typeof maps.get>>,
      moments: measured[i] as (typeof measured)[number],
    };
    if (own.moments.sum.every(Number.isFinite))
      states.set(layer.name, await removalState(algebra, { model, walk: found.walk, ridge }, own));
  }
  return { states, maps };
}

/** What a unit of a space's error does to the outputs: measured with a quarter of it gone. */
async function costOf(
  { space, share }: { readonly space: Space; readonly share: number },
  {
    states,
    maps,
    prepared,
    differs,
  }: {
    states: States;
    maps: Parameters<typeof writtenLayers>[1]['maps'];
    prepared: Prepared;
    differs: (model: Model) => Promise<number>;
  },
): Promise<number> {
  const own = new Map(
    [...states]
      .filter(([, state]) => space.groups.some(({ atom }) => state.atoms.has(atom)))
      .map(([name, state]) => [name, state.copy()]),
  );
  const { error } = removeOfSpace(own, space, share);
  const changed = writtenLayers(prepared.model, { states: own, maps });
  return (await differs(changed)) / Math.max(error, Number.MIN_VALUE);
}

/** Which share of each space costs are measured with: a quarter at first, then what went of it. */
function sharesOf(spaces: readonly Space[], gone: readonly Atom[], isFirst: boolean): number[] {
  if (isFirst) return spaces.map(() => COST_SHARE);
  const set = new Set(gone);
  return spaces.map(({ groups }) =>
    Math.max(LEAST_SHARE, groups.filter(({ atom }) => set.has(atom)).length / groups.length),
  );
}

/** Costs that could not be measured are the median of the others. */
function withoutZeros(costs: readonly number[]): number[] {
  const known = costs.filter((cost) => cost > 0 && Number.isFinite(cost)).sort((a, b) => a - b);
  const median = known[known.length >> 1] ?? 1;
  return costs.map((cost) => (cost > 0 && Number.isFinite(cost) ? cost : median));
}

function refuseUnmet(budget: ShapeBudget, { before, after }: { before: Counts; after: Counts }): void {
  for (const kind of ['macs', 'params'] as const) {
    const wanted = budget[kind];
    const reached = after[kind] / before[kind];
    if (wanted !== undefined && reached > wanted)
      throw new OptionError(
        `Cannot take enough channels out: wanted ${wanted} of the ${kind === 'macs' ? 'multiply-adds' : 'weights'}, at least ${reached.toFixed(3)} stay`,
        { fields: { kind, wanted, reached } },
      );
  }
}

/** The smaller model against the same with zeros, on real samples. @throws EngineError if they differ */
async function proofOf(
  { engine, source }: ShrinkRequest,
  { model, small, found, gone }: { model: Model; small: Model; found: Spaces; gone: ReadonlySet<Atom> },
): Promise<number> {
  const tested = await testedFeeds(engine, model, source);
  const { inputs } = await tested.feeds(
    Array.from({ length: tested.fixedBatch ?? 4 }, (_, i) => Math.min(i, tested.count - 1)),
  );
  const outputs = await Promise.all(
    [masked(model, found, gone), small].map(async (of) => {
      const session = await engine.createSession(of, {});
      try {
        return await session.run(inputs);
      } finally {
        await session.release();
      }
    }),
  );
  const [wide, narrow] = outputs as [Awaited<(typeof outputs)[number]>, Awaited<(typeof outputs)[number]>];
  let worst = 0;
  for (const [name, { data, type }] of wide) {
    if (type !== 'float32') continue;
    const other = narrow.get(name)?.data as Float32Array;
    const largest = (data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    for (const [k, x] of (data as Float32Array).entries())
      worst = Math.max(worst, Math.abs(x - (other[k] as number)) / (largest || 1));
  }
  if (!(worst <= PROOF))
    throw new EngineError(
      `Cannot use the smaller model: its outputs differ from those with zeros in the place of what went by ${worst.toExponential(1)} of the largest`,
    );
  return worst;
}
