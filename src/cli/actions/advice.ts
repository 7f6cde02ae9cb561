import { METHODS, takesCompute } from '../../methods/list.ts';
import type { Recipe } from '../../pipeline/recipe.ts';
import type { Finished } from '../../pipeline/run.ts';
import { lastEvaluation } from '../../pipeline/run-report.ts';

/** Points of accuracy, as a share, that a user who measures it will not lose gladly. */
const MUCH = 0.02;

/**
 * What would keep more accuracy, where much was lost and nothing was trained.
 *
 * @returns  a sentence, or null where there is nothing to say
 */
export function adviceOn(finished: Finished, { steps, data }: Recipe): string | null {
  const [was, is] = [finished.before?.accuracy ?? null, lastEvaluation(finished)?.accuracy ?? null];
  if (was === null || is === null || was - is < MUCH) return null;
  const trains = steps.some(
    (step) =>
      step.do === 'finetune' ||
      (step.do === 'prune' &&
        (step.gradual !== undefined || (step.method !== undefined && takesCompute(METHODS[step.method])))),
  );
  if (trains) return null;
  const ways = [
    ...(steps.some((step) => step.do === 'recalibrate')
      ? []
      : ['--recalibrate re-estimates batch statistics, in seconds']),
    '--method auto trains the model to imitate its dense self, in minutes and without labels',
    '--gradual prunes and trains by turns',
  ];
  const given = data === undefined ? ' (with --data)' : '';
  return `accuracy fell by ${(100 * (was - is)).toFixed(1)} points; to keep more${given}: ${ways.join('; ')}`;
}
