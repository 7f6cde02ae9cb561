import type { Command } from 'commander';
import { PRUNE_DEFAULTS } from '../../pipeline/prune.ts';
import { TUNE_DEFAULTS } from '../../pipeline/tune.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { budgetFlags, METHOD_NAMES, methodsHelp, outputFlags, preprocessFlags, pruningFlags } from '../flags.ts';
import { number, oneOf, whole } from '../parsers.ts';

/** Adds the flags of `coppice prune`. */
export function define(command: Command): void {
  command.option(
    '--method <name>',
    `one of ${METHOD_NAMES.join(', ')}; see below`,
    oneOf(METHOD_NAMES),
    PRUNE_DEFAULTS.method,
  );
  budgetFlags(command);
  pruningFlags(command);
  preprocessFlags(command);
  command
    .option('--tune', `choose lambda from ${TUNE_DEFAULTS.grid.join(', ')} on rows of --data that are held out`)
    .option('--seed <n>', 'of every random draw', whole, PRUNE_DEFAULTS.seed)
    .option('--latency', 'time the model before and after', true)
    .option('--no-latency', 'do not')
    .option('--min-accuracy <share>', 'exit with code 1 if the pruned model does worse on --eval', number)
    .option('-o, --output <file>', 'the pruned model (default: MODEL-pruned.onnx in the current folder)')
    .option('--report <folder>', 'write report.json and report.html there')
    .option('--dry-run', 'print the plan with its predicted figures, and stop');
  outputFlags(command).addHelpText('after', methodsHelp());
}

/** Runs `coppice prune`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { pruneFile } = await import('../actions/prune.ts');
  return pruneFile(context, path, command);
}
