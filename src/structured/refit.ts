import { readWeightsNarrow, writeWeights } from '../apply/weights.ts';
import type { Engine } from '../engine/engine.ts';
import type { Linalg } from '../engine/linalg.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { problemOf } from '../reconstruction/layer-problem.ts';
import { solveRows } from '../reconstruction/least-squares.ts';
import { addFromMatrix, toMatrix } from '../reconstruction/linear-map.ts';
import { type Moments, measureMoments } from '../reconstruction/moments.ts';
import type { Prepared } from '../reconstruction/reconstruct.ts';
import { biasOf } from './biases.ts';
import type { States } from './choose.ts';

type Maps = ReadonlyMap<string, Prepared['mapped'][number]['maps'][number]>;

/** Conjugate gradient steps of a layer. */
const STEPS = 40;

/** What {@link refit} is asked for. */
export interface RefitRequest extends RunOptions {
  readonly engine: Engine;
  readonly prepared: Prepared;
  /** The model that is to be changed, whose file form {@link Prepared.model} is. */
  readonly original: Model;
  readonly states: States;
  readonly maps: Maps;
  readonly ridge: number;
  readonly threads?: number;
}

/** The layers with the weights that they have by now: zeros in the place of inputs that went. */
export function writtenLayers(model: Model, { states, maps }: { states: States; maps: Maps }): Model {
  let written = model;
  for (const [name, state] of states) {
    const map = maps.get(name);
    if (map === undefined) continue;
    const w = new Float32Array(state.W.length);
    addFromMatrix(map, state.W, w);
    written = writeWeights(written, [map.layer], w);
  }
  return written;
}

/**
 * Solves the layers one after another on the inputs that are left, as the smaller model gives them, for the outputs of the dense one; biases
 * take up the difference of the means.
 *
 * @returns the model, and its lifted form
 */
export async function refit(algebra: Linalg, request: RefitRequest): Promise<{ model: Model; lifted: Model }> {
  const { prepared, states, maps, ridge, engine, threads, signal, onProgress } = request;
  const all = { from: 0, to: prepared.samples };
  let model = writtenLayers(request.original, { states, maps });
  let lifted = writtenLayers(prepared.model, { states, maps });
  const dense = await denseMeans(request);
  let done = 0;
  for (const [name, state] of states) {
    signal?.throwIfAborted();
    onProgress?.({ step: 'layers', done: done++, total: states.size, unit: 'layers' });
    const map = maps.get(name) as NonNullable<ReturnType<Maps['get']>>;
    const asked = { engine, maps: [map], weights: prepared.weightsOf(all), ...(threads !== undefined && { threads }) };
    const [now] = await measureMoments({
      ...asked,
      model: lifted,
      other: prepared.model,
      batches: prepared.batches(all, null),
    });
    const was = dense.get(name);
    if (now === undefined || was === undefined || !now.sum.every(Number.isFinite)) continue;
    const W0 = toMatrix(map, Float32Array.from(readWeightsNarrow(prepared.model, [map.layer])));
    const outputs = meansOf(W0, was, map);
    const bias = map.uses.length === 1 ? biasOf(map.uses[0]?.node as never) : undefined;
    const hasBias = bias !== undefined && lifted.graph.constants.has(bias);
    const W = Float32Array.from(state.W);
    const seen = hasBias ? centred(now, outputs, map) : now;
    const problem = await problemOf(algebra, { map, W: W.slice() }, seen, ridge); // the ridge is towards what removals left
    if (problem === null) continue;
    const support = new Uint8Array(W.length);
    for (let k = 0; k < W.length; k++) {
      const row = Math.floor(k / map.inputs);
      support[k] = state.aliveColumns[Math.floor(row / map.outputs) * map.inputs + (k % map.inputs)] as number;
    }
    await solveRows(problem, { W, support, iterations: STEPS });
    const w = new Float32Array(W.length);
    addFromMatrix(map, W, w);
    [model, lifted] = [model, lifted].map((into) => writeWeights(into, [map.layer], w)) as [Model, Model];
    if (hasBias) {
      const means = meansOf(W, now, map);
      const shift = outputs.map((mean, row) => mean - (means[row] as number));
      [model, lifted] = [model, lifted].map((into) => shifted(into, bias, shift)) as [Model, Model];
    }
  }
  return { model, lifted };
}

/** What the layers see in the dense model on all samples: sums alone. */
async function denseMeans({ prepared, maps, engine, threads }: RefitRequest): Promise<Map<string, Moments>> {
  const all = { from: 0, to: prepared.samples };
  const asked = { engine, model: prepared.model, maps: [...maps.values()], batches: prepared.batches(all, null) };
  const measured = await measureMoments({
    ...asked,
    weights: prepared.weightsOf(all),
    ...(threads !== undefined && { threads }),
  });
  return new Map([...maps.keys()].map((name, i) => [name, { ...(measured[i] as Moments), gram: null, seen: null }]));
}

/** The means of the outputs, without bias: [groups x outputs]. */
function meansOf(
  W: Float32Array,
  { sum, count }: Moments,
  { groups, outputs, inputs }: { groups: number; outputs: number; inputs: number },
): Float64Array {
  const means = new Float64Array(groups * outputs);
  for (let row = 0; row < means.length; row++)
    for (let i = 0; i < inputs; i++)
      (means[row] as number) +=
        ((W[row * inputs + i] as number) * (sum[Math.floor(row / outputs) * inputs + i] as number)) / count;
  return means;
}

/** Moments about the means of inputs and outputs. */
function centred(
  moments: Moments,
  means: Float64Array,
  { groups, outputs, inputs }: { groups: number; outputs: number; inputs: number },
): Moments {
  const { count, sum } = moments;
  const gram = moments.gram?.slice() ?? null;
  const cross = moments.cross?.slice() ?? null;
  for (let g = 0; g < groups; g++)
    for (let i = 0; i < inputs; i++) {
      const mean = (sum[g * inputs + i] as number) / count;
      for (let j = 0; j < inputs && gram !== null; j++)
        (gram[(g * inputs + i) * inputs + j] as number) -= mean * (sum[g * inputs + j] as number);
      for (let o = 0; o < outputs && cross !== null; o++)
        (cross[(g * outputs + o) * inputs + i] as number) -=
          (means[g * outputs + o] as number) * (sum[g * inputs + i] as number);
    }
  if (moments.seen === null) return { ...moments, gram, cross };
  const X = moments.seen.X.slice();
  const Y = moments.seen.Y?.slice() ?? null;
  for (let k = 0; k < X.length; k++) (X[k] as number) -= (sum[Math.floor(k / count)] as number) / count;
  if (Y !== null) for (let k = 0; k < Y.length; k++) (Y[k] as number) -= means[Math.floor(k / count)] as number;
  return { ...moments, gram, cross, seen: { X, Y } };
}

function shifted(model: Model, name: string, shift: Float64Array): Model {
  const constant = model.graph.constants.get(name);
  if (constant === undefined) return model;
  const tensor = tensorOf(constant);
  const data = (tensor.data as Float32Array).map((b, i) => b + (shift[i] ?? 0));
  const constants = new Map(model.graph.constants).set(name, constantOf({ ...tensor, data }));
  return { ...model, graph: { ...model.graph, constants } };
}
