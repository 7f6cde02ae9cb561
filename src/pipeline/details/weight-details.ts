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
 * @param weightsOf  a layer's weights before and after, in its order
 * Cost: two passes over the weights; those of one layer in memory at a time.
 */
export function weightDetails<T extends Pick<WeightLayer, 'name' | 'filters'>>(
  layers: readonly T[],
  weightsOf: (layer: T) => readonly [Weights, Weights],
): WeightDetails[] {
  const most = Math.min(PICTURE_BYTES.layer, PICTURE_BYTES.all / Math.max(1, layers.length));
  return layers.map((layer) => {
    const [before, after] = weightsOf(layer);
    return {
      layer: layer.name,
      histogram: histogramOf(before, after),
      mask: maskOf(after, Math.max(1, layer.filters), most),
    };
  });
}

type Weights = Float64Array | Float32Array;

function histogramOf(before: Weights, after: Weights): WeightDetails['histogram'] {
  const widest = Math.max(largestOf(before), largestOf(after));
  const to = widest === 0 ? 1 : widest;
  const scale = BINS / (2 * to);
  const fill = (w: Weights, skipZeros: boolean): number[] => {
    const bins = new Uint32Array(BINS + 1); // the largest falls behind the last
    let zeros = 0;
    for (let i = 0; i < w.length; i++) {
      const x = w[i] as number;
      if (x === 0) zeros++;
      else (bins[((x + to) * scale) | 0] as number)++;
    }
    (bins[BINS - 1] as number) += bins[BINS] as number;
    (bins[BINS >> 1] as number) += skipZeros ? 0 : zeros;
    return [...bins.subarray(0, BINS)];
  };
  return { from: -to, to, before: fill(before, false), after: fill(after, true) };
}

function largestOf(w: Weights): number {
  let largest = 0;
  for (let i = 0; i < w.length; i++) {
    const size = Math.abs(w[i] as number);
    if (size > largest) largest = size;
  }
  return largest;
}

function maskOf(w: Weights, rows: number, mostBytes: number): WeightDetails['mask'] {
  const columns = Math.max(1, Math.round(w.length / rows));
  const [down, across] = blockOf(rows, columns, mostBytes);
  const [height, width] = [Math.ceil(rows / down), Math.ceil(columns / across)];
  const kept = new Float64Array(height * width);
  const all = new Float64Array(height * width);
  for (let row = 0, i = 0; i < w.length; row++) {
    const line = Math.floor(row / down) * width;
    for (let cell = 0; cell < width && i < w.length; cell++) {
      const end = Math.min(i + across, row * columns + columns, w.length);
      (all[line + cell] as number) += end - i;
      let count = 0;
      for (; i < end; i++) if (w[i] !== 0) count++;
      (kept[line + cell] as number) += count;
    }
  }
  const isExact = down * across === 1;
  const colours = isExact ? [SHADES[0] as string, SHADES.at(-1) as string] : SHADES;
  const pixels = new Uint8Array(kept.length);
  for (let i = 0; i < kept.length; i++) pixels[i] = shadeOf(kept[i] as number, all[i] as number, colours.length);
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
