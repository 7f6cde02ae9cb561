import { backward } from '../src/autodiff/backward.ts';
import type { GradientRule } from '../src/autodiff/rule.ts';
import { capture, liftAndCapture } from '../src/engine/capture.ts';
import type { Session } from '../src/engine/engine.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { EngineError } from '../src/errors/errors.ts';
import { GraphBuilder } from '../src/graph/builder.ts';
import { type AttributeLike, attributes, operatorKey } from '../src/ir/access.ts';
import type { Model, Node } from '../src/ir/model.ts';
import { type Random, random } from '../src/tensor/random.ts';
import { sizeOf, type Tensor } from '../src/tensor/tensor.ts';
import { outputGap } from './shared-models.ts';

/** A float input of a case, sampled: standard normal unless `draw` says otherwise. */
export interface Sampled {
  readonly dims: readonly number[];
  readonly draw?: (rng: Random, index: number) => number;
}

/** One row of the gradient table: a node, and how its inputs are sampled. */
export interface GradientCase {
  readonly op: string;
  /** Domain of the operator; absent = ai.onnx. */
  readonly domain?: string;
  /** A shape = a float input of that shape; a tensor = a constant, not differentiated; null = left out. */
  readonly inputs: readonly (readonly number[] | Sampled | Tensor | null)[];
  readonly attrs?: Readonly<Record<string, AttributeLike>>;
  /** Number of outputs, 1 unless stated; all of them get cotangents unless `cotangents` names some. */
  readonly outputs?: number;
  readonly cotangents?: readonly number[];
  /** Opsets at which the case runs; {@link OPSETS} unless stated. */
  readonly opsets?: readonly number[];
  /** The kernel computes in float32 even where it takes doubles. */
  readonly single?: true;
  /** Inputs that are weights: the gradients of each sample are checked too. All other float inputs are batches. */
  readonly weights?: readonly number[];
  /** The axis of the samples in inputs and outputs, by number, where it is not the first. */
  readonly sampleAxes?: { readonly inputs: Readonly<Record<number, number>>; readonly outputs: readonly number[] };
}

/** The lowest opset that rules see, and the highest that they are checked at. */
export const OPSETS: readonly number[] = [17, 24];

/** Relative tolerances, and the step of the difference quotient in float64 and in float32. */
export const CHECKS = {
  linear: { tolerance: 1e-6, step: 1, step32: 1 },
  multilinear: { tolerance: 1e-6, step: 1, step32: 1 },
  smooth: { tolerance: 1e-5, step: 1e-3, step32: 0.05 },
  piecewise: { tolerance: 1e-5, step: 1e-3, step32: 0.05 },
} as const;

/** A case's name: operator, input shapes, attributes. */
export function nameOf(row: GradientCase): string {
  const shapes = row.inputs.map((input) => (input === null ? '-' : `[${dimsOf(input)}]`)).join(' ');
  const attrs = Object.entries(row.attrs ?? {}).map(([key, value]) => `${key}=${plain(value)}`);
  const asked = row.cotangents === undefined ? [] : [`dy=${row.cotangents}`];
  return [operatorKey(row), shapes, ...attrs, ...asked].join(' ');
}

function plain(value: AttributeLike): string {
  if (typeof value !== 'object' || Array.isArray(value)) return String(value);
  return 'float' in value ? String(value.float) : String((value as { value?: unknown }).value);
}

function dimsOf(input: readonly number[] | Sampled | Tensor): readonly number[] {
  return 'dims' in input ? input.dims : (input as readonly number[]);
}

function isTensor(input: GradientCase['inputs'][number]): input is Tensor {
  return input !== null && 'data' in input;
}

/** The numbers of the float inputs that are differentiated. */
export function differentiated(row: GradientCase): number[] {
  return [...row.inputs.keys()].filter((i) => row.inputs[i] !== null && !isTensor(row.inputs[i] as Tensor));
}

/** Sampled values of the float inputs, by input number. */
export function sample(row: GradientCase, rng: Random): Map<number, Float32Array> {
  return new Map(
    differentiated(row).map((i) => {
      const input = row.inputs[i] as readonly number[] | Sampled;
      const draw = 'dims' in input ? input.draw : undefined;
      const data = Float32Array.from({ length: sizeOf(dimsOf(input)) }, (_, at) => draw?.(rng, at) ?? rng.normal());
      return [i, data];
    }),
  );
}

