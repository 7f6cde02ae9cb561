import type { Engine, Session, Tensors } from '../engine/engine.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { graft } from '../graph/graft.ts';
import { neededOnly } from '../graph/passes/needed-only.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { emitInputs, emitOutputs } from './layer-inputs.ts';
import type { LinearMap, Thinned } from './linear-map.ts';

/** What is known of a map's inputs x, over samples and positions, and of what the layer gives in another model, y (without bias). */
export interface Moments {
  /** sum x x': [groups, inputs, inputs]; null where `seen` is kept instead. */
  readonly gram: Float64Array | null;
  /** sum y x': [groups, outputs, inputs]; only where there is another model, and a Gram matrix. */
  readonly cross: Float64Array | null;
  /** The x themselves: [groups, inputs, count], where they are fewer than the weights of an output; and the y: [groups, outputs, count]. */
  readonly seen: { readonly X: Float32Array; readonly Y: Float32Array | null } | null;
  /** sum x: [groups, inputs]. */
  readonly sum: Float64Array;
  /** How many x there were, by what they count. */
  readonly count: number;
}

/** A map, and how its inputs are kept. */
export type MeasuredMap = Thinned & {
  /** Whether the inputs themselves are kept, not their second moments. */
  readonly keeps?: boolean;
};

/** What {@link measureMoments} goes through. */
export interface MomentsRequest {
  readonly engine: Engine;
  /** At opset 17 or later, constants as initializers. */
  readonly model: Model;
  /** The same graph with other constants: what a layer gives there is measured against what it sees here. */
  readonly other?: Model;
  readonly maps: readonly MeasuredMap[];
  /** Batches of inputs. */
  readonly batches: AsyncIterable<Tensors>;
  /** What the positions of each batch count; default 1. */
  readonly weights?: readonly number[];
  readonly threads?: number;
}

/** Prefix of the other model's values. */
const OTHER = 'other~';

/**
 * Runs a model over batches and adds up the second moments of its layers' inputs, in the order of the maps.
 *
 * Positions are thinned out by steps. Products and sums within a batch in f32, added up in f64. Cost: the forward pass up to the last of the layers, and positions x
 * groups x inputs^2 a sample and layer; memory: the moments three times over, and the patches of the largest layer.
 */
export async function measureMoments(request: MomentsRequest): Promise<Moments[]> {
  const { engine, threads } = request;
  const session = await engine.createSession(program(request), threads === undefined ? {} : { threads });
  try {
    return await addUp(session, request);
  } finally {
    await session.release();
  }
}

async function addUp(session: Session, { batches, weights, other, maps }: MomentsRequest): Promise<Moments[]> {
  const sums = maps.map((map) => sumsOf(map, other !== undefined));
  let batch = 0;
  for await (const feeds of batches) {
    const weight = weights?.[batch++] ?? 1;
    const outputs = await session.run(feeds);
    const valuesOf = (name: string): Float32Array =>
      (outputs.get(name) as Tensor<Float32Array> | undefined)?.data ?? new Float32Array();
    for (const [i, into] of sums.entries()) {
      const { data } = outputs.get(`count${i}`) as Tensor<BigInt64Array>;
      into.count += weight * Number(data[0]);
      into.columns += Number(data[0]);
      for (const part of ['gram', 'cross', 'sum'] as const) add(into[part], valuesOf(`${part}${i}`), weight);
      into.inputs?.push(scaledBy(valuesOf(`inputs${i}`), Math.sqrt(weight)));
      into.outputs?.push(scaledBy(valuesOf(`outputs${i}`), Math.sqrt(weight)));
    }
  }
  return sums.map(({ inputs, outputs, columns, ...moments }, i) => {
    const { groups, inputs: width, outputs: height } = maps[i] as MeasuredMap;
    if (inputs === null) return { ...moments, seen: null };
    const ratio = columns / moments.count; // so that X X' / columns is the mean over the samples
    const joined = (parts: Float32Array[], rows: number): Float32Array =>
      scaledBy(sideBySide(parts, { rows, count: columns }), Math.sqrt(ratio));
    const seen = { X: joined(inputs, groups * width), Y: outputs && joined(outputs, groups * height) };
    return { ...moments, sum: moments.sum.map((x) => x * ratio), count: columns, seen };
  });
}

