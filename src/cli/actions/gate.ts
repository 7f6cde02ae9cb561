import type { Evaluation } from '../../evaluate/accuracy.ts';
import { percent } from '../../report/figures.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

/** The exit code by --min-accuracy; the accuracy that counts is that of the model as written. */
export function gate(context: Context, reached: Evaluation | null, least: number | undefined): number {
  if (least === undefined) return EXIT.ok;
  const accuracy = reached?.accuracy ?? null;
  if (accuracy !== null && accuracy >= least) return EXIT.ok;
  context.fail(`the accuracy is ${percent(accuracy)}, below the ${percent(least)} of --min-accuracy`);
  return EXIT.gateMissed;
}