/** How a case's model is built. */
interface ModelOptions {
  readonly opset: number;
  readonly type: 'float32' | 'float64';
  /** Values of inputs that become initializers. */
  readonly fixed?: ReadonlyMap<number, Float32Array>;
}

/** A model of the one node: float inputs x0, x1, ... and outputs y0, y1, ... */
function modelOf(row: GradientCase, { opset, type, fixed }: ModelOptions): Model {
  const builder = new GraphBuilder();
  const inputs = row.inputs.map((input, i) => {
    if (input === null) return '';
    const data = isTensor(input) ? input.data : fixed?.get(i);
    const own = isTensor(input) && input.type !== 'float32' ? input.type : type;
    if (data === undefined) return builder.input({ name: `x${i}`, type, shape: dimsOf(input) });
    const typed = own === 'float64' ? Float64Array.from(data as Float32Array) : data;
    return builder.constant({ type: own, dims: dimsOf(input), data: typed }, `x${i}`);
  });
  const outputs = Array.from({ length: row.outputs ?? 1 }, (_, i) => builder.fresh(`y${i}`));
  builder.nodes.push({
    name: 'node',
    op: row.op,
    domain: row.domain ?? '',
    inputs,
    outputs,
    attributes: attributes(row.attrs ?? {}),
  });
  for (const y of asked(row)) builder.expose(outputs[y] as string);
  return builder.build({ opset, irVersion: 9 });
}

function asked(row: GradientCase): readonly number[] {
  return row.cotangents ?? Array.from({ length: row.outputs ?? 1 }, (_, i) => i);
}

function feed(
  row: GradientCase,
  values: ReadonlyMap<number, ArrayLike<number>>,
  type: 'float32' | 'float64',
): Map<string, Tensor> {
  return new Map(
    [...values].map(([i, data]): [string, Tensor] => [
      `x${i}`,
      {
        type,
        dims: dimsOf(row.inputs[i] as readonly number[]),
        data: type === 'float32' ? Float32Array.from(data) : Float64Array.from(data),
      },
    ]),
  );
}

type Arrays = Map<number, Float64Array>;

/** The function of a case: x -> all outputs asked for, in float64 where onnxruntime has such a kernel. */
interface Forward {
  /** Whether all outputs are float64: some kernels take doubles and still yield floats (InvStdDev of LayerNormalization). */
  readonly exact: (values: ReadonlyMap<number, ArrayLike<number>>) => Promise<boolean>;
  readonly run: (values: ReadonlyMap<number, ArrayLike<number>>) => Promise<Arrays>;
  readonly release: () => Promise<void>;
}

async function forward(row: GradientCase, opset: number): Promise<Forward> {
  const open = async (type: 'float32' | 'float64'): Promise<Forward> => {
    const session = await onnxruntimeNode.createSession(modelOf(row, { opset, type }), { threads: 1 });
    const raw = (values: ReadonlyMap<number, ArrayLike<number>>): Promise<Map<string, Tensor>> =>
      session.run(feed(row, values, type));
    const run: Forward['run'] = async (values) => {
      const results = await raw(values);
      return new Map(asked(row).map((y) => [y, Float64Array.from(results.get(`y${y}`)?.data as Float32Array)]));
    };
    const exact: Forward['exact'] = async (values) =>
      type === 'float64' && [...(await raw(values)).values()].every((y) => y.type === 'float64');
    return { exact, run, release: () => session.release() };
  };
  if (row.single) return open('float32');
  try {
    return await open('float64');
  } catch (error) {
    if (error instanceof EngineError) return open('float32');
    throw error;
  }
}

