import type { EpochFacts } from '../../finetune/finetune.ts';
import { duration, integer, percent } from '../../report/figures.ts';

/** One epoch as a line: what it reached, how fast, and how long the others will take at that speed. */
export function epochLine(
  { epoch, loss, accuracy, rate, samplesPerSecond }: EpochFacts,
  { epochs, samples }: { readonly epochs: number; readonly samples: number },
): string {
  const parts = [
    `loss ${loss.toFixed(4)}`,
    ...(accuracy === null ? [] : [`accuracy ${percent(accuracy)}`]),
    `learning rate ${rate.toPrecision(3)}`,
    `${integer(Math.round(samplesPerSecond))} samples a second`,
    ...(epoch < epochs && samplesPerSecond > 0
      ? [`${duration(((epochs - epoch) * samples) / samplesPerSecond)} left`]
      : []),
  ];
  return `epoch ${epoch} of ${epochs}: ${parts.join(', ')}`;
}
