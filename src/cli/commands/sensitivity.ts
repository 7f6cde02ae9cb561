import type { Command } from 'commander';
import { SENSITIVITY_DEFAULTS } from '../../pipeline/sensitivity.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { DATA_FORMS, lossFlags, outputFlags, preprocessFlags, providerFlag } from '../flags.ts';
import { list, shares } from '../parsers.ts';

/** Adds the flags of `coppice sensitivity`. */
export function define(command: Command): void {
  command
    .option('--eval <address>', `rows with labels or targets; a few hundred do. ${DATA_FORMS}`)
    .option('--sparsity <share,...>', 'shares to remove from each layer in turn', shares, [
      ...SENSITIVITY_DEFAULTS.sparsities,
    ])
    .option('--layers <glob,...>', 'only these layers (names of weights or nodes; * and ?)', list)
    .option('--exclude <glob,...>', 'leave these layers out', list);
  lossFlags(command).option('--output <name>', 'the same as --output-name');
  preprocessFlags(command);
  command.option('--report <folder>', 'write sensitivity.json and sensitivity.svg there');
  providerFlag(command);
  outputFlags(command);
}

/** Runs `coppice sensitivity`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { sensitivityFile } = await import('../actions/sensitivity.ts');
  return sensitivityFile(context, path, command);
}
