import type { FeedSource } from '../../data/feeds.ts';
import { UnsupportedOpError } from '../../errors/errors.ts';
import type { Model } from '../../ir/model.ts';
import type { Shrunk } from '../../structured/structured.ts';
import { type CompactStep, withoutUndefined } from '../recipe.ts';
import type { RunPorts } from '../run-ports.ts';

/** What taking channels out did. */
export interface CompactFacts extends Omit<Shrunk, 'model'> {
  readonly do: 'compact';
  readonly step: CompactStep;
}

/**
 * Takes channels, neurons and heads out of the model for good.
 *
 * @throws UnsupportedOpError if weights are not float32, or as {@link shrink}
 */
export async function compactTransform(
  model: Model,
  step: CompactStep,
  { engine, data, threads, onProgress, signal, time, tell }: RunPorts,
): Promise<CompactFacts & { readonly model: Model }> {
  const narrow = [...model.graph.constants].find(
    ([, { type, dims }]) => dims.length > 1 && type !== 'float32' && /float/.test(type),
  );
  if (narrow !== undefined)
    throw new UnsupportedOpError(
      `Cannot take channels out of a model with weights of type ${narrow[1].type}, such as "${narrow[0]}"`,
    );
  const { SHRINK_DEFAULTS, shrink } = await import('../../structured/structured.ts'); // a page loads it when it is asked for
  const { macs, params, samples, lambda, seed } = { ...SHRINK_DEFAULTS, ...withoutUndefined(step) };
  const { model: small, ...facts } = await time('compact', () =>
    shrink({
      engine,
      model,
      source: data as FeedSource, // a run without data is refused before its first step
      budget: withoutUndefined({ macs, params }),
      samples,
      ridge: lambda,
      seed,
      ...withoutUndefined({ threads, onProgress, signal }),
    }),
  );
  tell(
    `the smaller model agrees with the one with zeros in the place of what went: ${facts.proof.toExponential(1)} of the largest output`,
  );
  return { do: 'compact', step, ...facts, model: small };
}
