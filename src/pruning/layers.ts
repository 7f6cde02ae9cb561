import type { Budget, LayerBound } from '../budget/budget.ts';
import { OptionError, UnsupportedOpError } from '../errors/errors.ts';
import type { Captured } from '../graph/captured.ts';
import { readsAsMatrix } from '../graph/weight-matrix.ts';
import { findWeights, type UnprunableWeight, type WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { BlockedLayer } from '../reconstruction/reconstruct.ts';

/** Which layers to prune. */
export interface LayerChoice {
  /** Globs over names of weights and nodes; absent = all. */
  readonly layers?: readonly string[];
  /** Globs of layers to leave alone; wins over `layers`. */
  readonly exclude?: readonly string[];
}

/** The layers that a choice means, and those left alone. */
export interface ChosenLayers {
  readonly layers: readonly WeightLayer[];
  readonly untouched: readonly UnprunableWeight[];
  /** Of those, the ones that were meant to be pruned and could not; absent = none. */
  readonly blocked?: readonly UnprunableWeight[];
}

/** The same choice with some of its layers left alone. */
export function withoutBlocked(chosen: ChosenLayers, blocked: readonly BlockedLayer[]): ChosenLayers {
  if (blocked.length === 0) return chosen;
  const left = blocked.map(({ layer: { name, node, op, dims }, reason }) => ({ name, node, op, dims, reason }));
  return {
    layers: chosen.layers.filter(({ name }) => !left.some((layer) => layer.name === name)),
    untouched: [...left, ...chosen.untouched],
    blocked: [...left, ...(chosen.blocked ?? [])],
  };
}

/**
 * Picks the layers to prune; `*` matches any run of characters (slashes and dots too), `?` one.
 *
 * @throws OptionError         if a glob matches nothing, or nothing is left to prune
 * @throws UnsupportedOpError  if the model has no prunable weight
 */
export function chooseLayers(model: Model, choice: LayerChoice, captured?: Captured, batch = 1): ChosenLayers {
  const { prunable, unprunable } = findWeights(model, captured, batch);
  const wanted = matcher('layers', choice.layers, prunable);
  const unwanted = matcher('exclude', choice.exclude, prunable);
  const isChosen = (layer: WeightLayer): boolean => (wanted?.(layer) ?? true) && !(unwanted?.(layer) ?? false);
  const layers = prunable.filter(isChosen);
  if (layers.length === 0) {
    if (prunable.length === 0)
      throw new UnsupportedOpError('Cannot prune the model: the model has no prunable weight; inspect it to see why');
    throw new OptionError(
      'Cannot prune the model: every prunable layer is left out; inspect it to see which there are',
    );
  }
  const left = prunable
    .filter((layer) => !isChosen(layer))
    .map(({ name, node, op, dims }) => ({ name, node, op, dims, reason: 'left out by the choice of layers' }));
  return { layers, untouched: [...left, ...unprunable] };
}

/** What a method uses of its layers. */
export interface LayerUse {
  readonly name: string;
  readonly needs: { readonly data: boolean };
}

/**
 * {@link chooseLayers} for a method and a budget: layers of which nothing but the magnitudes can be used are left to methods that use
 * nothing else; where there are no others, all of them are chosen. A pattern leaves alone the layers of
 * which it is not known what their rows are.
 *
 * @throws UnsupportedOpError  if the pattern goes along none of them
 */
export function layersFor(
  model: Model,
  choice: LayerChoice & { readonly budget?: Partial<Budget> },
  use: LayerUse,
): ChosenLayers {
  return inPattern(forMethod(chooseLayers(model, choice), use), choice.budget?.pattern);
}

function inPattern(chosen: ChosenLayers, pattern: string | undefined): ChosenLayers {
  if (pattern === undefined) return chosen;
  const blocked = chosen.layers
    .filter((layer) => !readsAsMatrix(layer))
    .map((layer) => ({
      layer,
      reason: `what ${layer.op} adds up of it is not known, so that no pattern goes along it`,
    }));
  if (blocked.length < chosen.layers.length) return withoutBlocked(chosen, blocked);
  throw new UnsupportedOpError(
    `Cannot prune in the pattern ${pattern}: of none of the layers it is known what their outputs add up; prune without a pattern`,
    { fields: { weights: blocked.map(({ layer }) => layer.name) } },
  );
}

function forMethod(chosen: ChosenLayers, { needs }: LayerUse): ChosenLayers {
  if (!needs.data) return chosen;
  const blocked = chosen.layers.flatMap((layer) =>
    layer.magnitudeOnly === null ? [] : [{ layer, reason: layer.magnitudeOnly }],
  );
  return blocked.length < chosen.layers.length ? withoutBlocked(chosen, blocked) : chosen;
}

/**
 * The bound of each layer; the last one that names it counts.
 *
 * @throws OptionError if a glob matches no layer
 */
export function boundsOf(
  layers: readonly WeightLayer[],
  bounds: readonly LayerBound[],
): (Pick<LayerBound, 'least' | 'most'> | undefined)[] {
  const matchers = bounds.map((bound) => ({ bound, matches: matcher('bounds', [bound.layer], layers) }));
  return layers.map((layer) => {
    const found = matchers.findLast(({ matches }) => matches?.(layer));
    return found && { least: found.bound.least, most: found.bound.most };
  });
}

function matcher(
  option: 'layers' | 'exclude' | 'bounds',
  globs: readonly string[] | undefined,
  layers: readonly WeightLayer[],
): ((layer: WeightLayer) => boolean) | undefined {
  if (globs === undefined || globs.length === 0) return undefined;
  const patterns = globs.map((glob) => ({
    glob,
    pattern: new RegExp(
      `^${glob
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*/g, '.*')
        .replace(/\?/g, '.')}$`,
      's',
    ),
  }));
  const matches = (pattern: RegExp, layer: WeightLayer): boolean =>
    pattern.test(layer.name) || pattern.test(layer.node);
  const idle = patterns.find(({ pattern }) => !layers.some((layer) => matches(pattern, layer)));
  if (idle !== undefined) {
    throw new OptionError(
      `Cannot choose layers by "${idle.glob}": it matches no prunable layer; there are ${layers
        .map((l) => l.node || l.name)
        .slice(0, 12)
        .join(', ')}${layers.length > 12 ? ', ...' : ''}`,
      { remedies: [{ option }] },
    );
  }
  return (layer) => patterns.some(({ pattern }) => matches(pattern, layer));
}
