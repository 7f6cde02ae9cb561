import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Adds the flags of `coppice resume`: all others are those that the run was begun with. */
export function define(command: Command): void {
  command.option('-q, --quiet', 'no progress and no warnings on standard error');
}

/** Runs `coppice resume`. */
export async function act(context: Context, [folder = '']: readonly string[]): Promise<number> {
  const { resumeRun } = await import('../actions/resume.ts');
  return resumeRun(context, folder);
}
