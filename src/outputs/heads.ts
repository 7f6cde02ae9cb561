import { sampleDims } from '../autodiff/loss.ts';
import { inOrder } from '../data/batches.ts';
import { elementsOf, type FedBatch, type FeedSource } from '../data/feeds.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { EngineError, UnsupportedOpError } from '../errors/errors.ts';
import type { Graph, Model } from '../ir/model.ts';
import type { DataType } from '../tensor/tensor.ts';
import { type Behind, findBehind, tailOf, withoutShift } from './behind.ts';
import { featureAxis } from './features.ts';
import { isNormalised } from './normalised.ts';
import {
  areDistributions,
  CLOSE,
  type Closeness,
  type Numbers,
  numbersOf,
  sameProbabilities,
  sigmoidOf,
  softmaxOf,
} from './numbers.ts';

/**
 * What the numbers of an output are. `probabilities`: they sum to 1 along some axes; `log-probabilities`: their exponentials
 * do; `sigmoids`: each is 1 / (1 + exp(-z)) of a value z behind it; `values`: anything else, logits among them.
 */
export type HeadKind = 'probabilities' | 'log-probabilities' | 'sigmoids' | 'values';

/** An output of floats. */
export interface Head {
  readonly name: string;
  readonly type: DataType;
  /** Shape of one sample's part. */
  readonly dims: readonly number[];
  readonly kind: HeadKind;
  /** Axes of `dims` over which probabilities sum to 1; empty for other kinds. */
  readonly axes: readonly number[];
  /** The axis of `dims` along which the outputs of the last weights lie, where that can be followed; else null. */
  readonly features: number | null;
  /** Whether plain values are an embedding rather than logits: they were normalised at last. */
  readonly normalised: boolean;
  /** The logits, where they were found; null = only the output itself is there. */
  readonly behind: Behind | null;
  /** Type of the value behind, or of the output. */
  readonly rawType: DataType;
}

/** Samples of the run by which outputs are recognised, and numbers that they may hold. */
const SAMPLES = 7;
const MOST_NUMBERS = 2_000_000;

/** A few samples as a model takes them. */
export async function someSamples(source: FeedSource): Promise<{ fed: FedBatch; samples: number }> {
  const first = await source.feeds(inOrder(Math.min(source.fixedBatch ?? 1, source.count)));
  if (source.fixedBatch !== null) {
    if (source.count >= source.fixedBatch) return { fed: first, samples: source.fixedBatch };
    const filled = Int32Array.from({ length: source.fixedBatch }, (_, i) => i % source.count);
    return { fed: await source.feeds(filled), samples: source.fixedBatch };
  }
  const samples = Math.max(1, Math.min(SAMPLES, source.count, Math.floor(MOST_NUMBERS / elementsOf(first))));
  return { fed: await source.feeds(inOrder(samples)), samples };
}

/** The run by which outputs are recognised. */
export interface HeadsRequest {
  readonly engine: Engine;
  readonly inputs: Tensors;
  readonly samples: number;
}

/**
 * The float outputs of a model and what they are, by the numbers of one run: so a softmax is seen however it is written, and
 * the logits are the nearest value whose softmax the output is. Outputs that do not divide by samples are left out.
 *
 * @throws UnsupportedOpError  if no output is of floats
 * @throws EngineError         if the model does not run
 * Cost: a session, and a forward pass with the values of the last few nodes kept.
 */
export async function readHeads(model: Model, { engine, inputs, samples }: HeadsRequest): Promise<Head[]> {
  const { graph } = model;
  const values = await tailNumbers(model, { engine, inputs });
  const heads = graph.outputs.flatMap(({ name }): Head[] => {
    const found = values.get(name);
    const dims = found && sampleDims(found.numbers.dims, samples);
    if (found === undefined || dims === null || dims === undefined) return [];
    const head = recognised(graph, { name, dims, samples, values });
    const { type } = found;
    return [{ name, type, rawType: values.get(head.behind?.value ?? name)?.type ?? type, ...head }];
  });
  if (heads.length > 0) return heads;
  const all = graph.outputs.map(({ name, type }) => `"${name}" (${type ?? 'no declared type'})`).join(', ');
  throw new UnsupportedOpError(
    `Cannot tell what the model says: wanted an output of floats with a part for each sample, its outputs are ${all}; ` +
      'export it with its scores as an output, or use what needs no outputs',
    { remedies: [{ option: 'method', value: 'magnitude' }] },
  );
}

interface Found {
  readonly type: DataType;
  readonly numbers: Numbers;
}

/** Values of the last few nodes; where they cannot all be had, of the outputs that are declared as tensors. */
async function tailNumbers(
  model: Model,
  request: Pick<HeadsRequest, 'engine' | 'inputs'>,
): Promise<Map<string, Found>> {
  const { outputs } = model.graph;
  const names = outputs.map(({ name }) => name);
  try {
    return await floatsOf(model, tailOf(model.graph, names), request);
  } catch (thrown) {
    const tensors = outputs.filter(({ type }) => type !== null).map(({ name }) => name);
    if (!(thrown instanceof EngineError) || tensors.length === 0) throw thrown;
    return floatsOf(model, tensors, request);
  }
}

