import { type CompiledModel, type CompileOptions, compileModel } from '../compile/compile.ts';
import { randomFeeds } from '../data/feeds.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { freeze } from '../engine/freeze.ts';
import { EngineError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { openProgram, programArray } from '../evaluate/program.ts';
import type { Model } from '../ir/model.ts';
import { shapesOf } from '../pruning/shapes.ts';
import { random } from '../tensor/random.ts';

/** How {@link compileChecked} compiles. */
export interface CompileRequest extends CompileOptions {
  /** Samples of a run; default 1. */
  readonly batch?: number;
  /** Size of dimensions that the model leaves open; default: one at which it runs. */
  readonly open?: number;
}

/** A compiled model, and how far its outputs are from those of the engine. */
export interface CheckedModel {
  readonly compiled: CompiledModel;
  readonly open: number | null;
  readonly batch: number;
  /** The largest difference on made-up inputs, over the largest output. */
  readonly difference: number;
}

/** Differences from which on a program with weights in f32 is taken for wrong. */
const MOST_DIFFERENCE = 1e-3;

/**
 * Compiles a model and runs it beside the engine on made-up inputs.
 *
 * @throws UnsupportedOpError  naming every node that is not covered; or if the model does not run
 * @throws EngineError         if the outputs differ by more than rounding
 * Cost: four or five passes of the model by the engine.
 */
export async function compileChecked(
  engine: Engine,
  model: Model,
  request: CompileRequest = {},
): Promise<CheckedModel> {
  const shapes = await shapesOf(engine, model, undefined, request.open);
  if ('reason' in shapes)
    throw new UnsupportedOpError(`Cannot compile the model: it does not run on made-up inputs; ${shapes.reason}`);
  const { open } = shapes;
  const source = randomFeeds(model, { rng: random(1), count: 2 * (request.batch ?? 1), open: open ?? 1 });
  const batch = source.fixedBatch ?? request.batch ?? 1;
  if (request.batch !== undefined && request.batch !== batch)
    throw new OptionError(
      `Cannot compile the model for a batch of ${request.batch}: it is made for batches of ${batch} alone`,
    );
  const feeds = async (first: number): Promise<Tensors> =>
    (await source.feeds(Array.from({ length: batch }, (_, i) => (first + i) % source.count))).inputs;
  const compiled = compileModel(await freeze(engine, model, await feeds(0)), request);
  const difference = await differenceOf(engine, model, compiled, [await feeds(0), await feeds(batch)]);
  if (!(difference <= MOST_DIFFERENCE) && (request.weights ?? 'f32') === 'f32')
    throw new EngineError(
      `Cannot compile the model: the program's outputs differ from ${engine.name}'s by ${difference} of the largest; nothing was written`,
      { fields: { difference } },
    );
  return { compiled, open, batch, difference };
}

/**
 * The largest difference between the outputs of a program and those of the engine, over the largest output.
 *
 * @param batches  inputs of the program's batch
 * Cost: a pass of each a batch.
 */
export async function differenceOf(
  engine: Engine,
  model: Model,
  { wasm }: Pick<CompiledModel, 'wasm'>,
  batches: readonly Tensors[],
): Promise<number> {
  const program = await (await openProgram(wasm)).engine.createSession(model);
  const session = await engine.createSession(model);
  let [worst, largest] = [0, 0];
  try {
    for (const feeds of batches) {
      const wanted = await session.run(feeds);
      const given = await program.run(feeds);
      for (const [name, tensor] of wanted) {
        const data = programArray(tensor);
        const found = given.get(name)?.data as unknown as ArrayLike<number | bigint>;
        for (let i = 0; i < data.length; i++) {
          const [a, b] = [Number(data[i]), Number(found[i])];
          if (Number.isFinite(a)) largest = Math.max(largest, Math.abs(a));
          worst = Math.max(worst, apart(a, b));
        }
      }
    }
  } finally {
    await session.release();
  }
  return worst / (largest || 1);
}

function apart(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}
