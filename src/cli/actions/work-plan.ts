import { diskMedium } from '../../curvature/disk-medium.node.ts';
import { activationElements } from '../../curvature/gradient-program.ts';
import { OptionError } from '../../errors/errors.ts';
import { feedsOf } from '../../ir/access.ts';
import { methodOf, takesCompute } from '../../methods/list.ts';
import { type PruneOptions, resolveGradients, resolvePrune } from '../../methods/prune-options.ts';
import type { Step } from '../../pipeline/recipe.ts';
import { type MemoryPlan, outerLayers, planRows, planText } from '../../pruning/memory-plan.ts';
import { START } from '../../pruning/prune-by-training.ts';
import { bytesBesideRows, planWork, type WorkFacts, type WorkKind, type WorkPlan } from '../../pruning/work-plan.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { MachineFlags } from '../flags.ts';
import { machineMemory, memoryTaken } from '../memory.node.ts';
import type { RunSetup } from './setup.ts';

/** The share of the machine's memory that a run takes where it is not told. */
const MEMORY_SHARE = 0.9;

/** What a run takes, and where its gradient rows are. */
export interface RunPlan {
  readonly work: WorkPlan;
  /** Null for methods without. */
  readonly rows: MemoryPlan | null;
}

/** Flags that a plan goes by. */
export type PlanFlags = Pick<MachineFlags, 'memory' | 'half' | 'threads'>;

/**
 * What a pruning takes in memory and time, and what of that is changed to keep within `--memory`: where gradient rows are kept, how many threads
 * have sessions of their own.
 *
 * @param steps  of the recipe: trainings behind the pruning count
 * @throws OptionError if it does not fit: into the machine where no --memory was given, within it where it was
 */
export function planPruning(
  setup: RunSetup,
  options: PruneOptions,
  { flags, steps }: { readonly flags: PlanFlags; readonly steps: readonly Step[] },
): RunPlan {
  const resolved = resolvePrune(options);
  const { samples = 1, batch = 1, stages = 1 } = resolved;
  const { gradients, minutes } = options;
  const facts = {
    ...factsOf(setup, flags),
    kind: kindOf(options),
    samples,
    batch,
    stages,
    trains: (setup.data?.source.count ?? 0) >= START.leastToTrain || (gradients ?? minutes ?? null) !== null,
    ...trainingOf(steps),
  };
  const rows = resolveGradients(options) === null ? null : rowsOf(facts, options, flags);
  const work = planWork({ ...facts, ...(rows && { rows: rows.expected - bytesBesideRows(facts) }) });
  return { work, rows };
}

/** The same of trainings alone. */
export function planTraining(setup: RunSetup, steps: readonly Step[], flags: PlanFlags): RunPlan {
  const facts = { ...factsOf(setup, flags), kind: 'weights' as const, samples: 1, batch: 1, stages: 1 };
  return { work: planWork({ ...facts, ...trainingOf(steps) }), rows: null };
}

/** A plan as options of the run. */
export function optionsOf(
  { rows, work }: RunPlan,
  { memory }: PlanFlags,
): Pick<PruneOptions, 'store' | 'factored' | 'threads'> {
  return {
    ...(memory !== undefined && { threads: work.threads }),
    ...(rows && { store: rows.store, factored: new Set(rows.factored.map(({ name }) => name)) }),
  };
}

/** Where the rows are, in words; null where there are none. */
export function rowsText({ rows }: RunPlan): string | null {
  return rows === null ? null : planText(rows);
}

function kindOf(options: PruneOptions): WorkKind {
  const method = methodOf(options);
  if (method.needs.gradients) return 'rows';
  if (takesCompute(method)) return 'training';
  return method.needs.data ? 'layers' : 'weights';
}

/** What of a training its plan is made of. */
interface Training {
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
}

/** Epochs, and samples of a step, of the trainings among the steps. */
function trainingOf(steps: readonly Step[]): Pick<WorkFacts, 'epochs' | 'trained'> {
  const trainings = steps.flatMap((step): readonly Training[] => {
    if (step.do === 'finetune') return [step];
    return step.do === 'prune' && step.gradual !== undefined ? [step.gradual] : [];
  });
  return {
    epochs: trainings.reduce((sum, { epochs = 1 }) => sum + epochs, 0),
    trained: Math.max(0, ...trainings.map(({ batch = TRAINED }) => batch)),
  };
}

/** Samples of a step of training where none are named. */
const TRAINED = 128;

type Machine = Omit<WorkFacts, 'kind' | 'samples' | 'batch' | 'stages'>;

function factsOf({ chosen, opened, data, shapes, engine }: RunSetup, { memory, threads }: PlanFlags): Machine {
  const { graph } = opened.model;
  const batch = shapes?.batch ?? 1;
  const inputs = feedsOf(graph).map(({ name }) => sizeOf(shapes?.captured.get(name)?.dims ?? []));
  let constants = 0;
  for (const { dims } of graph.constants.values()) constants += sizeOf(dims);
  return {
    layers: chosen.layers,
    constants,
    activations: shapes === null ? null : activationElements(shapes.captured) / batch,
    inputs: inputs.reduce((sum, size) => sum + size, 0) / batch,
    count: data?.source.count ?? 0,
    threads: threads ?? engine.cores,
    taken: memoryTaken(),
    ...(memory !== undefined && { limit: memory }),
  };
}

/** @throws OptionError if the rows do not fit */
function rowsOf(facts: WorkFacts, options: PruneOptions, { memory, half }: PlanFlags): MemoryPlan {
  const { samples, batch, layers } = facts;
  const weights = layers.reduce((sum, { size }) => sum + size, 0);
  const needed = (half === true ? 2 : 4) * samples * weights;
  const machine = machineMemory();
  if (memory === undefined && needed > MEMORY_SHARE * machine)
    throw new OptionError(
      `Cannot hold ${samples} gradient rows: they take ${(needed / 1e9).toFixed(1)} GB, the machine has ${(machine / 1e9).toFixed(1)} GB; give --memory 4GB to keep them on disk, lower --samples, or name fewer --layers`,
    );
  const single = batch === 1 && options.source?.fixedBatch !== 1;
  return planRows({
    rows: samples,
    weights,
    beside: bytesBesideRows(facts),
    half: half === true,
    disk: () => diskMedium(),
    ...(single && { outer: outerLayers(layers) }),
    ...(memory !== undefined && { limit: memory }),
  });
}
