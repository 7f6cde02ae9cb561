import type { FeedSource } from '../data/feeds.ts';
import { hasRows } from '../data/model-sides.ts';
import type { SampleFacts } from '../data/sample-facts.ts';
import type { Engine, Session } from '../engine/engine.ts';
import { EngineError } from '../errors/errors.ts';
import { constantsOf } from '../graph/constants.ts';
import { feedsOf, tensorOf } from '../ir/access.ts';
import type { Graph, Model } from '../ir/model.ts';
import { widenTensor } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { blockAlong, isSame, KERNEL_NOISE, takeRows } from './blocks.ts';

/** Samples that are run alone, and the one that is only ever a neighbour. */
const ALONE = [0, 1, 2];
const NEIGHBOUR = 3;
/** Steps of quantised values, which small differences of kernels may tip over. */
const QUANTISED_NOISE = 2e-2;
/** A batch size above this is not tried where the model does not say one. */
const MOST_BAKED = 1024;

type Outputs = ReadonlyMap<string, Tensor>;

/** Runs of rows by their numbers among those that were read. */
type RunRows = (rows: readonly number[]) => Promise<Outputs>;

/**
 * Tests by a few runs how the samples of a batch lie in a model: some alone, the same together, in another order and beside
 * other neighbours. What a sample gives must not depend on them, and lie in the rows of axis 0 that belong to it.
 *
 * Where it does depend on them, or the samples of an output lie elsewhere, samples are to be run alone; where the batch is
 * fixed, a whole batch is one sample. A batch size that is baked into the graph, though its inputs leave it open, is found.
 *
 * @returns null where the model does not run on these samples at all
 * Cost: a session, and about nine samples, or three batches of a fixed size.
 */
export async function testSamples(engine: Engine, model: Model, source: FeedSource): Promise<SampleFacts | null> {
  if (source.fixedBatch === 1) {
    const remark =
      source.whole === true ? "the model's input has no batch axis; each sample is a run of its own" : null;
    return { run: 1, rows: 1, outputs: new Map(), remark };
  }
  const session = await opened(engine, model);
  if (session === null) return null;
  try {
    const probe = { session, model, source };
    return source.fixedBatch === null ? await openFacts(probe) : await fixedFacts(probe, source.fixedBatch);
  } finally {
    await session.release();
  }
}