/** A copy times a factor. */
function scaledBy(values: Float32Array, factor: number): Float32Array {
  const scaled = values.slice();
  if (factor !== 1) for (let k = 0; k < scaled.length; k++) (scaled[k] as number) *= factor;
  return scaled;
}

interface Sums {
  readonly gram: Float64Array | null;
  readonly cross: Float64Array | null;
  readonly sum: Float64Array;
  readonly inputs: Float32Array[] | null;
  readonly outputs: Float32Array[] | null;
  /** Positions, each times its weight; and as they are. */
  count: number;
  columns: number;
}

function sumsOf({ groups, outputs, inputs, keeps }: LinearMap & { keeps?: boolean }, hasOther: boolean): Sums {
  return {
    gram: keeps ? null : new Float64Array(groups * inputs * inputs),
    cross: keeps || !hasOther ? null : new Float64Array(groups * outputs * inputs),
    sum: new Float64Array(groups * inputs),
    inputs: keeps ? [] : null,
    outputs: keeps && hasOther ? [] : null,
    count: 0,
    columns: 0,
  };
}

function add(into: Float64Array | null, values: Float32Array, weight: number): void {
  for (let k = 0; into !== null && k < into.length; k++) (into[k] as number) += weight * (values[k] as number);
}

/** Matrices of the same rows as one: [rows, count]. */
function sideBySide(parts: readonly Float32Array[], { rows, count }: { rows: number; count: number }): Float32Array {
  const joined = new Float32Array(rows * count);
  let start = 0;
  for (const part of parts) {
    const columns = part.length / rows;
    for (let row = 0; row < rows; row++)
      joined.set(part.subarray(row * columns, (row + 1) * columns), row * count + start);
    start += columns;
  }
  return joined;
}

/** The graph that ends in the moments of one batch. */
function program({ model, other, maps }: MomentsRequest): Model {
  const builder = new GraphBuilder(model.graph);
  const renamed = other && graft(builder, other.graph, OTHER);
  for (const [i, map] of maps.entries()) {
    const joined = (parts: string[]): string =>
      parts.length === 1 ? (parts[0] as string) : builder.emit('Concat', parts, { axis: 2 });
    const x = joined(map.uses.map((use) => emitInputs(builder, use, map)));
    const y = renamed && joined(map.uses.map((use) => emitOutputs(builder, use, map, renamed)));
    if (map.keeps) {
      builder.output(x, `inputs${i}`);
      if (y !== undefined) builder.output(y, `outputs${i}`);
    } else {
      builder.output(emitProduct(builder, x, x), `gram${i}`);
      if (y !== undefined)
        builder.output(
          map.outputs < map.inputs ? emitTransposed(builder, emitProduct(builder, x, y)) : emitProduct(builder, y, x),
          `cross${i}`,
        );
    }
    builder.output(builder.emit('ReduceSum', [x, builder.ints([2])], { keepdims: 0 }), `sum${i}`);
    builder.output(builder.emit('Gather', [builder.emit('Shape', [x]), builder.ints([2])]), `count${i}`);
  }
  return neededOnly(builder.build({ opsets: model.opsets, irVersion: Math.max(8, model.irVersion) }));
}

/** A B' of each group: of no fewer rows than columns, so that the runtime adds up in the same order whatever its threads. */
function emitProduct(builder: GraphBuilder, a: string, b: string): string {
  return builder.emit('MatMul', [a, emitTransposed(builder, b)]);
}

function emitTransposed(builder: GraphBuilder, x: string): string {
  return builder.emit('Transpose', [x], { perm: [0, 2, 1] });
}
