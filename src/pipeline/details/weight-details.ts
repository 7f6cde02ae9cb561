import type { WeightLayer } from '../../graph/weights.ts';
import type { WeightDetails } from '../../report/details.ts';
import { indexedPng } from '../../report/png.ts';

/** Bins of a histogram; odd, so that zero lies in the middle of one. */
const BINS = 41;
/** Base64 takes 4/3 of the pictures' bytes: of all layers together, and of one. */
const PICTURE_BYTES = { all: 160_000, layer: 6000 };
/** From all removed to all kept. */
const SHADES = ['#e4e8e6', '#cfdad9', '#b5c9cc', '#97b6c0', '#76a1b5', '#558ba9', '#33749c', '#0b5c8f'];

/**
 * Histograms of the weights before and after, and pictures of what was kept: a pixel a weight where that is small enough,
 * else a pixel a block, shaded by the share that was kept.
 *
 * @param before  weights of the layers before, [p], in the order of the layers
 * @param after   afterwards, [p]
 * Cost: two passes over the weights.
 */
export function weightDetails(
  layers: readonly Pick<WeightLayer, 'name' | 'dims' | 'size' | 'order'>[],
  before: Float64Array,
  after: Float64Array,
): WeightDetails[] {
  const most = Math.min(PICTURE_BYTES.layer, PICTURE_BYTES.all / Math.max(1, layers.length));
  let start = 0;
  return layers.map((layer) => {
    const [a, b] = [before, after].map((w) => w.subarray(start, start + layer.size)) as [Float64Array, Float64Array];
    start += layer.size;
    return { layer: layer.name, histogram: histogramOf(a, b), mask: maskOf(b, rowsOf(layer), most) };
  });
}

/** Output channels: the rows of a layer's weights in its order. */
function rowsOf({ dims, order, size }: Pick<WeightLayer, 'dims' | 'order' | 'size'>): number {
  const rows = order === 'transposed' ? dims[1] : dims[0];
  return rows === undefined || rows === 0 ? Math.max(1, size) : rows;
}

function histogramOf(before: Float64Array, after: Float64Array): WeightDetails['histogram'] {
  let widest = 0;
  for (const w of [before, after]) for (const x of w) widest = Math.max(widest, Math.abs(x));
  const to = widest === 0 ? 1 : widest;
  const fill = (w: Float64Array, skipZeros: boolean): number[] => {
    const bins = new Array<number>(BINS).fill(0);
    for (const x of w) {
      if (skipZeros && x === 0) continue;
      const bin = Math.min(BINS - 1, Math.floor(((x + to) / (2 * to)) * BINS));
      (bins[bin] as number) += 1;
    }
    return bins;
  };
  return { from: -to, to, before: fill(before, false), after: fill(after, true) };
}

function maskOf(w: Float64Array, rows: number, mostBytes: number): WeightDetails['mask'] {
  const columns = Math.max(1, Math.round(w.length / rows));
  const [down, across] = blockOf(rows, columns, mostBytes);
  const [height, width] = [Math.ceil(rows / down), Math.ceil(columns / across)];
  const kept = new Float64Array(height * width);
  const all = new Float64Array(height * width);
  for (let i = 0; i < w.length; i++) {
    const cell = Math.floor(Math.floor(i / columns) / down) * width + Math.floor((i % columns) / across);
    (all[cell] as number) += 1;
    if (w[i] !== 0) (kept[cell] as number) += 1;
  }
  const isExact = down * across === 1;
  const colours = isExact ? [SHADES[0] as string, SHADES.at(-1) as string] : SHADES;
  const pixels = Uint8Array.from(kept, (k, i) => shadeOf(k, all[i] as number, colours.length));
  return { rows, columns, block: [down, across], png: indexedPng({ width, height, pixels, colours }) };
}

/** What is neither empty nor full is never shown as either. */
function shadeOf(kept: number, all: number, shades: number): number {
  if (kept === 0) return 0;
  if (kept === all) return shades - 1;
  return Math.min(shades - 2, Math.max(1, Math.round((kept / all) * (shades - 1))));
}

/** The smallest block, about square in pixels, whose picture fits; incompressible at worst. */
function blockOf(rows: number, columns: number, mostBytes: number): [number, number] {
  if ((rows * columns) / 8 <= mostBytes) return [1, 1];
  const bits = 3;
  let [down, across] = [1, 1];
  while ((Math.ceil(rows / down) * Math.ceil(columns / across) * bits) / 8 > mostBytes) {
    if (rows / down >= columns / across) down += 1;
    else across += 1;
  }
  return [down, across];
}
