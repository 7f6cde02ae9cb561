import type { Engine } from '../engine/engine.ts';
import type { Report } from './report.ts';

/** What a document says of what ran the models. */
export function runtimeFacts({ name, version, chosen }: Engine, threads: number | undefined): Report['runtime'] {
  return { name, version, threads: threads ?? null, ...(chosen !== undefined && { chosen }) };
}
