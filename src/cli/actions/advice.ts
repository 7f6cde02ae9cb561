import { METHODS, takesCompute } from '../../methods/list.ts';
import type { PruneFlags } from '../flags.ts';
import type { Measured } from './prune-run.ts';

/** Points of accuracy, as a share, that a user who measures it will not lose gladly. */
const MUCH = 0.02;

/**
 * What would keep more accuracy, where much was lost and training was not asked for.
 *
 * @returns  a sentence, or null where there is nothing to say
 */
export function adviceOn({ before, last }: Pick<Measured, 'before' | 'last'>, flags: PruneFlags): string | null {
  const [was, is] = [before?.accuracy ?? null, last?.accuracy ?? null];
  if (was === null || is === null || was - is < MUCH) return null;
  if (takesCompute(METHODS[flags.method]) || flags.gradual === true) return null;
  const ways = [
    ...(flags.recalibrate === true ? [] : ['--recalibrate re-estimates batch statistics, in seconds']),
    '--method auto trains the model to imitate its dense self, in minutes and without labels',
    '--gradual prunes and trains by turns',
  ];
  const data = flags.data === undefined ? ' (with --data)' : '';
  return `accuracy fell by ${(100 * (was - is)).toFixed(1)} points; to keep more${data}: ${ways.join('; ')}`;
}
