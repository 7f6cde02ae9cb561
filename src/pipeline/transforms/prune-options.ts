import { budget } from '../../budget/budget.ts';
import { OptionError } from '../../errors/errors.ts';
import type { Measure } from '../../evaluate/measure.ts';
import type { Model } from '../../ir/model.ts';
import { decided } from '../../methods/decided.ts';
import { type Method, methodOf, SOLVING_METHOD, usualMethod } from '../../methods/list.ts';
import type { Method as MethodEntry } from '../../methods/method.ts';
import { idleOptions, type PruneOptions, type ResolvedPrune, resolvePrune } from '../../methods/prune-options.ts';
import { withoutData } from '../../pruning/job.ts';
import { chooseLayers } from '../../pruning/layers.ts';
import type { MethodOptions } from '../../pruning/method-options.ts';
import { MAX_DROP_DEFAULTS } from '../max-drop.ts';
import { budgetPart, type PruneStep, withoutUndefined } from '../recipe.ts';
import type { RunPorts } from '../run-ports.ts';

/** A pruning with everything open and decided that can be before the work. */
export interface PreparedPrune {
  readonly method: MethodEntry;
  readonly options: PruneOptions;
  readonly resolved: ResolvedPrune;
  /** Weights in the layers that were chosen. */
  readonly prunable: number;
}

/**
 * The options of a pruning step: what the step says, what the data decides, and what the platform gives.
 *
 * @throws CoppiceError of the kind of what is wrong
 */
export async function preparePrune(model: Model, step: PruneStep, ports: RunPorts): Promise<PreparedPrune> {
  const { data } = ports;
  const { constraint, measure, ...pruning } = ports.pruning ?? {};
  const named: { readonly method?: Method } =
    pruning.solver === undefined
      ? { method: methodOfStep(step, data !== null && data.isMadeUp !== true) }
      : withoutUndefined({ method: step.method });
  const method = methodOf({ ...named, ...pruning });
  checkPruneStep(step, data !== null, measure);
  if (method.needs.data && data === null) throw withoutData(method.name);
  const own = withoutNull(step.options) as MethodOptions;
  const { layers, exclude, blocked, seed, loss, labels, output } = step;
  const asked: PruneOptions = {
    engine: ports.engine,
    ...named,
    ...pruning,
    budget: budget({ ...budgetPart(step), ...(constraint && { constraint }) }),
    ...own,
    ...withoutUndefined({ layers, exclude, blocked, seed, loss, labels, output: output ?? ports.judged.output }),
    augment: ports.augment,
    ...withoutUndefined({ threads: ports.threads, onProgress: ports.onProgress, signal: ports.signal }),
    ...(ports.openPool && { openPool: ports.openPool }),
    ...(data !== null && { source: data }),
  };
  const chosen = chooseLayers(model, withoutUndefined({ layers, exclude }));
  const heldOut = step.tune === true || step.budget.maxDrop !== undefined;
  const holding = heldOut && data !== null ? Math.min(MAX_DROP_DEFAULTS.heldOut, Math.floor(data.count / 5)) : 0;
  const { options, notes, warnings } = await decided(model, asked, { layers: chosen.layers, holding });
  for (const name of idleOptions(asked))
    ports.warn(`${name} has no effect: the method ${method.name} does not have it`);
  for (const note of notes) ports.note(note);
  for (const warning of warnings) ports.warn(warning);
  const complete = { ...options, ...ports.rowsFor?.(options) };
  const resolved = resolvePrune(complete);
  const prunable = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  return { method, options: complete, resolved, prunable };
}

/** The method of a step; where none is named, the one that the rest of it means. @param hasRows  whether there are rows that are not made up */
export function methodOfStep(step: PruneStep, hasRows: boolean): Method {
  const { method, tune, gradual, budget: asked, blocked, options, loss, labels } = step;
  if (method !== undefined) return method;
  const solves = tune === true || gradual !== undefined || asked.maxDrop !== undefined || blocked !== undefined;
  return solves ? SOLVING_METHOD : usualMethod({ ...options, loss, labels, ...(hasRows && { source: true }) });
}

/** Refuses what a step asks for that cannot be, before any data is opened. @throws OptionError */
export function checkPruneStep(
  { tune, gradual, budget: { maxDrop }, options }: PruneStep,
  hasData: boolean,
  measure: Measure = 'accuracy',
): void {
  if (maxDrop !== undefined && !hasData)
    throw new OptionError('Cannot hold the accuracy without data to measure it on: give rows', {
      remedies: [{ option: 'data' }],
    });
  if (maxDrop !== undefined && measure === 'accuracy' && !(maxDrop > 0 && maxDrop < 1))
    throw new OptionError(
      `Cannot hold the accuracy within ${maxDrop}: wanted a share above 0 and below 1, such as 0.01`,
      {
        remedies: [{ option: 'maxDrop', value: '1%' }],
      },
    );
  if (gradual !== undefined && !hasData)
    throw new OptionError('Cannot train between prunings without data: give rows', {
      remedies: [{ option: 'data' }],
    });
  if (tune === true && options.lambda !== undefined)
    throw new OptionError('Cannot tune lambda and take it as given: leave one of them out', {
      remedies: [{ option: 'tune' }, { option: 'lambda' }],
    });
}

function withoutNull(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}
