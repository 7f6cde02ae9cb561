import { storedPosition } from '../../src/apply/weights.ts';
import { elementsOf } from '../../src/curvature/panel.ts';
import { drawIndices } from '../../src/data/batches.ts';
import { findWeights, type WeightLayer } from '../../src/graph/weights.ts';
import { rowsOf } from '../../src/pruning/gradients.ts';
import { testedFeeds } from '../../src/samples/tested-feeds.ts';
import { random } from '../../src/tensor/random.ts';
import type { Drawn } from './random-graph.ts';

/** Rows that are computed of a network. */
const ROWS = 6;
/** Samples that are averaged into a row. */
const MEANS = [1, 1, 1, 2, 3] as const;

/** Gradient rows of a network: by the name of the constant, in the order of the file. */
export interface Rows {
  readonly layers: readonly WeightLayer[];
  /** Of each row, by name. */
  readonly gradients: readonly ReadonlyMap<string, Float64Array>[];
  /** Samples whose mean loss each row is the gradient of. */
  readonly samples: readonly (readonly number[])[];
}

/** The gradient rows of a case; null where there are no weights, or too many to be worth the time. */
export async function rowsFor(net: Drawn, key: string, most: number): Promise<Rows | null> {
  const { prunable: layers } = findWeights(net.model);
  const p = layers.reduce((sum, { size }) => sum + size, 0);
  if (p === 0 || p > most) return null;
  const draw = random(`${key}/rows`);
  const batch = MEANS[draw.integer(MEANS.length)] as number;
  const isStated = draw.integer(2) === 0 || (net.answer === 'one-hot' && !net.isKnown) || !net.isKnown;
  const source = await testedFeeds(net.engine, net.model, net.source);
  const group = source.flat === undefined ? 1 : (source.tested?.rows ?? 1);
  const samples = Math.min(ROWS, Math.floor(source.count / batch));
  const { panels } = await rowsOf({
    engine: net.engine,
    model: net.model,
    layers,
    source: net.source,
    ...(isStated && net.loss && { loss: net.loss }),
    ...(net.isNamed && { output: net.output }),
    labels: 'data',
    samples,
    batch,
    rng: random(key),
    augment: false,
    threads: 1,
  });
  const gradients = Array.from({ length: samples }, () => new Map<string, Float64Array>());
  for (const [l, layer] of layers.entries()) {
    const panel = panels[l];
    if (panel === undefined || panel.width !== layer.size) throw new Error('rows have other panels than layers');
    const data = await elementsOf(panel);
    for (const [row, of] of gradients.entries()) {
      const gradient = new Float64Array(layer.size);
      for (let i = 0; i < layer.size; i++) gradient[storedPosition(layer, i)] = data[row * layer.size + i] as number;
      of.set(layer.name, gradient);
    }
  }
  const order = drawIndices(random(key).fork('samples'), source.count, samples * batch);
  const rowsAt = (row: number): number[] =>
    [...order.subarray(row * batch, (row + 1) * batch)].flatMap((i) =>
      Array.from({ length: group }, (_, k) => (i * group + k) % net.source.count),
    );
  return { layers, gradients, samples: Array.from({ length: samples }, (_, row) => rowsAt(row)) };
}
