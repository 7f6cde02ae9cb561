import type { Command } from 'commander';
import { FINETUNE_DEFAULTS } from '../../finetune/finetune.ts';
import { DEFAULT_METHOD, METHOD_NAMES, SOLVING_METHOD } from '../../methods/list.ts';
import { PRUNE_DEFAULTS } from '../../methods/prune-options.ts';
import { GRADUAL_DEFAULTS } from '../../pipeline/gradual.ts';
import { TUNE_DEFAULTS } from '../../pipeline/tune.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import {
  budgetFlags,
  compileFlags,
  machineFlags,
  methodsHelp,
  outputFlags,
  preprocessFlags,
  pruningFlags,
  trainingFlags,
} from '../flags.ts';
import { count, oneOf, share, whole } from '../parsers.ts';

/** Adds the flags of `coppice prune`. */
export function define(command: Command): void {
  command.option(
    '--method <name>',
    `one of ${METHOD_NAMES.join(', ')}; see below (default: ${DEFAULT_METHOD}; ${SOLVING_METHOD} where an option is given that ${DEFAULT_METHOD} does not have, or inputs are made up)`,
    oneOf(METHOD_NAMES),
  );
  budgetFlags(command);
  command
    .option('--structured', 'take channels, neurons and heads out for good: a smaller model, without zeros')
    .option('--macs <share>', 'of --structured: share of the multiply-adds to keep, such as 0.5', share);
  pruningFlags(command);
  preprocessFlags(command);
  command
    .option('--tune', `choose lambda from ${TUNE_DEFAULTS.grid.join(', ')} on rows of --data that are held out`)
    .option('--gradual', 'train between prunings: prune, train, prune ... to the budget')
    .option('--epochs <n>', 'of --gradual in all', count, GRADUAL_DEFAULTS.epochs)
    .option('--prunings <n>', 'of --gradual', count, GRADUAL_DEFAULTS.prunings)
    .option('--between <n>', 'epochs of --gradual after each pruning but the last', count)
    .option('--train-batch <n>', 'samples a training step of --gradual', count, FINETUNE_DEFAULTS.batch);
  trainingFlags(command, { rate: GRADUAL_DEFAULTS.rate });
  command
    .option('--seed <n>', 'of every random draw', whole, PRUNE_DEFAULTS.seed)
    .option('--print-recipe', 'print what this command line means as a recipe for "coppice run", and stop');
  compileFlags(command);
  machineFlags(command);
  outputFlags(command).addHelpText('after', methodsHelp());
}

/** Runs `coppice prune`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { pruneFile } = await import('../actions/prune.ts');
  return pruneFile(context, path, command);
}
