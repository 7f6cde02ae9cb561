import type { Command } from 'commander';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { outputFlags, patternFlags } from '../flags.ts';
import { count } from '../parsers.ts';

/** Adds the flags of `coppice inspect`. */
export function define(command: Command): void {
  command.option(
    '--open <n>',
    'size of dimensions that the model leaves open, for shapes and MACs (default: one at which it runs)',
    count,
  );
  patternFlags(command);
  outputFlags(command);
}

/** Runs `coppice inspect`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { inspectFile } = await import('../actions/inspect.ts');
  return inspectFile(context, path, command);
}