async function opened(engine: Engine, model: Model): Promise<Session | null> {
  try {
    return await engine.createSession(model);
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}

interface Probe {
  readonly session: Session;
  readonly model: Model;
  readonly source: FeedSource;
}

async function openFacts(probe: Probe): Promise<SampleFacts | null> {
  const run = await runnerOf(probe, NEIGHBOUR + 1);
  const single = await attempt(() => run([0]));
  if (single === null) return bakedFacts(probe);
  const alone = [single];
  for (const row of ALONE.slice(1)) alone.push(await run([row]));
  const together = await attempt(() => run(ALONE));
  if (together === null)
    return {
      run: 1,
      rows: 1,
      outputs: new Map(),
      remark: 'the model takes one sample at a time: a batch of them does not run',
    };
  const among = await attempt(() => run([2, NEIGHBOUR, 0]));
  const tolerance = toleranceOf(probe.model.graph);
  const sameAt = (axis: number, name: string): boolean => {
    const of = ALONE.length;
    const part = (outputs: Outputs | null | undefined, at: number, of: number): Float64Array =>
      blockAlong(outputs?.get(name) as Tensor, axis, { at, of });
    return (
      ALONE.every((i) => isSame(part(alone[i], 0, 1), part(together, i, of), tolerance)) &&
      (among === null ||
        (isSame(part(alone[2], 0, 1), part(among, 0, of), tolerance) &&
          isSame(part(alone[0], 0, 1), part(among, 2, of), tolerance)))
    );
  };
  const grows = (name: string, axis: number): boolean => {
    const [one, many] = [single, together].map((outputs) => outputs.get(name)?.dims ?? []) as [number[], number[]];
    const fits =
      one.length === many.length && many.every((d, i) => d === (one[i] as number) * (i === axis ? ALONE.length : 1));
    return fits && (among === null || among.get(name)?.dims.every((d, i) => d === many[i]) === true);
  };
  const runs = [...alone, together, ...(among === null ? [] : [among])];
  return judged(axesOf({ runs, sameAt, grows, tolerance }), { run: null, rows: 1 });
}

/** Facts of a batch of k, which the model insists on. */
async function fixedFacts(probe: Probe, k: number): Promise<SampleFacts | null> {
  const run = await runnerOf(probe, 2 * k);
  const order = Array.from({ length: k }, (_, i) => i);
  const plain = await attempt(() => run(order));
  if (plain === null) return null;
  const kept = Math.ceil(k / 2);
  const backwards = await run([...order].reverse());
  const beside = (await attempt(() => run(order.map((i) => (i < kept ? i : k + i))))) ?? plain;
  const tolerance = toleranceOf(probe.model.graph);
  const sameAt = (axis: number, name: string): boolean => {
    const part = (outputs: Outputs, at: number): Float64Array =>
      blockAlong(outputs.get(name) as Tensor, axis, { at, of: k });
    return order.every(
      (i) =>
        isSame(part(plain, i), part(backwards, k - 1 - i), tolerance) &&
        (i >= kept || isSame(part(plain, i), part(beside, i), tolerance)),
    );
  };
  const runs = [plain, backwards, beside];
  const grows = (name: string, axis: number): boolean => {
    const dims = plain.get(name)?.dims ?? [];
    return (dims[axis] as number) % k === 0 && runs.every((outputs) => outputs.get(name)?.dims.join() === dims.join());
  };
  return judged(axesOf({ runs, sameAt, grows, tolerance }), { run: k, rows: k });
}

/** The batch size in the constants of a graph that leaves it open but does not take one sample. */
async function bakedFacts(probe: Probe): Promise<SampleFacts | null> {
  for (const k of bakedSizes(probe.model.graph)) {
    const run = await runnerOf(probe, k);
    const order = Array.from({ length: k }, (_, i) => i);
    if ((await attempt(() => run(order))) === null) continue;
    const facts = await fixedFacts(probe, k);
    return (
      facts && {
        ...facts,
        remark: facts.remark ?? `the model takes batches of ${k} samples, though its inputs leave that open`,
      }
    );
  }
  return null;
}

/** Numbers in small whole-number constants and declared outputs that may be a batch size, from the smallest. */
function bakedSizes(graph: Graph): number[] {
  const sizes = new Set<number>();
  for (const constant of constantsOf(graph).values())
    if (constant.type === 'int64' && constant.dims.length <= 1 && (constant.dims[0] ?? 1) <= 8)
      for (const x of tensorOf(constant).data) sizes.add(Number(x));
  for (const { shape } of graph.outputs) if (typeof shape?.[0] === 'number') sizes.add(shape[0]);
  return [...sizes].filter((k) => k > 1 && k <= MOST_BAKED).sort((a, b) => a - b);
}

interface Evidence {
  readonly runs: readonly Outputs[];
  /** Whether the blocks of all samples along an axis are the same in every run. */
  readonly sameAt: (axis: number, name: string) => boolean;
  /** Whether an axis has a block for each sample. */
  readonly grows: (name: string, axis: number) => boolean;
  readonly tolerance: number;
}

/** The axis of each output along which its samples lie; null where there is none. Outputs that never change are left out. */
function axesOf({ runs, sameAt, grows, tolerance }: Evidence): Map<string, { axis: number | null; grows: boolean }> {
  const found = new Map<string, { axis: number | null; grows: boolean }>();
  for (const [name, first] of runs[0] as Outputs) {
    const all = runs.map((outputs) => outputs.get(name) as Tensor);
    const whole = (tensor: Tensor): Float64Array => blockAlong(tensor, 0, { at: 0, of: 1 });
    if (
      first.type === 'string' ||
      all.every((one) => one.dims.join() === first.dims.join() && isSame(whole(one), whole(first), tolerance))
    )
      continue;
    const axes = [...first.dims.keys()].filter((axis) => grows(name, axis));
    found.set(name, { axis: axes.find((axis) => sameAt(axis, name)) ?? null, grows: axes.includes(0) });
  }
  return found;
}

function judged(axes: ReturnType<typeof axesOf>, { run, rows }: Pick<SampleFacts, 'run' | 'rows'>): SampleFacts {
  const outputs = new Map([...axes].map(([name, { axis }]) => [name, axis]));
  const odd = [...axes].find(([, { axis }]) => axis !== 0);
  if (odd === undefined) return { run, rows: 1, outputs, remark: null };
  const [name, { axis, grows }] = odd;
  const what =
    axis !== null
      ? `the samples of output "${name}" lie along its axis ${axis}`
      : grows
        ? `samples are not independent: output "${name}" of a sample changes with the others in its batch`
        : `samples are not independent: output "${name}" has no row for each of them`;
  return run === null
    ? { run: 1, rows: 1, outputs, remark: `${what}; each sample is run alone` }
    : { run, rows, outputs, remark: `${what}; each batch of ${rows} rows is taken as one sample` };
}

function toleranceOf({ nodes }: Graph): number {
  return nodes.some(({ op }) => /Quantize|QLinear|Integer/.test(op)) ? QUANTISED_NOISE : KERNEL_NOISE;
}

/** Null where the runtime refuses. */
async function attempt(work: () => Promise<Outputs>): Promise<Outputs | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}

