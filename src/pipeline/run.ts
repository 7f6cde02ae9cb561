import { DataError } from '../errors/errors.ts';
import { type Evaluation, evaluate } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import type { Step } from './recipe.ts';
import type { RunPorts } from './run-ports.ts';
import { type CompactFacts, compactTransform } from './transforms/compact.ts';
import { type CompileFacts, compileTransform } from './transforms/compile.ts';
import { type FinetuneFacts, finetuneTransform } from './transforms/finetune.ts';
import { type PruneFacts, pruneTransform } from './transforms/prune.ts';
import { type PreparedPrune, preparePrune } from './transforms/prune-options.ts';
import { type RecalibrateFacts, recalibrateTransform } from './transforms/recalibrate.ts';

/** What is known of a step that was done, and how good the model is after it. */
export type StepFacts = (PruneFacts | CompactFacts | RecalibrateFacts | FinetuneFacts | CompileFacts) & {
  /** Null without rows to judge on. */
  readonly evaluation: Evaluation | null;
};

/** A model before and after a run. */
export interface Finished {
  readonly model: Model;
  readonly before: Evaluation | null;
  readonly steps: readonly StepFacts[];
}

/** What is known of a run before it begins. */
export interface Begun {
  /** How good the model is; absent = it is judged. */
  readonly before?: Evaluation | null;
  /** The first step, where it is a pruning that is prepared already. */
  readonly prepared?: PreparedPrune;
}

/** A step with the models that it works on. */
interface Place {
  /** As the step finds it. */
  readonly model: Model;
  /** Before the first step. */
  readonly dense: Model;
  /** Of a pruning that is the first step. */
  readonly prepared: PreparedPrune | null;
  /** How good the model is as the step finds it. */
  readonly before: Evaluation | null;
}

/**
 * Applies the steps of a recipe to a model, one after another, and judges the model before the first and after each. The command line,
 * the library, the browser page and the studio all run models by this.
 *
 * @throws CoppiceError of the kind of what is wrong; what can be refused before any work is
 * Deterministic given the seeds of the steps.
 */
export async function run(model: Model, steps: readonly Step[], ports: RunPorts, begun: Begun = {}): Promise<Finished> {
  for (const step of steps) checkStep(step, ports);
  const [first] = steps;
  const prepared = begun.prepared ?? (first?.do === 'prune' ? await preparePrune(model, first, ports) : null);
  const before = begun.before === undefined ? await judge(model, ports) : begun.before;
  if (before !== null) ports.emit({ type: 'accuracy', of: 'before', accuracy: before.accuracy, loss: before.loss });
  const done: StepFacts[] = [];
  let current = model;
  for (const [t, step] of steps.entries()) {
    ports.signal?.throwIfAborted();
    const keeper = ports.keeper?.at?.(t) ?? ports.keeper;
    const { model: next, ...facts } = await apply(
      step,
      { model: current, dense: model, prepared: t === 0 ? prepared : null, before: done.at(-1)?.evaluation ?? before },
      { ...ports, ...(keeper && { keeper }) },
    );
    current = next;
    if (step.do === 'compile') {
      done.push({ ...facts, evaluation: done.at(-1)?.evaluation ?? before } as StepFacts);
      continue; // the model is as it was
    }
    const evaluation = await judge(current, ports);
    if (evaluation !== null)
      ports.emit({ type: 'accuracy', of: EVENTS[step.do], accuracy: evaluation.accuracy, loss: evaluation.loss });
    done.push({ ...facts, evaluation } as StepFacts);
  }
  return { model: current, before, steps: done };
}

/** What the event of an evaluation calls the model after a step. */
const EVENTS = { prune: 'after', compact: 'after', recalibrate: 'recalibrated', finetune: 'finetuned' } as const;

async function apply(step: Step, place: Place, ports: RunPorts) {
  switch (step.do) {
    case 'prune': {
      const prepared = place.prepared ?? (await preparePrune(place.model, step, ports));
      return pruneTransform(place.model, { step, prepared }, ports);
    }
    case 'compact':
      return compactTransform(place.model, step, ports);
    case 'recalibrate':
      return recalibrateTransform(place, step, ports);
    case 'finetune':
      return finetuneTransform(place, step, ports);
    case 'compile':
      return compileTransform(place, step, ports);
  }
}

/** What a step cannot do without data. */
const WITHOUT_DATA = {
  compact: 'Cannot take channels out without data: give rows',
  recalibrate: 'Cannot recalibrate without data: give rows',
  finetune: 'Cannot train without data: give rows with labels or targets',
} as const;

/** Steps that learn from data, and have none. */
function checkStep(step: Step, { data }: RunPorts): void {
  if (data !== null || step.do === 'prune' || step.do === 'compile') return;
  throw new DataError(WITHOUT_DATA[step.do], { remedies: [{ option: 'data' }] });
}

function judge(
  model: Model,
  { engine, evaluation, judged, threads, onProgress, signal, time }: RunPorts,
): Promise<Evaluation | null> {
  return time('evaluate', async () =>
    evaluation === null
      ? null
      : evaluate(engine, model, evaluation, {
          ...judged,
          ...(threads !== undefined && { threads }),
          ...(onProgress && { onProgress }),
          ...(signal && { signal }),
        }),
  );
}