/** The gradient graph of a case at x: with `rows`, the weights are initializers and their gradients come by rows. */
export async function gradients(
  row: GradientCase,
  values: ReadonlyMap<number, Float32Array>,
  { opset, rows, cotangents }: { opset: number; rows?: number; cotangents: ReadonlyMap<number, Float32Array> },
): Promise<Map<number, Tensor>> {
  const weights = rows === undefined ? [] : (row.weights ?? []);
  const fixed = new Map([...values].filter(([i]) => weights.includes(i)));
  const fed = feed(row, new Map([...values].filter(([i]) => !weights.includes(i))), 'float32');
  const plain = modelOf(row, { opset, type: 'float32', fixed });
  const node = plain.graph.nodes[0] as Node;
  const { model, captured } = await liftAndCapture(onnxruntimeNode, plain, fed);
  const builder = new GraphBuilder(model.graph);
  const ends = new Map<string, string>();
  for (const [y, data] of cotangents) {
    const dims = captured.get(`y${y}`)?.dims as readonly number[];
    fed.set(`dy${y}`, { type: 'float32', dims, data });
    ends.set(`y${y}`, builder.input({ name: `dy${y}`, type: 'float32', shape: dims }));
  }
  const wanted = rows === undefined ? differentiated(row) : weights;
  const targets = wanted.map((i) => node.inputs[i] as string);
  const found = backward({
    builder,
    graph: model.graph,
    captured,
    opset,
    cotangents: ends,
    targets,
    ...(rows === undefined ? {} : { rows }),
  });
  const present = wanted.filter((i) => found.has(node.inputs[i] as string));
  if (present.length === 0) return new Map();
  for (const i of present) builder.output(found.get(node.inputs[i] as string) as string, `dx${i}`);
  const session: Session = await onnxruntimeNode.createSession(builder.build({ opset, irVersion: 9 }), { threads: 1 });
  try {
    const results = await session.run(fed);
    return new Map(present.map((i) => [i, results.get(`dx${i}`) as Tensor]));
  } finally {
    await session.release();
  }
}

/** Random cotangents of the outputs asked for. */
export async function drawCotangents(
  row: GradientCase,
  values: ReadonlyMap<number, Float32Array>,
  { opset, rng }: { opset: number; rng: Random },
): Promise<Map<number, Float32Array>> {
  const f = await forward(row, opset);
  const y = await f.run(values);
  await f.release();
  return new Map([...y].map(([i, data]) => [i, Float32Array.from(data, () => rng.normal())]));
}

/** What {@link checkCase} measures. */
export interface Deviation {
  readonly input: number;
  /** |<v, D f u> - <dx, u>| / (|v| |D f u| + |dx| |u|); NaN counts as Infinity. */
  readonly deviation: number;
}

/**
 * Compares the gradient graph with a difference quotient, one input at a time, along one random direction u and for
 * one random cotangent v.
 *
 * Linear rules: h = 1. Else f is evaluated in float64 with h = 1e-3 where onnxruntime has a double kernel; where it has
 * only a float one, with a larger h and Richardson extrapolation over h, 2h, 4h (error h^6), since the rounding of
 * float32 divided by 1e-3 would hide everything below 1e-4.
 */
export async function checkCase(
  row: GradientCase,
  rule: Pick<GradientRule, 'linearity'>,
  opset: number,
): Promise<Deviation[]> {
  const rng = random(`${nameOf(row)}@${opset}`);
  const values = sample(row, rng);
  const v = await drawCotangents(row, values, { opset, rng });
  const dx = await gradients(row, values, { opset, cotangents: v });
  const f = await forward(row, opset);
  const deviations: Deviation[] = [];
  for (const input of differentiated(row)) {
    const u = Float32Array.from(values.get(input) as Float32Array, () => 2 * rng.uniform() - 1);
    const quotient = await derivative(f, values, { input, u, linearity: rule.linearity });
    const [expected, scaleY] = innerAll(v, quotient);
    const gradient = dx.get(input);
    const data = (gradient?.data ?? new Float32Array(u.length)) as Float32Array;
    const shape = dimsOf(row.inputs[input] as readonly number[]);
    if (gradient !== undefined && String(gradient.dims) !== String(shape)) {
      throw new Error(`gradient of input ${input} has shape [${gradient.dims}], wanted [${shape}]`);
    }
    const scale = scaleY + norm(data) * norm(u);
    const deviation = scale === 0 ? 0 : Math.abs(expected - inner(data, u)) / scale;
    deviations.push({ input, deviation: Number.isNaN(deviation) ? Number.POSITIVE_INFINITY : deviation });
  }
  await f.release();
  return deviations;
}

