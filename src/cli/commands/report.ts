import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';

/** Adds the flags of `coppice report`. */
export function define(command: Command): void {
  command
    .addOption(
      new Option('--format <kind>', 'html: report.html. md: report.md and its charts as SVG. json: the data, printed')
        .choices(['html', 'md', 'json'])
        .default('html'),
    )
    .option('-o, --output <folder>', 'where files go (default: beside the data)')
    .option('-q, --quiet', 'no progress and no warnings on standard error')
    .option('-v, --verbose', 'say more on standard error, and where a bug is');
}

/** Runs `coppice report`. */
export async function act(context: Context, [place = '']: readonly string[], command: Command): Promise<number> {
  const { reportAgain } = await import('../actions/report.ts');
  return reportAgain(context, place, command);
}
