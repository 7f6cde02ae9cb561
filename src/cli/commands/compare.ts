import type { Command } from 'commander';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { DATA_FORMS, lossFlags, outputFlags, preprocessFlags, providerFlag } from '../flags.ts';

/** Adds the flags of `coppice compare`. */
export function define(command: Command): void {
  command.option('--eval <address>', `rows for accuracy, loss and agreement. ${DATA_FORMS}`);
  lossFlags(command).option('--output <name>', 'the same as --output-name');
  preprocessFlags(command);
  command.option('--latency', 'time the models side by side', true).option('--no-latency', 'do not');
  providerFlag(command);
  outputFlags(command);
}

/** Runs `coppice compare`. */
export async function act(context: Context, paths: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { compareFiles } = await import('../actions/compare.ts');
  return compareFiles(context, paths, command);
}
