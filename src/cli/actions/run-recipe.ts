import type { Command } from 'commander';
import { removedShare } from '../../budget/budget.ts';
import { OptionError } from '../../errors/errors.ts';
import { auto } from '../../methods/auto.ts';
import { reconstruct } from '../../methods/reconstruct.ts';
import { isMadeUp } from '../../pipeline/opened-data.ts';
import { budgetPart, type PruneStep, type Recipe, type Step } from '../../pipeline/recipe.ts';
import { run } from '../../pipeline/run.ts';
import type { RunPorts } from '../../pipeline/run-ports.ts';
import { checkPruneStep, methodOfStep, preparePrune } from '../../pipeline/transforms/prune-options.ts';
import { planText } from '../../pruning/memory-plan.ts';
import { workText } from '../../pruning/work-plan.ts';
import { percent, bytes as sizeText } from '../../report/figures.ts';
import { REPORT_FILES } from '../../report/files.node.ts';
import { readPage } from '../../report/page.node.ts';
import type { Context } from '../context.ts';
import type { MachineFlags } from '../flags.ts';
import type { OpenedModel } from '../opening.node.ts';
import {
  absolute,
  checkNotInputs,
  checkWritableFile,
  checkWritableFolder,
  defaultOutput,
  fileIn,
  folderHolding,
  inputsOf,
  stemOf,
} from '../outputs.node.ts';
import { endOf, NO_KEEPER, ofSteps, openKeeper } from './keeper.ts';
import { printPlan } from './plan.ts';
import { finish, type ProgramPlace } from './run-result.ts';
import { openRun, portsOf, type RunSetup } from './setup.ts';
import { optionsOf, planPruning, planTraining, type RunPlan } from './work-plan.ts';

/** Bytes of a model from which on it is timed only where that is asked for. */
const MOST_TIMED = 2 ** 28;

/** A recipe for a file, and how it is run. */
export interface RecipeRun {
  readonly path: string;
  readonly recipe: Recipe;
  /** As given: its flags are {@link MachineFlags} among others. */
  readonly command: Command;
  /** What the result is called, such as `pruned`. */
  readonly ending: string;
  /** The model whose outputs a training goes by. */
  readonly teacher?: OpenedModel;
  /** Where the recipe was read. */
  readonly recipeFile?: string;
}

/**
 * Runs a recipe on a file: everything that can be refused is refused first, files are written last.
 *
 * @returns the exit code: 0, or 1 where --min-accuracy was missed
 */
export async function runRecipe(context: Context, asked: RecipeRun): Promise<number> {
  const { path, recipe, command } = asked;
  const flags = command.opts<MachineFlags>();
  checkFlags(flags, recipe);
  const output = flags.output ?? defaultOutput(path, asked.ending);
  if (flags.dryRun !== true) await checkOutputs(asked, flags, output);
  const setup = await openRun(context, path, requestOf(recipe, flags));
  const [first] = recipe.steps;
  const plans: { made: RunPlan | null } = { made: null };
  const { opened, data, engine } = setup;
  leaveLatency(context, opened, command);
  const machine = command.opts<MachineFlags>();
  const ports: RunPorts = {
    ...portsOf(context, setup, flags),
    judgesStages: flags.report !== undefined || flags.json === true || flags.events !== undefined,
    rowsFor: (options) => {
      const plan = planPruning(setup, options, { flags, steps: recipe.steps });
      if (plans.made === null && flags.dryRun !== true) tellPlan(context, plan, flags);
      plans.made = plan;
      return optionsOf(plan, flags);
    },
    ...(asked.teacher && { teacher: asked.teacher.model }),
  };
  if (first?.do === 'prune') warnOfZeros(context, setup, first);
  if (flags.dryRun === true) {
    if (first?.do !== 'prune') throw new OptionError('Cannot plan a recipe that does not begin with a pruning');
    const { options } = await preparePrune(opened.model, first, ports);
    return printPlan(context, setup, options, { flags, plan: plans.made });
  }
  if (first?.do === 'finetune') planTraining(setup, recipe.steps, flags);
  const isGradual = recipe.steps.some((step) => step.do === 'prune' && step.gradual !== undefined);
  const kept = recipe.steps.filter((step) => isKept(step, { hasData: hasRows(recipe), isGradual }));
  const keeper =
    (isGradual ? kept.length === 1 : kept.length > 0) && data !== null
      ? await openKeeper(context, flags, {
          command,
          recipe,
          output,
          opened,
          data,
          engine,
          ...(asked.teacher && { teacher: asked.teacher }),
        })
      : NO_KEEPER;
  const program = programPlace(flags, output);
  const finished = await run(opened.model, recipe.steps, {
    ...ports,
    keeper: kept.length > 1 ? ofSteps(keeper.run) : { ...keeper.run, ...(!isGradual && { pruning: keeper.run }) },
  });
  const code = await finish(context, setup, finished, {
    flags: machine,
    recipe,
    output,
    program,
    plan: plans.made?.rows ?? null,
  });
  await endOf(context, keeper);
  return code;
}

