import { checkOptions } from '../errors/arguments.ts';
import type { Ran } from '../pipeline/run-and-report.ts';
import { checkModel, PREPROCESS_CHECKS, RECIPE_RUN_CHECKS } from './checks.ts';
import type { ModelSource } from './model.node.ts';
import { perform } from './perform.node.ts';
import { type RecipeSource, readRecipe } from './recipe.node.ts';
import type { RecipeRequest } from './requests.node.ts';

/**
 * Applies a recipe to a model, as `coppice run` does: the same steps in the same order, to the same bytes. What a command line means is
 * written by `coppice prune --print-recipe`; every report holds its own.
 *
 *     const { model, report } = await run('recipe.json', 'resnet20.onnx');
 *
 * @param recipe   the recipe, a report with one, or where either lies
 * @param request  rows in the place of those that the recipe names, and where the work is done
 * @throws OptionError  if it is no recipe, naming the place in it; for arguments that cannot be, before any work
 * @throws CoppiceError as the steps do: see {@link import('./prune.node.ts').prune}, {@link import('./train.node.ts').finetune}
 * Deterministic given the seeds of the steps, measured times aside. Cost: that of the steps, one pass over the evaluation data before the
 * first and one after each, and compressing both models for their sizes.
 */
export async function run(recipe: RecipeSource, model: ModelSource, request: RecipeRequest = {}): Promise<Ran> {
  checkModel('run the recipe', model);
  checkOptions('run the recipe', request, RECIPE_RUN_CHECKS);
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  const { teacher, ...asked } = request;
  if (teacher !== undefined) checkModel('run the recipe', teacher);
  const read = await readRecipe(recipe);
  const models = [model, ...(teacher === undefined ? [] : [teacher])];
  return perform('run', models, { ...asked, recipe: read });
}
