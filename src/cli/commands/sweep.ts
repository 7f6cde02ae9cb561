import type { Command } from 'commander';
import { METHOD_NAMES, SOLVING_METHOD } from '../../methods/list.ts';
import { PRUNE_DEFAULTS } from '../../methods/prune-options.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import {
  checkpointFlags,
  compileFormFlags,
  memoryFlag,
  methodsHelp,
  outputFlags,
  preprocessFlags,
  providerFlag,
  pruningFlags,
} from '../flags.ts';
import { list, oneOf, shares, wholes } from '../parsers.ts';

/** Adds the flags of `coppice sweep`. */
export function define(command: Command): void {
  command
    .option(
      '--methods <name,...>',
      `of ${METHOD_NAMES.join(', ')}; see below`,
      (text) => list(text).map(oneOf(METHOD_NAMES)),
      ['magnitude', SOLVING_METHOD],
    )
    .option('--sparsity <share,...>', 'shares to remove, such as 0.5,0.9 or 0.5..0.9:0.1', shares)
    .option('--flops <share,...>', 'shares of the multiply-accumulates to keep, such as 0.2..0.8', shares)
    .option('--seeds <n,...>', 'each run once for each seed: mean and standard deviation', wholes, [
      PRUNE_DEFAULTS.seed,
    ]);
  pruningFlags(command);
  preprocessFlags(command);
  command
    .option('-o, --output <folder>', 'write the pruned models there, as MODEL-METHOD-SPARSITY[-seedN].onnx')
    .option('--report <folder>', 'write sweep.json and report.html there; measures the size of each model')
    .option('--latency', 'time each model, one sample at a time')
    .option('--compile', 'compile each pruned model too, and measure the program: accuracy, bytes, time')
    .option('--csv', 'print one line a run as CSV instead of a table');
  compileFormFlags(command);
  memoryFlag(command);
  checkpointFlags(command);
  providerFlag(command);
  outputFlags(command).addHelpText('after', methodsHelp());
}

/** Runs `coppice sweep`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { sweepFile } = await import('../actions/sweep.ts');
  return sweepFile(context, path, command);
}
