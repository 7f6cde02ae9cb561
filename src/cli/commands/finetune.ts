import type { Command } from 'commander';
import { FINETUNE_DEFAULTS } from '../../finetune/finetune.ts';
import { RATE_SCHEDULES, type RateSchedule } from '../../schedule/learning-rate.ts';
import { applyConfig } from '../config.node.ts';
import type { Context } from '../context.ts';
import { DATA_FORMS, outputFlags, preprocessFlags } from '../flags.ts';
import { count, number, oneOf, whole } from '../parsers.ts';

/** Adds the flags of `coppice finetune`. */
export function define(command: Command): void {
  const { epochs, batch, rate, momentum, weightDecay, schedule, warmup, seed } = FINETUNE_DEFAULTS;
  const schedules = Object.keys(RATE_SCHEDULES) as RateSchedule[];
  command
    .option('--data <address>', `rows to train on, with labels or targets. ${DATA_FORMS}`)
    .option('--eval <address>', 'rows for accuracy and loss before and after, never trained on')
    .option('--epochs <n>', 'passes over --data', count, epochs)
    .option('--batch <n>', 'samples a step', count, batch)
    .option('--rate <x>', 'learning rate', number, rate)
    .option('--rate-schedule <kind>', `how it goes: ${schedules.join(', ')}`, oneOf(schedules), schedule)
    .option('--warmup <epochs>', 'over which it rises at first', number, warmup)
    .option('--momentum <x>', 'of the descent', number, momentum)
    .option('--nesterov', 'look ahead along the momentum')
    .option('--weight-decay <x>', 'added to the gradient as x times the weight', number, weightDecay)
    .option('--freeze-statistics', 'leave batch normalisation as it is in inference')
    .option('--dense', 'train zeros too, instead of keeping what was pruned')
    .option('--augment-crop <px>', 'random crops out of the picture padded by so many pixels', whole)
    .option('--augment-flip', 'mirror every second picture')
    .option('--seed <n>', 'of every random draw', whole, seed);
  preprocessFlags(command);
  command.option('-o, --output <file>', 'the trained model (default: MODEL-finetuned.onnx in the current folder)');
  outputFlags(command);
}

/** Runs `coppice finetune`. */
export async function act(context: Context, [path = '']: readonly string[], command: Command): Promise<number> {
  applyConfig(command);
  const { finetuneFile } = await import('../actions/finetune.ts');
  return finetuneFile(context, path, command);
}
