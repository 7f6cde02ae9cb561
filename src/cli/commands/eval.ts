import type { Command } from 'commander';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { DATA_FORMS, lossFlags, outputFlags, preprocessFlags, providerFlag } from '../flags.ts';

/** Adds the flags of `coppice eval`. */
export function define(command: Command): void {
  command.option('--eval <address>', `rows for accuracy and loss. ${DATA_FORMS}`);
  lossFlags(command).option('--output <name>', 'the same as --output-name');
  preprocessFlags(command);
  command.option('--latency', 'time the model too').option('--no-latency', 'do not (the default)');
  command.setOptionValueWithSource('latency', false, 'default');
  providerFlag(command);
  outputFlags(command);
}

/** Runs `coppice eval`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { evaluateFile } = await import('../actions/eval.ts');
  return evaluateFile(context, path, command);
}
