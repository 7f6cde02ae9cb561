import type { Command } from 'commander';
import { readRecipe } from '../../library/recipe.node.ts';
import { withoutUndefined } from '../../pipeline/recipe.ts';
import type { Context } from '../context.ts';
import type { MachineFlags } from '../flags.ts';
import { runRecipe } from './run-recipe.ts';

/** Runs the recipe of a file, or that of a report, on a model. @returns the exit code of {@link runRecipe} */
export async function runFile(
  context: Context,
  { recipe: file, path }: { readonly recipe: string; readonly path: string },
  command: Command,
): Promise<number> {
  const { data, eval: evaluation } = command.opts<MachineFlags & { readonly data?: string; readonly eval?: string }>();
  const read = await readRecipe(file);
  const recipe = { ...read, ...withoutUndefined({ data, eval: evaluation }) };
  const ending = recipe.steps.some((step) => step.do === 'prune') ? 'pruned' : 'finetuned';
  return runRecipe(context, { path, recipe, command, ending, recipeFile: file });
}
