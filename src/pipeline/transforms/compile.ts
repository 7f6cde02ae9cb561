import type { CompiledModel } from '../../compile/compile.ts';
import type { FeedSource } from '../../data/feeds.ts';
import { UnsupportedOpError } from '../../errors/errors.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { openProgram, programFeeds } from '../../evaluate/program.ts';
import type { Model } from '../../ir/model.ts';
import type { CheckedModel } from '../compile-model.ts';
import { type CompileStep, withoutUndefined } from '../recipe.ts';
import type { RunPorts } from '../run-ports.ts';

/** A compiled model without its steps, which only those look at who compile. */
export type CheckedProgram = Omit<CheckedModel, 'compiled'> & { readonly compiled: Omit<CompiledModel, 'steps'> };

/** What compiling did. */
export interface CompileFacts {
  readonly do: 'compile';
  readonly step: CompileStep;
  /** Null where the model cannot be compiled. */
  readonly checked: CheckedProgram | null;
  /** Why it cannot, in a sentence that names the nodes. */
  readonly refused: string | null;
  /** How far its outputs are from those of the model that it was compiled from, over the largest, on rows of data; null without rows. */
  readonly compared: { readonly difference: number; readonly rows: number } | null;
  /** How good the program is; null without rows to judge on. */
  readonly judged: Evaluation | null;
  /** Share of those rows that it puts into the class of the model that it was compiled from. */
  readonly agreement: number | null;
}

/** Rows on which outputs are compared number by number. */
const MOST_COMPARED = 64;

/**
 * Compiles the model as it is. The model stays; one that cannot be compiled is told of, not thrown for.
 *
 * @param before  how good the model is
 * @throws EngineError if the program's outputs differ by more than rounding
 */
export async function compileTransform(
  { model, before }: { readonly model: Model; readonly before: Evaluation | null },
  step: CompileStep,
  ports: RunPorts,
): Promise<CompileFacts & { readonly model: Model }> {
  const { time } = ports;
  const { compileChecked, differenceOf } = await import('../compile-model.ts'); // a page loads the compiler when it is asked for
  const engine = ports.engine.host ?? ports.engine;
  const { weights, target, batch, open } = step;
  const facts = { do: 'compile' as const, step, model };
  let checked: CheckedModel;
  try {
    checked = await time('compile', () =>
      compileChecked(engine, model, withoutUndefined({ weights, target, batch, open })),
    );
  } catch (thrown) {
    if (!(thrown instanceof UnsupportedOpError)) throw thrown;
    return { ...facts, checked: null, refused: thrown.message, compared: null, judged: null, agreement: null };
  }
  const program = await openProgram(checked.compiled.wasm);
  const rows = ports.evaluation ?? ports.data;
  const compared = rows === null ? null : await time('compile', () => compare(programFeeds(program, rows)));
  const judged = await judge();
  const { steps: _, ...compiled } = checked.compiled;
  return {
    ...facts,
    checked: { ...checked, compiled },
    refused: null,
    compared,
    judged,
    agreement: agreementOf(before, judged),
  };

  async function compare(source: FeedSource): Promise<CompileFacts['compared']> {
    const size = program.batch;
    const count = Math.max(1, Math.floor(Math.min(MOST_COMPARED, source.count) / size));
    const batches = [];
    for (let b = 0; b < count; b++)
      batches.push((await source.feeds(Array.from({ length: size }, (_, i) => (b * size + i) % source.count))).inputs);
    return { difference: await differenceOf(engine, model, checked.compiled, batches), rows: count * size };
  }

  async function judge(): Promise<Evaluation | null> {
    const { evaluation } = ports;
    if (evaluation === null) return null;
    const session = await program.engine.createSession(model);
    return time('compile', () =>
      evaluate(engine, model, programFeeds(program, evaluation), {
        ...ports.judged,
        session,
        ...withoutUndefined({ onProgress: ports.onProgress, signal: ports.signal }),
      }),
    );
  }
}

/** Share of rows that two evaluations of the same rows put into the same class; null where there are no classes. */
export function agreementOf(a: Evaluation | null, b: Evaluation | null): number | null {
  const [x, y] = [a?.predictions, b?.predictions];
  if (x === undefined || y === undefined || x.length === 0 || x.length !== y.length) return null;
  return x.reduce((same, prediction, i) => same + (prediction === y[i] ? 1 : 0), 0) / x.length;
}
