import { inOrder } from '../data/batches.ts';
import { elementsOf, type FeedSource, wholeBatches } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import type { Model } from '../ir/model.ts';
import { floatHeadsOf } from '../outputs/decide.ts';
import type { Head } from '../outputs/heads.ts';
import { atRawEnds } from '../outputs/raw.ts';
import { widenTensor } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What {@link distanceMeter} is asked for. */
export interface DistanceRequest {
  readonly engine: Engine;
  readonly dense: Model;
  /** All of its samples are looked at, as far as the dense model's outputs can be kept. */
  readonly source: FeedSource;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * How far a model is from the dense one: means over outputs of |y - y_dense|^2 / |y_dense - mean|^2; where no output is of
 * floats, shares of their elements that differ.
 */
export interface Distance {
  /** Over the outputs, and the logits of those that are probabilities. */
  readonly error: number;
  /** Over the outputs alone. */
  readonly outputs: number;
  /** Both of the samples one by one, or of few of them together: parts that add up to the whole. */
  readonly each: readonly Part[];
}

/** What some of the samples have of a {@link Distance}. */
export type Part = Pick<Distance, 'error' | 'outputs'>;

/** What {@link distanceMeter} gives back. */
export interface DistanceMeter {
  /** Samples that are looked at. */
  readonly samples: number;
  /** The numbers of the samples of each part. */
  readonly parts: readonly Int32Array[];
  /** What a distance is a part of, in words. */
  readonly unit: string;
  readonly measure: (model: Model) => Promise<Distance>;
}

/** Numbers of the dense outputs that are kept; samples beyond are left out. */
const MOST_NUMBERS = 2 ** 25;
/** Samples of one run, bounded by the numbers in their inputs, and by the parts that a distance comes in. */
const NUMBERS_A_RUN = 2_000_000;
const PARTS = 64;
/** Parts of samples that fill no more fixed batches than that: each is repeated in a batch of its own. */
const LEAST_PARTS = 8;

/**
 * Measures how far models are from the dense one: the error of all their float outputs, each in units of its own variance
 * (of its mean square where it does not vary). Positions where the dense outputs are not finite do not count; where the
 * other model's alone are not, it is infinitely far. Of a model without float outputs, whole numbers, strings and truth values are compared.
 *
 * @throws EngineError if a model does not run
 * Cost: a forward pass a sample of the dense model now, and one of the other at each call.
 */
export async function distanceMeter(asked: DistanceRequest): Promise<DistanceMeter> {
  const heads = await floatHeadsOf(asked.dense, asked);
  const request = { ...asked, heads };
  const [unit, error] = heads.length > 0 ? ([unitOf, squaredError] as const) : ([countOf, differing] as const);
  const batches = await batchesOf(request.source);
  const own = new Set(request.dense.graph.outputs.map(({ name }) => name));
  const dense: Outputs[] = [];
  let numbers = 0;
  await run(request, request.dense, batches, (outputs) => {
    dense.push(outputs);
    for (const values of outputs.values()) numbers += values.length;
    return numbers < MOST_NUMBERS;
  });
  const seen = batches.slice(0, dense.length);
  const units = new Map([...(dense[0]?.keys() ?? [])].map((name) => [name, unit(dense, name)]));
  return {
    samples: seen.reduce((sum, { samples }) => sum + samples.length, 0),
    parts: seen.map(({ samples }) => samples),
    unit: heads.length > 0 ? "of the outputs' variance" : 'of the outputs different',
    measure: async (model) => {
      const each: Part[] = [];
      await run(request, model, seen, (outputs, b) => {
        const ratios = [...units].map(([name, whole]) => {
          return { name, ratio: error(outputs.get(name), dense[b]?.get(name) as Values) / whole };
        });
        each.push({ error: meanOf(ratios), outputs: meanOf(ratios.filter(({ name }) => own.has(name))) });
        return true;
      });
      return distanceOf(each);
    },
  };
}

/** The whole of some parts. */
export function distanceOf(each: readonly Part[]): Distance {
  const sum = (of: (part: Part) => number): number => each.reduce((total, part) => total + of(part), 0);
  return { error: sum(({ error }) => error), outputs: sum(({ outputs }) => outputs), each };
}

/** Elements of an output: floats, or what is equal or not. */
type Values = ArrayLike<unknown>;
/** Outputs of one batch that are compared. */
type Outputs = ReadonlyMap<string, Values>;

/** Samples of one run, and the same as the model takes them. */
interface Batch {
  readonly samples: Int32Array;
  readonly run: Int32Array;
}

/** The samples, a part at a time; a rest that fills no fixed batch is left out, unless the batches are few. */
async function batchesOf(source: FeedSource): Promise<Batch[]> {
  const { count, fixedBatch } = source;
  let size = Math.max(1, Math.ceil(count / PARTS));
  if (fixedBatch === null) {
    const numbers = elementsOf(await source.feeds(inOrder(count).subarray(0, 1)));
    size = Math.min(size, Math.max(1, Math.floor(NUMBERS_A_RUN / Math.max(1, numbers))));
  } else size = count >= LEAST_PARTS * fixedBatch ? fixedBatch : Math.min(fixedBatch, Math.ceil(count / LEAST_PARTS));
  const all = size === fixedBatch ? wholeBatches(inOrder(count), size) : inOrder(count);
  const batches: Batch[] = [];
  for (let at = 0; at < all.length; at += size) {
    const samples = all.subarray(at, at + size);
    const run = Int32Array.from(
      { length: fixedBatch ?? samples.length },
      (_, i) => samples[i % samples.length] as number,
    );
    batches.push({ samples, run });
  }
  return batches;
}

/** Runs a model on batches until `visit` has seen enough. */
async function run(
  { engine, source, heads, threads, signal }: DistanceRequest & { readonly heads: readonly Head[] },
  model: Model,
  batches: readonly Batch[],
  visit: (outputs: Outputs, b: number) => boolean,
): Promise<void> {
  const session = await engine.createSession(withAllLogits(model, heads), threads === undefined ? {} : { threads });
  try {
    for (const [b, batch] of batches.entries()) {
      signal?.throwIfAborted();
      const results = await session.run((await source.feeds(batch.run)).inputs);
      const values = [...results].flatMap(([name, tensor]) => valuesOf(name, tensor, heads.length > 0));
      if (!visit(new Map(values), b)) return;
    }
  } finally {
    await session.release();
  }
}

/** The model with the logits of each of its outputs beside those that are probabilities. */
function withAllLogits(model: Model, heads: readonly Head[]): Model {
  const raw = atRawEnds(
    model,
    heads.filter(({ kind }) => kind !== 'values'),
  ).model;
  const outputs = [...model.graph.outputs, ...raw.graph.outputs];
  return { ...raw, graph: { ...raw.graph, outputs: [...new Map(outputs.map((one) => [one.name, one])).values()] } };
}

function valuesOf(name: string, tensor: Tensor, floats: boolean): [string, Values][] {
  const { type, data } = widenTensor(tensor);
  return !floats || type === 'float32' || type === 'float64' ? [[name, (data as Float32Array).slice()]] : [];
}

function countOf(dense: readonly Outputs[], name: string): number {
  return Math.max(
    1,
    dense.reduce((sum, outputs) => sum + (outputs.get(name) as Values).length, 0),
  );
}

/** Infinite where the shapes differ. */
function differing(y: Values | undefined, dense: Values): number {
  if (y?.length !== dense.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < dense.length; i++) sum += y[i] === dense[i] ? 0 : 1;
  return sum;
}

/** |y - mean|^2 over all batches; |y|^2 where that is nothing, 1 where that is nothing too. */
function unitOf(dense: readonly Outputs[], name: string): number {
  let [sum, square, count] = [0, 0, 0];
  for (const outputs of dense)
    for (const y of outputs.get(name) as Float32Array) {
      if (!Number.isFinite(y)) continue;
      sum += y;
      square += y * y;
      count++;
    }
  const variance = square - (sum * sum) / Math.max(1, count);
  return variance > ROUNDING * square ? variance : square > 0 ? square : 1;
}

/** Share of the mean square that a variance is rounding below of. */
const ROUNDING = 1e-10;

/** Infinite where the shapes differ. */
function squaredError(y: Values | undefined, dense: Values): number {
  if (y?.length !== dense.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < dense.length; i++) {
    const wanted = dense[i] as number;
    if (Number.isFinite(wanted)) sum += ((y[i] as number) - wanted) ** 2;
  }
  return Number.isNaN(sum) ? Number.POSITIVE_INFINITY : sum;
}

function meanOf(ratios: readonly { readonly ratio: number }[]): number {
  return ratios.reduce((sum, { ratio }) => sum + ratio, 0) / Math.max(1, ratios.length);
}
