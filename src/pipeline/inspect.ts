import { plainWeights } from '../apply/plain-weights.ts';
import { numbersOf } from '../apply/stored-numbers.ts';
import type { Budget } from '../budget/budget.ts';
import type { Captured } from '../graph/captured.ts';
import { constantsOf } from '../graph/constants.ts';
import type { Quantisation } from '../graph/quantised.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import { feedsOf, operatorKey } from '../ir/access.ts';
import type { Constant, Dimension, Model } from '../ir/model.ts';
import { fileFeatures } from '../onnx/features.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type PatternFacts, patternFacts } from './pattern-facts.ts';

/** A value that a model takes or gives. */
export interface Port {
  readonly name: string;
  readonly type: string | null;
  readonly shape: readonly Dimension[] | null;
}

/** What is wrong or remarkable in a weight's elements. */
export interface WeightHealth {
  readonly zeros: number;
  /** NaN and infinite elements. */
  readonly notFinite: number;
}

/** A weight that can be pruned. */
export interface PrunableFacts extends WeightHealth {
  readonly name: string;
  readonly node: string;
  readonly op: string;
  readonly shape: readonly number[];
  readonly weights: number;
  /** Operators that share the weight. */
  readonly uses: number;
  /** Shape of what the operator gives for one batch; null where the model did not run. */
  readonly output: readonly number[] | null;
  /** Multiply-accumulates of one sample. */
  readonly macs: number | null;
  /** Why methods other than magnitude leave it as it is; null = none does. */
  readonly magnitudeOnly: string | null;
  /** The pattern that was asked for; null where none was, or it is not known what goes along it. */
  readonly pattern: PatternFacts | null;
}

/** A weight that cannot be pruned. */
export interface UnprunableFacts {
  readonly name: string;
  readonly node: string;
  readonly op: string;
  readonly shape: readonly number[];
  readonly weights: number;
  readonly reason: string;
}

/** What {@link inspect} finds. */
export interface Inspection {
  readonly producer: string;
  readonly irVersion: number;
  /** Versions by domain; the standard one is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: number;
  /** How often each operator occurs, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
  /** Elements of all float constants. */
  readonly parameters: number;
  readonly prunable: readonly PrunableFacts[];
  readonly unprunable: readonly UnprunableFacts[];
  readonly totals: {
    readonly prunable: number;
    readonly nonzeros: number;
    readonly notFinite: number;
    readonly macs: number | null;
    /** Of all layers; null where none was asked for. */
    readonly pattern: PatternFacts | null;
  };
  /** Functions of the file, whose calls are written out here. */
  readonly localFunctions: readonly string[];
  /** Initializers that the file has in sparse form. */
  readonly sparseInitializers: readonly string[];
}

/** Why the magnitudes of weights alone can be used, by name: where plain numbers can take the place of stored ones, all can be. */
function magnitudesOnly(model: Model, stored: readonly WeightLayer[]): Map<string, string | null> {
  const plain = stored.every(({ magnitudeOnly }) => magnitudeOnly === null) ? null : plainWeights(model);
  const layers = plain === null ? stored : findWeights(plain.model).prunable;
  return new Map(layers.map(({ name, magnitudeOnly }) => [name, magnitudeOnly]));
}

/**
 * Lists what a model is made of, and what of it can be pruned.
 *
 * @param asked   a pattern whose groups are counted
 * @param shapes  of one run with `batch` samples, for outputs and multiply-accumulates; absent = these are null
 * Cost: every weight is read once.
 */
export function inspect(
  model: Model,
  shapes?: { readonly captured: Captured; readonly batch: number },
  asked: Pick<Budget, 'pattern' | 'kernels'> = {},
): Inspection {
  const { pattern, ...kernels } = asked;
  const { graph } = model;
  const constants = constantsOf(graph);
  const { prunable, unprunable } = findWeights(model, shapes?.captured, shapes?.batch);
  const limits = magnitudesOnly(model, prunable);
  const layers = prunable.map((layer): PrunableFacts => {
    const { name, node, op, dims, size, uses, macsPerWeight, quantisation } = layer;
    return {
      name,
      node,
      op,
      shape: dims,
      weights: size,
      uses: uses.length,
      output: shapes?.captured.get(uses[0]?.node.outputs[0] ?? '')?.dims ?? null,
      macs: macsPerWeight === null ? null : Math.round(macsPerWeight * size),
      magnitudeOnly: limits.get(name) ?? null,
      pattern: pattern === undefined ? null : patternFacts(model, layer, { pattern, ...kernels }),
      ...healthOf(constants.get(name), quantisation),
    };
  });
  const sum = (pick: (layer: PrunableFacts) => number): number =>
    layers.reduce((total, layer) => total + pick(layer), 0);
  const { localFunctions, sparseInitializers } = fileFeatures(model);
  return {
    producer: model.producer,
    irVersion: model.irVersion,
    opsets: Object.fromEntries(
      [...model.opsets].map(([domain, version]) => [domain === '' ? 'ai.onnx' : domain, version]),
    ),
    inputs: feedsOf(graph).map(portOf),
    outputs: graph.outputs.map(portOf),
    nodes: graph.nodes.length,
    operators: operatorsOf(model),
    parameters: [...constants.values()].reduce((total, { type, dims }) => total + (isReal(type) ? sizeOf(dims) : 0), 0),
    prunable: layers,
    unprunable: unprunable.map(({ name, node, op, dims, reason }) => ({
      name,
      node,
      op,
      shape: dims,
      weights: sizeOf(dims),
      reason,
    })),
    totals: {
      prunable: sum((layer) => layer.weights),
      nonzeros: sum((layer) => layer.weights - layer.zeros),
      notFinite: sum((layer) => layer.notFinite),
      macs: shapes === undefined ? null : sum((layer) => layer.macs ?? 0),
      pattern:
        pattern === undefined
          ? null
          : {
              groups: sum((layer) => layer.pattern?.groups ?? 0),
              uneven: sum((layer) => layer.pattern?.uneven ?? 0),
              violations: sum((layer) => layer.pattern?.violations ?? 0),
            },
    },
    localFunctions,
    sparseInitializers,
  };
}

function isReal(type: string): boolean {
  return /float/.test(type);
}

function portOf({ name, type, shape }: Port): Port {
  return { name, type, shape };
}

function healthOf(constant: Constant | undefined, quantisation: Quantisation | undefined): WeightHealth {
  if (constant === undefined) return { zeros: 0, notFinite: 0 };
  let [zeros, notFinite] = [0, 0];
  const elements = numbersOf(constant, quantisation);
  for (let i = 0; i < elements.length; i++) {
    if (elements[i] === 0) zeros++;
    else if (!Number.isFinite(elements[i])) notFinite++;
  }
  return { zeros, notFinite };
}

function operatorsOf({ graph }: Model): Record<string, number> {
  const counts = new Map<string, number>();
  for (const node of graph.nodes) {
    const name = operatorKey(node);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