async function derivative(
  f: Forward,
  values: ReadonlyMap<number, Float32Array>,
  { input, u, linearity }: { input: number; u: Float32Array; linearity: GradientRule['linearity'] },
): Promise<Arrays> {
  const at = async (h: number): Promise<Arrays> => {
    const moved = Float64Array.from(values.get(input) as Float32Array, (x, i) => x + h * (u[i] as number));
    return f.run(new Map<number, ArrayLike<number>>([...values, [input, moved]]));
  };
  const central = async (h: number): Promise<Arrays> => combine(await at(h), 1 / (2 * h), await at(-h), -1 / (2 * h));
  const { step, step32 } = CHECKS[linearity];
  if (linearity === 'linear' || linearity === 'multilinear') return central(step);
  if (await f.exact(values)) return central(step);
  const [d1, d2, d4] = [await central(step32), await central(2 * step32), await central(4 * step32)];
  const [r1, r2] = [combine(d1, 4 / 3, d2, -1 / 3), combine(d2, 4 / 3, d4, -1 / 3)];
  return combine(r1, 16 / 15, r2, -1 / 15);
}

function combine(a: Arrays, p: number, b: Arrays, q: number): Arrays {
  return new Map(
    [...a].map(([y, data]) => [y, data.map((value, i) => p * value + q * ((b.get(y) as Float64Array)[i] as number))]),
  );
}

/** The inner product over all outputs, and the product of the norms. */
function innerAll(v: ReadonlyMap<number, ArrayLike<number>>, w: Arrays): [number, number] {
  let [total, scale] = [0, 0];
  for (const [y, data] of w) {
    const cotangent = v.get(y) as ArrayLike<number>;
    total += inner(cotangent, data);
    scale += norm(cotangent) * norm(data);
  }
  return [total, scale];
}

/** The inner product of two vectors, in f64. */
export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

/** The Euclidean norm of a vector, in f64. */
export function norm(a: ArrayLike<number>): number {
  return Math.sqrt(inner(a, a));
}

/** Draws a normal number at least `margin` away from every kink. */
export function away(kinks: readonly number[], margin = 0.4): (rng: Random) => number {
  return (rng) => {
    let x = rng.normal() * 2;
    while (kinks.some((kink) => Math.abs(x - kink) < margin)) x = rng.normal() * 2;
    return x;
  };
}

/** Numbers in (low, high). */
export function between(low: number, high: number): (rng: Random) => number {
  return (rng) => low + (high - low) * rng.uniform();
}

