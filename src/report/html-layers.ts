import { keptBar } from './bars.ts';
import { integer, percent, short } from './figures.ts';
import { htmlTable } from './html-table.ts';
import { breakable, type Content, type Markup, markup } from './markup.ts';
import type { LayerReport, Report } from './report.ts';

const RIGHT = 'right' as const;

const COLUMNS = [
  { heading: 'Weight' },
  { heading: 'Operator' },
  { heading: 'Shape', align: RIGHT },
  { heading: 'Weights', align: RIGHT },
  { heading: 'Kept', align: RIGHT },
  { heading: 'Sparsity', align: RIGHT },
  { heading: 'MACs before', align: RIGHT },
  { heading: 'MACs after', align: RIGHT },
  { heading: 'Kept and removed' },
];

/** One row per prunable weight tensor, with a bar of what was kept. */
export function layersSection(report: Report): Markup {
  const caption = markup`<span class="key key-kept"></span>kept <span class="key key-removed"></span>removed. Every bar is the whole of its layer.`;
  const total = [
    'All layers',
    '',
    '',
    integer(report.prunable),
    integer(report.nonzeros),
    percent(report.sparsity, 1),
    short(totalMacs(report.layers, 'before')),
    short(totalMacs(report.layers, 'after')),
    keptBar(1 - report.sparsity),
  ];
  return markup`<section aria-labelledby="layers"><h2 id="layers">Layer by layer</h2>
${htmlTable({ caption, columns: COLUMNS, rows: report.layers.map(layerRow), foot: total })}</section>`;
}

function layerRow(layer: LayerReport): Content[] {
  return [
    breakable(layer.name),
    layer.op,
    layer.shape.join(' x '),
    integer(layer.weights),
    integer(layer.kept),
    percent(layer.sparsity, 1),
    short(layer.macs.before),
    short(layer.macs.after),
    keptBar(1 - layer.sparsity),
  ];
}

/** Null where one layer's figure is not known: a sum of the rest would mislead. */
function totalMacs(layers: readonly LayerReport[], when: 'before' | 'after'): number | null {
  const known = layers.flatMap((layer) => layer.macs[when] ?? []);
  return known.length < layers.length ? null : known.reduce((sum, value) => sum + value, 0);
}

/** The weight tensors that stayed as they were, and why. */
export function untouchedSection({ untouched }: Report): Markup | null {
  if (untouched.length === 0) return null;
  const columns = [
    { heading: 'Weight' },
    { heading: 'Operator' },
    { heading: 'Weights', align: RIGHT },
    { heading: 'Reason' },
  ];
  const rows = untouched.map(({ name, op, weights, reason }) => [breakable(name), op, integer(weights), reason]);
  return markup`<section aria-labelledby="untouched"><h2 id="untouched">Left alone</h2>
${htmlTable({ caption: 'Weight tensors that were not pruned.', columns, rows })}</section>`;
}
