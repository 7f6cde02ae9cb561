import { diskMedium } from '../../curvature/disk-medium.node.ts';
import { OptionError } from '../../errors/errors.ts';
import { type PruneOptions, resolveGradients } from '../../methods/prune-options.ts';
import { type MemoryPlan, outerLayers, planRows, planText } from '../../pruning/memory-plan.ts';
import type { Context } from '../context.ts';
import type { MachineFlags } from '../flags.ts';
import { machineMemory, memoryTaken } from '../memory.node.ts';
import type { RunSetup } from './setup.ts';

/** The share of the machine's memory that a run takes where it is not told. */
const MEMORY_SHARE = 0.9;

/**
 * Where the gradient rows of a run are kept, and says so where that was asked for; null for methods without any.
 *
 * @throws OptionError if they do not fit: into the machine where no --memory was given, beside the rest where it was
 */
export function rowsPlan(
  context: Context,
  { chosen }: Pick<RunSetup, 'chosen'>,
  options: PruneOptions,
  { memory, half }: MachineFlags,
): MemoryPlan | null {
  const rows = resolveGradients(options);
  if (rows === null) return null;
  const { samples, batch } = rows;
  const weights = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const needed = (half === true ? 2 : 4) * samples * weights;
  const machine = machineMemory();
  if (memory === undefined && needed > MEMORY_SHARE * machine)
    throw new OptionError(
      `Cannot hold ${samples} gradient rows: they take ${(needed / 1e9).toFixed(1)} GB, the machine has ${(machine / 1e9).toFixed(1)} GB; give --memory 4GB to keep them on disk, lower --samples, or name fewer --layers`,
    );
  const single = batch === 1 && options.source?.fixedBatch !== 1;
  const request = {
    rows: samples,
    weights,
    taken: memoryTaken(),
    half: half === true,
    disk: () => diskMedium(),
    ...(single && { outer: outerLayers(chosen.layers) }),
  };
  const plan = planRows(memory === undefined ? request : { ...request, limit: memory });
  if (memory !== undefined || half === true) context.tell(planText(plan));
  return plan;
}

/** A plan as an option of the run. */
export function storeOf(plan: MemoryPlan | null): Pick<PruneOptions, 'store' | 'factored'> {
  return plan === null ? {} : { store: plan.store, factored: new Set(plan.factored.map(({ name }) => name)) };
}
