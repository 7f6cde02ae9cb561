import { constraintOf } from '../budget/constraint-of.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { type Candidate, magnitudeCandidates } from './candidates.ts';
import type { Job, Outcome } from './job.ts';
import { keptOf, unsolved } from './prune-in-one.ts';
import type { StageResult } from './stage-result.ts';

/** Says of layers why nothing but their magnitudes can be used; null if that holds for some of them only. */
export function magnitudesAlone(layers: readonly WeightLayer[]): string | null {
  if (layers.some(({ magnitudeOnly }) => magnitudeOnly === null)) return null;
  const list = layers.map(({ name, magnitudeOnly }) => `"${name}": ${magnitudeOnly}`);
  const listed = `${list.slice(0, 5).join('; ')}${list.length > 5 ? `; and ${list.length - 5} more` : ''}`;
  return `every layer has its magnitudes alone (${listed})`;
}

/** The largest weights of layers that nothing else can be told of, whatever the method. */
export function byMagnitude({ model, resolved, layers, budgeted }: Job, why: string): Outcome {
  const started = performance.now();
  const constraint = constraintOf(resolved.budget, budgeted);
  const pruned = (magnitudeCandidates(model, layers, constraint)[0] as Candidate).model;
  const kept = `the largest weights were kept, nothing was trained or solved: ${why}`;
  const stage: StageResult = {
    ...unsolved(resolved.budget, keptOf(pruned, layers)),
    message: `${kept}.`,
    instead: kept,
    seconds: { gradients: 0, solve: (performance.now() - started) / 1000 },
  };
  return { model: pruned, stages: [stage], samples: 0, blocked: [] };
}
