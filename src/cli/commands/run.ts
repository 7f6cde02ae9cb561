import type { Command } from 'commander';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { checkpointFlags, machineFlags, outputFlags } from '../flags.ts';

/** Adds the flags of `coppice run`: what is done to the model is in the recipe. */
export function define(command: Command): void {
  command
    .option('--data <address>', "rows to learn from, in the place of the recipe's")
    .option('--eval <address>', "rows for accuracy and loss, in the place of the recipe's");
  machineFlags(command);
  checkpointFlags(command);
  outputFlags(command);
}

/** Runs `coppice run`. */
export async function act(
  context: Context,
  [recipe = '', path = '']: readonly string[],
  command: Command,
): Promise<number> {
  applyConfig(command);
  const { runFile } = await import('../actions/run-file.node.ts');
  return runFile(context, { recipe, path }, command);
}
