import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { whole } from '../parsers.ts';

/** Adds the flags of `coppice studio`. */
export function define(command: Command): void {
  command
    .option('--port <n>', 'port on this machine; 0 = any that is free', whole, 0)
    .option('--token <text>', 'token of the address, 32 letters and digits or more (default: a new one)')
    .option('-q, --quiet', 'print the address alone')
    .option('-v, --verbose', 'say more on standard error, and where a bug is');
}

/** Runs `coppice studio`. */
export async function act(context: Context, [folder]: readonly string[], command: Command): Promise<number> {
  const { studio } = await import('../actions/studio.node.ts');
  return studio(context, folder ?? 'coppice-runs', command);
}