/** Numbers of a shape that all differ by half a unit or more, in an order that looks random: for maxima. */
export function distinct(dims: readonly number[], offset = 0): Sampled {
  const size = sizeOf(dims);
  let step = Math.max(1, Math.floor(size * 0.618));
  while (gcd(step, size) !== 1) step++;
  return { dims, draw: (_, i) => ((i * step + 1) % size) * 0.7 - size * 0.35 + offset };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Largest relative deviations of the gradients of each sample, and of groups of two, from runs of single samples. */
export async function checkRows(row: GradientCase, opset: number): Promise<{ single: number; grouped: number }> {
  const rng = random(`${nameOf(row)}@${opset} rows`);
  const values = sample(row, rng);
  const cotangents = await drawCotangents(row, values, { opset, rng });
  const data = differentiated(row).filter((i) => !row.weights?.includes(i));
  const first = data[0] as number;
  const batch = dimsOf(row.inputs[first] as readonly number[])[inputAxis(row, first)] as number;
  const outDims = await outputDims(row, values, opset);
  const alone = await Promise.all(
    Array.from({ length: batch }, (_, i) => oneSample(row, { values, cotangents, data, batch, opset, outDims }, i)),
  );
  const rows = await gradients(row, values, { opset, rows: batch, cotangents });
  const pairs = await gradients(row, values, { opset, rows: batch / 2, cotangents });
  let [single, grouped] = [0, 0];
  for (const weight of row.weights ?? []) {
    const parts = alone.map((gradient) => gradient.get(weight)?.data as Float32Array);
    const sums = Array.from({ length: batch / 2 }, (_, i) =>
      add(parts[2 * i] as Float32Array, parts[2 * i + 1] as Float32Array),
    );
    single = Math.max(single, gap(rows.get(weight), { batch, parts }));
    grouped = Math.max(grouped, gap(pairs.get(weight), { batch: batch / 2, parts: sums }));
  }
  return { single, grouped };
}

interface Batch {
  readonly values: ReadonlyMap<number, Float32Array>;
  readonly cotangents: ReadonlyMap<number, Float32Array>;
  readonly data: readonly number[];
  readonly batch: number;
  readonly opset: number;
  readonly outDims: ReadonlyMap<number, readonly number[]>;
}

function oneSample(
  row: GradientCase,
  { values, cotangents, data, opset, outDims }: Batch,
  index: number,
): Promise<Map<number, Tensor>> {
  const dims = (i: number): readonly number[] => dimsOf(row.inputs[i] as readonly number[]);
  const inputs = row.inputs.map((input, i) =>
    input !== null && data.includes(i) ? dims(i).map((d, axis) => (axis === inputAxis(row, i) ? 1 : d)) : input,
  );
  const own = new Map(
    [...values].map(([i, all]) => [i, data.includes(i) ? take(all, dims(i), { axis: inputAxis(row, i), index }) : all]),
  );
  const cut = new Map(
    [...cotangents].map(([y, all]) => [
      y,
      take(all, outDims.get(y) as number[], { axis: row.sampleAxes?.outputs[y] ?? 0, index }),
    ]),
  );
  return gradients({ ...row, inputs }, own, { opset, cotangents: cut });
}

function inputAxis(row: GradientCase, input: number): number {
  return row.sampleAxes?.inputs[input] ?? 0;
}

async function outputDims(
  row: GradientCase,
  values: ReadonlyMap<number, Float32Array>,
  opset: number,
): Promise<Map<number, readonly number[]>> {
  const captured = await capture(
    onnxruntimeNode,
    modelOf(row, { opset, type: 'float32' }),
    feed(row, values, 'float32'),
  );
  return new Map(asked(row).map((y) => [y, captured.get(`y${y}`)?.dims as readonly number[]]));
}

/** One index along an axis. */
function take(
  all: Float32Array,
  dims: readonly number[],
  { axis, index }: { axis: number; index: number },
): Float32Array {
  const inner = sizeOf(dims.slice(axis + 1));
  const length = dims[axis] as number;
  return all.filter((_, i) => Math.floor(i / inner) % length === index);
}

function add(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + (b[i] as number));
}

function gap(found: Tensor | undefined, { batch, parts }: { batch: number; parts: readonly Float32Array[] }): number {
  if (found === undefined || found.dims[0] !== batch) return Number.POSITIVE_INFINITY;
  const size = found.data.length / batch;
  let [difference, largest] = [0, 0];
  parts.forEach((part, i) => {
    part.forEach((value, j) => {
      difference = Math.max(difference, Math.abs(value - ((found.data as Float32Array)[i * size + j] as number)));
      largest = Math.max(largest, Math.abs(value));
    });
  });
  return difference / largest;
}

/** Shapes of float inputs in short: `4x3x9 5x3x3 5`, `()` for a scalar, `-` for an input left out. */
export function shapes(text: string): (readonly number[] | null)[] {
  return text.split(' ').map((word) => (word === '-' ? null : word === '()' ? [] : word.split('x').map(Number)));
}

/** The largest difference of an output of a case's model from the same after composite operators were rewritten, relative to its largest. */
export async function checkLowered(row: GradientCase, opset: number): Promise<number> {
  const values = sample(row, random(`${nameOf(row)}@${opset} lowered`));
  const model = modelOf(row, { opset, type: 'float32' });
  const fed = feed(row, values, 'float32');
  const { model: lowered } = await liftAndCapture(onnxruntimeNode, model, fed);
  if (lowered.graph.nodes.some((node) => operatorKey(node) === operatorKey(row))) return Number.POSITIVE_INFINITY;
  return outputGap(model, lowered, fed);
}