/** Reads so many rows, spread over the source; the last ones are unlike all others. Numbers too high start over. */
async function runnerOf({ session, model, source }: Probe, count: number): Promise<RunRows> {
  const there = Math.max(1, source.count);
  const numbers = Array.from({ length: count }, (_, i) => Math.floor((i * there) / count) % there);
  const names = new Set(
    feedsOf(model.graph)
      .filter((info) => hasRows(info, source.fixedBatch))
      .map(({ name }) => name),
  );
  const inputs = await readRows(source, numbers, names);
  const typed = model.graph.outputs.filter(({ type }) => type !== null).map(({ name }) => name);
  const repeated = numbers.map((n, i) => numbers.indexOf(n) !== i || i === count - 1);
  const varied = new Map(
    [...inputs].map(([name, tensor]) => [name, names.has(name) ? unlike(tensor, repeated) : tensor]),
  );
  return async (rows) => {
    const feeds = new Map(
      [...varied].map(([name, tensor]) => [name, names.has(name) ? takeRows(tensor, rows) : tensor]),
    );
    const outputs = await session.run(feeds, typed.length > 0 ? typed : undefined);
    return new Map([...outputs].map(([name, tensor]) => [name, widenTensor(tensor)]));
  };
}

/** All rows in one tensor an input, however many the model insists on. */
async function readRows(
  { feeds, fixedBatch }: FeedSource,
  numbers: readonly number[],
  rowed: ReadonlySet<string>,
): Promise<Map<string, Tensor>> {
  if (fixedBatch === null) return (await feeds(numbers)).inputs;
  const parts: Map<string, Tensor>[] = [];
  for (let i = 0; i < numbers.length; i += fixedBatch)
    parts.push((await feeds(numbers.slice(i, i + fixedBatch))).inputs);
  const first = parts[0] as Map<string, Tensor>;
  return new Map(
    [...first].map(([name, tensor]) => [
      name,
      parts.length === 1 || !rowed.has(name) ? tensor : joined(parts.map((p) => p.get(name) as Tensor)),
    ]),
  );
}

function joined(parts: readonly Tensor[]): Tensor {
  const [{ type, dims, data: first }] = parts as [Tensor];
  const data = new (first.constructor as Float32ArrayConstructor)(parts.length * first.length);
  parts.forEach((part, i) => {
    data.set(part.data as Float32Array, i * first.length);
  });
  return { type, dims: [parts.length * (dims[0] ?? 1), ...dims.slice(1)], data };
}

/** Rows of float inputs that are there already, or only neighbours, made unlike the others: backwards and of another sign and size. */
function unlike(tensor: Tensor, which: readonly boolean[]): Tensor {
  if (tensor.type !== 'float32' && tensor.type !== 'float64') return tensor;
  const data = (tensor.data as Float32Array).slice();
  const width = data.length / which.length;
  which.forEach((changed, r) => {
    if (!changed) return;
    const row = data.subarray(r * width, (r + 1) * width).reverse();
    for (let i = 0; i < width; i++) row[i] = (row[i] as number) * -(1 + r / which.length);
  });
  return { ...tensor, data };
}
