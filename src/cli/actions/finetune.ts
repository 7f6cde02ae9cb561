import type { Command } from 'commander';
import { OptionError } from '../../errors/errors.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { FinetuneFlags } from '../flags.ts';
import { openModel } from '../opening.node.ts';
import { defaultOutput } from '../outputs.node.ts';
import { finetuneRecipe } from '../recipe-flags.ts';
import { runRecipe } from './run-recipe.ts';

/** Trains a file's model with its zeros kept: the flags as a recipe of one training. @returns the exit code */
export async function finetuneFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<FinetuneFlags>();
  const ending = 'finetuned';
  if (flags.printConfig === true) {
    const output = flags.output ?? defaultOutput(path, ending);
    context.print(JSON.stringify(configOf(command, { output }), null, 2));
    return EXIT.ok;
  }
  if (flags.data === undefined)
    throw new OptionError('Cannot train without data: give --data, rows with labels or targets');
  const { teacher, distill } = flags;
  if (teacher === undefined && distill !== undefined)
    throw new OptionError('Cannot distill without a dense model: give --teacher');
  const opened = teacher === undefined ? null : await context.timed('read', () => openModel(teacher));
  const recipe = finetuneRecipe(flags);
  return runRecipe(context, { path, recipe, command, ending, ...(opened && { teacher: opened }) });
}