async function floatsOf(
  { graph, ...model }: Model,
  names: readonly string[],
  { engine, inputs }: Pick<HeadsRequest, 'engine' | 'inputs'>,
): Promise<Map<string, Found>> {
  const own = new Map(graph.outputs.map((output) => [output.name, output]));
  const outputs = names.map((name) => own.get(name) ?? { name, type: null, shape: null });
  const session = await (engine.host ?? engine).createSession(
    { ...model, graph: { ...graph, outputs } },
    { optimization: 'basic' },
  );
  try {
    const found = new Map<string, Found>();
    for (const [name, tensor] of await session.run(inputs, names)) {
      const numbers = numbersOf(tensor);
      if (numbers !== undefined) found.set(name, { type: tensor.type, numbers });
    }
    return found;
  } finally {
    await session.release();
  }
}

interface Output {
  readonly name: string;
  readonly dims: readonly number[];
  readonly samples: number;
  readonly values: ReadonlyMap<string, Found>;
}

function recognised(graph: Graph, { name, dims, samples, values }: Output): Omit<Head, 'name' | 'type' | 'rawType'> {
  const numbers = new Map([...values].map(([value, found]) => [value, found.numbers]));
  const whole = [samples, ...dims];
  const p: Numbers = { dims: whole, data: (numbers.get(name) as Numbers).data };
  const features = featureAxis(graph, { output: name, dims, values: numbers });
  /** By all digits first: from few samples another value may come near. */
  const search = (passes: (close: Closeness) => (moved: Numbers, op: string) => boolean): Search | null => {
    for (const close of CLOSE) {
      const behind = findBehind(graph, numbers, { value: name, moves: [] }, (moved, reader) =>
        passes(close)({ dims: whole, data: moved.data }, reader.op),
      );
      if (behind !== null) return { behind, close };
    }
    return null;
  };
  const isSoftmaxOf =
    (axes: readonly number[], of: ArrayLike<number>, close: Closeness) => (moved: Numbers, op?: string) => {
      const same = sameProbabilities(of, softmaxOf(moved, axes).data, close);
      return same === 'same' || (same === 'unclear' && (op === 'Softmax' || op === 'LogSoftmax'));
    };
  for (const kind of ['probabilities', 'log-probabilities'] as const) {
    const of = kind === 'probabilities' ? undefined : Math.exp;
    const axes = classAxes(whole, features).find((some) => areDistributions(p, some, of));
    if (axes === undefined) continue;
    const found = of === undefined ? p.data : new Float64Array(p.data).map((x) => of(x));
    const nearest = search((close) => isSoftmaxOf(axes, found, close));
    const behind =
      nearest &&
      withoutShift(graph, numbers, nearest.behind, (moved) =>
        isSoftmaxOf(axes, found, nearest.close)({ dims: whole, data: moved.data }),
      );
    return { dims, kind, axes: axes.map((axis) => axis - 1), features, normalised: false, behind };
  }
  const sigmoid = (close: Closeness) => (moved: Numbers, op: string) => isSigmoidOf(p, sigmoidOf(moved), { op, close });
  const behind = isWithin01(p) ? (search(sigmoid)?.behind ?? null) : null;
  const normalised = behind === null && isNormalised(graph, { output: name, numbers: p });
  return { dims, kind: behind === null ? 'values' : 'sigmoids', axes: [], features, normalised, behind };
}

interface Search {
  readonly behind: Behind;
  readonly close: Closeness;
}

function isSigmoidOf(p: Numbers, sigmoid: Numbers, { op, close }: { op: string; close: Closeness }): boolean {
  const same = sameProbabilities(p.data, sigmoid.data, close);
  return same === 'same' || (same === 'unclear' && op === 'Sigmoid');
}

function isWithin01({ data }: Numbers): boolean {
  for (let i = 0; i < data.length; i++)
    if (!((data[i] as number) >= -1e-6 && (data[i] as number) <= 1 + 1e-6)) return false;
  return true;
}

/** Axes over which probabilities may sum to 1: that of the last weights, each other one, all from one on. */
function classAxes(whole: readonly number[], features: number | null): number[][] {
  const single = [...whole.keys()].slice(1).filter((axis) => (whole[axis] as number) > 1);
  const first = features === null ? [] : single.filter((axis) => axis === features + 1);
  const groups = single
    .map((axis) => [...whole.keys()].slice(axis))
    .filter((group) => group.filter((axis) => (whole[axis] as number) > 1).length > 1);
  return [...[...first, ...single].map((axis) => [axis]), ...groups];
}
