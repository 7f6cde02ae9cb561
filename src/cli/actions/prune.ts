import type { Command } from 'commander';
import { countOf } from '../../budget/budget.ts';
import { OptionError } from '../../errors/errors.ts';
import { SOLVING_METHOD, usualMethod } from '../../methods/list.ts';
import { type PruneOptions, resolvePrune } from '../../methods/prune-options.ts';
import { percent, bytes as sizeText } from '../../report/figures.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { budgetOf, type PruneFlags } from '../flags.ts';
import { isMadeUp } from '../opening.node.ts';
import { checkNotInput, checkWritableFile, checkWritableFolder, defaultOutput } from '../outputs.node.ts';
import { NO_KEEPER, openKeeper } from './keeper.ts';
import { printPlan } from './plan.ts';
import { finish } from './prune-result.ts';
import { pruneAndMeasure } from './prune-run.ts';
import { rowsPlan, storeOf } from './rows-plan.ts';
import { openRun, type RunSetup, samplesOf } from './setup.ts';

/** Bytes of a model from which on it is timed only where that is asked for. */
const MOST_TIMED = 2 ** 28;

/**
 * Prunes a file: everything that can be refused is refused first, files are written last.
 *
 * @returns the exit code: 0, or 1 where --min-accuracy was missed
 */
export async function pruneFile(context: Context, path: string, command: Command): Promise<number> {
  nameMethod(command);
  const flags = command.opts<PruneFlags>();
  checkFlags(flags);
  const budget = budgetOf(flags);
  const output = flags.output ?? defaultOutput(path);
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command, { output }), null, 2));
    return EXIT.ok;
  }
  if (flags.dryRun !== true) await checkOutputs(flags, path, output);
  const setup = await openRun(context, path, flags, { methods: [flags.method], seed: flags.seed });
  const samples = samplesOf(context, setup, flags.method, flags.tune === true || flags.maxDrop !== undefined);
  const plan = rowsPlan(context, setup, samples, flags);
  const options: PruneOptions = {
    ...setup.options,
    method: flags.method,
    budget,
    seed: flags.seed,
    samples,
    ...storeOf(plan),
  };
  resolvePrune(options);
  leaveLatency(context, setup, command);
  warnOfZeros(context, setup, 1 - countOf(budget, setup.prunable) / setup.prunable);
  if (flags.dryRun === true) return printPlan(context, setup, options, flags);
  const measured = command.opts<PruneFlags>();
  const { opened, data } = setup;
  const keeper =
    flags.gradual === true && data !== null
      ? await openKeeper(context, flags, { command, output, opened, data, engine: options.engine })
      : NO_KEEPER;
  const run = await pruneAndMeasure(context, setup, options, { flags: measured, keeper });
  const code = await finish(context, setup, run, { flags: measured, output, plan });
  await keeper.done();
  return code;
}

/** Where the user names no method: what the other flags mean. */
function nameMethod(command: Command): void {
  const given = Object.fromEntries(
    Object.entries(command.opts<Partial<PruneFlags>>()).filter(
      ([name]) => command.getOptionValueSource(name) !== 'default',
    ),
  ) as Partial<PruneFlags>;
  const { method, data, tune, gradual, maxDrop, half, skipBlocked, refuseBlocked } = given;
  if (method !== undefined) return;
  const choosesBlocked = skipBlocked === true || refuseBlocked === true;
  const solves = tune === true || gradual === true || maxDrop !== undefined || half === true || choosesBlocked;
  const source = data === undefined || isMadeUp(data) ? undefined : data;
  command.setOptionValueWithSource('method', solves ? SOLVING_METHOD : usualMethod({ ...given, source }), 'default');
}

/** Where the user does not ask for it, large models are not timed: that takes both of them in the runtime at once. */
function leaveLatency(context: Context, { opened }: RunSetup, command: Command): void {
  const { latency } = command.opts<PruneFlags>();
  const bytes = opened.file.bytes ?? 0;
  if (!latency || command.getOptionValueSource('latency') !== 'default' || bytes <= MOST_TIMED) return;
  command.setOptionValueWithSource('latency', false, 'default');
  context.warn(
    `latency is not measured: two models of ${sizeText(bytes)} would be in memory at once (--latency measures it)`,
  );
}

function checkFlags(flags: PruneFlags): void {
  const { minAccuracy } = flags;
  if (minAccuracy !== undefined && !(minAccuracy >= 0 && minAccuracy <= 1))
    throw new OptionError(`Cannot hold --min-accuracy ${minAccuracy}: wanted a share from 0 to 1, such as 0.9`);
  if (minAccuracy !== undefined && flags.eval === undefined)
    throw new OptionError('Cannot hold --min-accuracy without data to measure on: give --eval');
  if (flags.maxDrop !== undefined && flags.data === undefined)
    throw new OptionError('Cannot hold --max-drop without data to measure it on: give --data');
  if (flags.maxDrop !== undefined && !(flags.maxDrop > 0 && flags.maxDrop < 1))
    throw new OptionError(`Cannot hold --max-drop ${flags.maxDrop}: wanted a share above 0 and below 1, such as 1%`);
  if (flags.maxDrop !== undefined && flags.dryRun === true)
    throw new OptionError('Cannot plan for --max-drop: what is kept comes out of the search');
  if (flags.gradual === true && flags.data === undefined)
    throw new OptionError('Cannot train between prunings without data: give --data');
  if (flags.tune === true && flags.lambda !== undefined)
    throw new OptionError('Cannot tune lambda and take it as given: leave out --tune or --lambda');
  if (flags.recalibrate === true && flags.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give --data');
}

async function checkOutputs({ report }: PruneFlags, path: string, output: string): Promise<void> {
  await checkNotInput(output, path);
  checkWritableFile(output);
  if (report !== undefined) checkWritableFolder(report);
}

function warnOfZeros(context: Context, { zeros, prunable }: RunSetup, asked: number): void {
  const share = zeros / prunable;
  if (share > asked && asked > 0)
    context.warn(
      `${percent(share)} of the prunable weights are zero already, more than the ${percent(asked)} asked for`,
    );
}
