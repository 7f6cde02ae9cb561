import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { define as definePrune, act as prune } from './prune.ts';

/** Adds the flags of `coppice plan`: those of `prune`, so that one word turns a plan into a run. */
export function define(command: Command): void {
  definePrune(command);
}

/** Runs `coppice plan`. */
export async function act(context: Context, models: readonly string[], command: Command): Promise<number> {
  command.setOptionValueWithSource('dryRun', true, 'cli');
  return prune(context, models, command);
}
