import type { Command } from 'commander';
import { methodOfStep } from '../../pipeline/transforms/prune-options.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { PruneFlags } from '../flags.ts';
import { defaultOutput } from '../outputs.node.ts';
import { pruneRecipe } from '../recipe-flags.ts';
import { hasRows, runRecipe } from './run-recipe.ts';

/** Prunes a file: the flags as a recipe of one pruning. @returns the exit code of {@link runRecipe} */
export async function pruneFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<PruneFlags>();
  if (flags.printConfig === true) {
    const output = flags.output ?? defaultOutput(path, 'pruned');
    context.print(JSON.stringify(configOf(command, { output, method: namedRecipe(flags).method }), null, 2));
    return EXIT.ok;
  }
  const { recipe } = namedRecipe(flags);
  if (flags.printRecipe === true) {
    context.print(JSON.stringify(recipe, null, 2));
    return EXIT.ok;
  }
  return runRecipe(context, { path, recipe, command, ending: 'pruned' });
}

/** The recipe of the flags, with the method that they mean where none is named. */
function namedRecipe(flags: PruneFlags) {
  const recipe = pruneRecipe(flags);
  const [step] = recipe.steps;
  if (step?.do !== 'prune') return { recipe };
  const method = methodOfStep({ ...step, ...(chooses(flags) && { tune: true }) }, hasRows(recipe));
  return { method, recipe: { ...recipe, steps: [{ ...step, method }, ...recipe.steps.slice(1)] } };
}

/** Flags that only methods which solve have a use for, and that a recipe does not tell. */
function chooses({ half, skipBlocked, refuseBlocked }: PruneFlags): boolean {
  return half === true || skipBlocked === true || refuseBlocked === true;
}
