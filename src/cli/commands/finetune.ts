import type { Command } from 'commander';
import { FINETUNE_DEFAULTS } from '../../finetune/finetune.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import {
  DATA_FORMS,
  lossFlags,
  memoryFlag,
  outputFlags,
  preprocessFlags,
  providerFlag,
  trainingFlags,
} from '../flags.ts';
import { count, whole } from '../parsers.ts';

/** Adds the flags of `coppice finetune`. */
export function define(command: Command): void {
  const { epochs, batch, rate, seed } = FINETUNE_DEFAULTS;
  command
    .option('--data <address>', `rows to train on, with labels or targets. ${DATA_FORMS}`)
    .option('--eval <address>', 'rows for accuracy and loss before and after, never trained on')
    .option('--epochs <n>', 'passes over --data', count, epochs)
    .option('--batch <n>', 'samples a step', count, batch)
    .option('--teacher <file>', 'dense model of --distill; --data then needs no labels if its share is 1');
  lossFlags(command);
  trainingFlags(command, { rate });
  command
    .option('--freeze-statistics', 'leave batch normalisation as it is in inference')
    .option('--dense', 'train zeros too, instead of keeping what was pruned')
    .option('--augment-crop <px>', 'random crops out of the picture padded by so many pixels', whole)
    .option('--augment-flip', 'mirror every second picture')
    .option('--seed <n>', 'of every random draw', whole, seed);
  preprocessFlags(command);
  command.option('-o, --output <file>', 'the trained model (default: MODEL-finetuned.onnx in the current folder)');
  memoryFlag(command);
  providerFlag(command);
  outputFlags(command);
}

/** Runs `coppice finetune`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { finetuneFile } = await import('../actions/finetune.ts');
  return finetuneFile(context, path, command);
}
