import { recalibrate } from '../../apply/recalibrate.ts';
import type { FeedSource } from '../../data/feeds.ts';
import type { Model } from '../../ir/model.ts';
import type { RecalibrateStep } from '../recipe.ts';
import type { RunPorts } from '../run-ports.ts';

/** What a recalibration did. */
export interface RecalibrateFacts {
  readonly do: 'recalibrate';
  /** Samples that the statistics were measured on. */
  readonly rows: number;
}

/** Re-estimates batch statistics; where there are none, says so. */
export async function recalibrateTransform(
  { model, dense }: { readonly model: Model; readonly dense: Model },
  { seed }: RecalibrateStep,
  { engine, data, onProgress, signal, time, warn }: RunPorts,
): Promise<RecalibrateFacts & { readonly model: Model }> {
  const tuned = await time('recalibrate', () =>
    recalibrate(model, dense, {
      engine,
      source: data as FeedSource, // a run without data is refused before its first step
      ...(seed !== undefined && { seed }),
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    }),
  );
  if (tuned.normalizations + tuned.corrections === 0)
    warn(
      'nothing to recalibrate: the model has no batch normalisation, and no convolution whose statistics could be restored',
    );
  return { do: 'recalibrate', rows: tuned.samples, model: tuned.model };
}
