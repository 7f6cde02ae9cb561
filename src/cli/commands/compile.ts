import { type Command, Option } from 'commander';
import { COMPILE_DEFAULTS } from '../../compile/compile.ts';
import { TARGETS, WEIGHT_FORMS } from '../../compile/forms.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { outputFlags } from '../flags.ts';
import { count, oneOf } from '../parsers.ts';

/** Adds the flags of `coppice compile`. */
export function define(command: Command): void {
  const { weights, target } = COMPILE_DEFAULTS;
  command
    .option('-o, --output <file>', 'where the program goes (default: MODEL.wasm); .js and .d.ts lie beside it')
    .option('--inline', 'one .js file with everything in it, beside its .d.ts')
    .addOption(
      new Option('--weights <form>', `how weights are stored: ${WEIGHT_FORMS.join(', ')}`)
        .argParser(oneOf(WEIGHT_FORMS))
        .default(weights),
    )
    .addOption(
      new Option('--target <kind>', `instructions; auto: both, chosen when loaded: ${TARGETS.join(', ')}`)
        .argParser(oneOf(TARGETS))
        .default(target),
    )
    .option('--batch <n>', 'samples of a run (default: 1)', count)
    .option('--open <n>', 'size of dimensions that the model leaves open (default: one at which it runs)', count);
  outputFlags(command);
}

/** Runs `coppice compile`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { compileFile } = await import('../actions/compile.ts');
  return compileFile(context, path, command);
}