/** Whether a step goes on within itself; where prunings and training take turns, nothing else does. */
function isKept(step: Step, { hasData, isGradual }: { hasData: boolean; isGradual: boolean }): boolean {
  if (step.do !== 'prune') return step.do === 'finetune';
  return isGradual ? step.gradual !== undefined : KEPT_METHODS.has(methodOfStep(step, hasData));
}

/** Methods that keep what they come to on the way. */
const KEPT_METHODS: ReadonlySet<string> = new Set([auto.name, reconstruct.name]);

/** Where the compiled model goes: beside the model unless --compile says otherwise. */
function programPlace({ compile }: MachineFlags, output: string): ProgramPlace {
  const file = typeof compile === 'string' ? compile : output;
  const stem = stemOf(file).replace(/\.(wasm|js|mjs)$/i, '');
  return { folder: folderHolding(file), stem };
}

/** Whether a recipe has rows that are not made up. */
export function hasRows({ data }: Pick<Recipe, 'data'>): boolean {
  return data !== undefined && !isMadeUp(data);
}

/** What is opened for a recipe. */
function requestOf({ steps, ...rows }: Recipe, machine: MachineFlags) {
  const prunings = steps.filter((step) => step.do === 'prune');
  const { layers, exclude, output, seed } = { ...prunings[0], ...steps[0] } as PruneStep;
  return {
    rows,
    machine,
    choice: { ...(layers && { layers }), ...(exclude && { exclude }) },
    judged: output === undefined ? {} : { output },
    methods: prunings.map((step) => methodOfStep(step, hasRows(rows))),
    learns: steps.some((step) => step.do !== 'prune' && step.do !== 'compile'),
    seed: seed ?? 1,
  };
}

/** Says what a run takes, where it was asked to keep to something. */
function tellPlan({ tell }: Context, { work, rows }: RunPlan, { memory, half }: MachineFlags): void {
  if (memory !== undefined) tell(workText(work));
  if ((memory !== undefined || half === true) && rows !== null) tell(planText(rows));
}

/** Where the user does not ask for it, large models are not timed: that takes both of them in the runtime at once. */
function leaveLatency(context: Context, { file }: OpenedModel, command: Command): void {
  const { latency } = command.opts<MachineFlags>();
  const bytes = file.bytes ?? 0;
  if (!latency || command.getOptionValueSource('latency') !== 'default' || bytes <= MOST_TIMED) return;
  command.setOptionValueWithSource('latency', false, 'default');
  context.warn(
    `latency is not measured: two models of ${sizeText(bytes)} would be in memory at once (--latency measures it)`,
  );
}

function checkFlags({ minAccuracy, dryRun }: MachineFlags, recipe: Recipe): void {
  if (minAccuracy !== undefined && !(minAccuracy >= 0 && minAccuracy <= 1))
    throw new OptionError(`Cannot hold --min-accuracy ${minAccuracy}: wanted a share from 0 to 1, such as 0.9`);
  if (minAccuracy !== undefined && recipe.eval === undefined)
    throw new OptionError('Cannot hold --min-accuracy without data to measure on: give --eval');
  for (const step of recipe.steps) {
    if (step.do !== 'prune') continue;
    checkPruneStep(step, recipe.data !== undefined);
    if (step.budget.maxDrop !== undefined && dryRun === true)
      throw new OptionError('Cannot plan for --max-drop: what is kept comes out of the search');
  }
}

async function checkOutputs(asked: RecipeRun, flags: MachineFlags, output: string): Promise<void> {
  const { report, config } = flags;
  const { path, recipe, recipeFile, teacher } = asked;
  const inputs = inputsOf(path, {
    data: recipe.data,
    eval: recipe.eval,
    teacher: teacher?.path,
    recipe: recipeFile,
    config,
  });
  const reported = report === undefined ? [] : REPORT_FILES.map((name) => fileIn(report, name));
  const { folder, stem } = programPlace(flags, output);
  const compiles = recipe.steps.some((step) => step.do === 'compile');
  const programs = compiles ? ['d.ts', 'js', 'wasm'].map((ending) => fileIn(folder, `${stem}.${ending}`)) : [];
  checkNotInputs([output, `${output}.data`, ...reported, ...programs], inputs);
  checkWritableFile(output);
  if (programs.some((file) => absolute(file) === absolute(output)))
    throw new OptionError(`Cannot write the model to "${output}": the compiled model goes there`);
  for (const file of programs) checkWritableFile(file);
  if (report === undefined) return;
  checkWritableFolder(report);
  await readPage('report');
}

function warnOfZeros(context: Context, { zeros, prunable }: RunSetup, step: PruneStep): void {
  const asked = removedShare({ scope: 'global', ...budgetPart(step) }, prunable);
  const share = zeros / prunable;
  if (share > asked && asked > 0)
    context.warn(
      `${percent(share)} of the prunable weights are zero already, more than the ${percent(asked)} asked for`,
    );
}
