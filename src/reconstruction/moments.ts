import type { Engine, Session, Tensors } from '../engine/engine.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { graft } from '../graph/graft.ts';
import { neededOnly } from '../graph/passes/needed-only.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { emitInputs, emitOutputs, type Thinned } from './layer-inputs.ts';

/** Second moments of a layer's inputs, over samples and positions. */
export interface Moments {
  /** sum x x': [groups, inputs, inputs]. */
  readonly gram: Float64Array;
  /** sum y x' of what the layer gives in the other model, y (without bias): [groups, outputs, inputs]; only where there is one. */
  readonly cross: Float64Array | null;
  /** sum x: [groups, inputs]. */
  readonly sum: Float64Array;
  /** How many x there were. */
  readonly count: number;
}

/** What {@link measureMoments} goes through. */
export interface MomentsRequest {
  readonly engine: Engine;
  /** At opset 17 or later, constants as initializers. */
  readonly model: Model;
  /** The same graph with other constants: what a layer gives there is measured against what it sees here. */
  readonly other?: Model;
  readonly maps: readonly Thinned[];
  /** Batches of inputs. */
  readonly batches: AsyncIterable<Tensors>;
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

async function addUp(session: Session, { batches, other, maps }: MomentsRequest): Promise<Moments[]> {
  const sums = maps.map(({ groups, outputs, inputs }) => ({
    gram: new Float64Array(groups * inputs * inputs),
    cross: other === undefined ? null : new Float64Array(groups * outputs * inputs),
    sum: new Float64Array(groups * inputs),
    count: 0,
  }));
  for await (const feeds of batches) {
    const outputs = await session.run(feeds);
    for (const [i, into] of sums.entries()) {
      const { data } = outputs.get(`count${i}`) as Tensor<BigInt64Array>;
      into.count += Number(data[0]);
      for (const part of ['gram', 'cross', 'sum'] as const) {
        const values = (outputs.get(`${part}${i}`) as Tensor<Float32Array> | undefined)?.data ?? [];
        const to = into[part];
        for (let k = 0; to !== null && k < to.length; k++) (to[k] as number) += values[k] as number;
      }
    }
  }
  return sums;
}

/** The graph that ends in the moments of one batch. */
function program({ model, other, maps }: MomentsRequest): Model {
  const builder = new GraphBuilder(model.graph);
  const renamed = other && graft(builder, other.graph, OTHER);
  for (const [i, map] of maps.entries()) {
    const joined = (parts: string[]): string =>
      parts.length === 1 ? (parts[0] as string) : builder.emit('Concat', parts, { axis: 2 });
    const x = joined(map.layer.uses.map((use) => emitInputs(builder, use, map)));
    const right = builder.emit('Transpose', [x], { perm: [0, 2, 1] });
    builder.output(builder.emit('MatMul', [x, right]), `gram${i}`);
    if (renamed !== undefined) {
      const y = joined(map.layer.uses.map((use) => emitOutputs(builder, use, map, renamed)));
      builder.output(builder.emit('MatMul', [y, right]), `cross${i}`);
    }
    builder.output(builder.emit('ReduceSum', [x, builder.ints([2])], { keepdims: 0 }), `sum${i}`);
    builder.output(builder.emit('Gather', [builder.emit('Shape', [x]), builder.ints([2])]), `count${i}`);
  }
  return neededOnly(builder.build({ opsets: model.opsets, irVersion: Math.max(8, model.irVersion) }));
}
