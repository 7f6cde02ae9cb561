import { writeWeights } from '../apply/weights.ts';
import { type FeedSource, subset } from '../data/feeds.ts';
import { DataError } from '../errors/errors.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';
import { rowSamples } from './gradients.ts';
import type { LossOfWeights } from './ridge.ts';
import type { Staged } from './stages.ts';

/** Samples that ridges are judged on, at most. */
const JUDGES = 2000;

/** The true losses of a stage, with the batch statistics that it would end with. */
export interface StageLosses {
  /** On the samples of its line search. */
  readonly searched: LossOfWeights;
  /** On samples that its gradients do not see; on all kinds where they see every one. */
  readonly spared: LossOfWeights;
}

/**
 * What weights in the place of a stage's are worth: each loss on samples of its own that stay the same, so that any two of its values compare.
 *
 * @param drawn  samples that the stage's gradients take
 * @throws DataError without labels or targets, when a loss is asked for
 */
export function lossesOf(
  { options, resolved, layers, recalibrators }: Staged<'lineSearch'>,
  model: Model,
  { t, drawn }: { readonly t: number; readonly drawn: number },
): StageLosses {
  const { engine, source, output, threads } = options;
  const judged = { ...(output !== undefined && { output }), ...(threads !== undefined && { threads }) };
  const rng = random(resolved.seed);
  const lossOn = (pick: (all: FeedSource) => FeedSource): LossOfWeights => {
    let rows: FeedSource | undefined;
    return async (w) => {
      rows ??= pick(answered(source));
      const written = writeWeights(model, layers, w);
      const whole = recalibrators === null ? written : await recalibrators.trial(written);
      return (await evaluate(engine, whole, rows, judged)).loss ?? Number.POSITIVE_INFINITY;
    };
  };
  return {
    searched: lossOn((all) => {
      const count = Math.min(resolved.lineSearch, all.count);
      return subset(all, sampleWithoutReplacement(rng.fork(`line search ${t}`), all.count, count).sort());
    }),
    spared: lossOn((all) => {
      const seen = new Set(rowSamples(rng.fork(`stage ${t}`), all.count, Math.min(drawn, all.count)));
      const shuffled = sampleWithoutReplacement(rng.fork(`ridge ${t}`), all.count, all.count);
      const unseen = shuffled.filter((i) => !seen.has(i));
      const from = unseen.length > 0 ? unseen : shuffled;
      const unit = all.fixedBatch ?? 1;
      const count = Math.max(unit, Math.min(JUDGES, from.length) - (Math.min(JUDGES, from.length) % unit));
      return subset(all, from.slice(0, count).sort());
    }),
  };
}

function answered(source: FeedSource | undefined): FeedSource {
  if (source !== undefined && (source.labelled || source.hasTargets)) return source;
  throw new DataError('Cannot search along the true loss: wanted data with labels or targets', {
    remedies: [{ option: 'data' }, { option: 'lineSearch', value: '0' }],
  });
}
