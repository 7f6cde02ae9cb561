import { type LayerReport, REPORT_SCHEMA, type Report, reportSchema } from './report.ts';

/** A layer as the caller knows it; the rest follows from these. */
export type LayerFacts = Omit<LayerReport, 'removed' | 'sparsity' | 'sensitivity' | 'pattern'> &
  Partial<Pick<LayerReport, 'sensitivity' | 'pattern'>>;

/** Everything of a report that does not follow from the rest. */
export type ReportFacts = Omit<
  Report,
  | 'schema'
  | 'layers'
  | 'objective'
  | 'sparsity'
  | 'nonzeros'
  | 'prunable'
  | 'stages'
  | 'details'
  | 'finetuned'
  | 'dependsOn'
  | 'recipe'
  | 'compiled'
> &
  Partial<Pick<Report, 'stages' | 'details' | 'finetuned' | 'dependsOn' | 'recipe' | 'compiled'>> & {
    readonly layers: readonly LayerFacts[];
  };

/**
 * Completes and checks a report. A figure that is not a finite number becomes null, and a warning says so.
 *
 * @throws ZodError if a field has a value that the layout does not allow: a mistake of the caller
 */
export function makeReport(facts: ReportFacts): Report {
  const layers = facts.layers.map(completeLayer);
  const prunable = sum(layers.map((layer) => layer.weights));
  const nonzeros = sum(layers.map((layer) => layer.kept));
  const notFinite: string[] = [];
  const finite = dropNonFinite({ ...facts, layers }, '', notFinite) as typeof facts & { layers: LayerReport[] };
  return reportSchema.parse({
    ...finite,
    schema: REPORT_SCHEMA,
    objective: finite.predicted?.objective.after ?? null,
    sparsity: shareRemoved(nonzeros, prunable),
    nonzeros,
    prunable,
    warnings: [...facts.warnings, ...notFinite.map((path) => `${path} is not a finite number`)],
  });
}

function completeLayer(layer: LayerFacts): LayerReport {
  const { weights, kept } = layer;
  return { sensitivity: null, pattern: null, ...layer, removed: weights - kept, sparsity: shareRemoved(kept, weights) };
}

function shareRemoved(kept: number, of: number): number {
  return of === 0 ? 0 : (of - kept) / of;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** JSON has no NaN and no Infinity: they become null, and their places are listed. */
function dropNonFinite(value: unknown, path: string, places: string[]): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    places.push(path);
    return null;
  }
  if (Array.isArray(value)) return value.map((entry, i) => dropNonFinite(entry, `${path}[${i}]`, places));
  if (value === null || typeof value !== 'object') return value;
  const dot = path === '' ? '' : `${path}.`;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, dropNonFinite(entry, dot + key, places)]),
  );
}
