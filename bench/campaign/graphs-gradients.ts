import { storedPosition } from '../../src/apply/weights.ts';
import { elementsOf } from '../../src/curvature/panel.ts';
import { onnxruntimeNode as engine } from '../../src/engine/onnxruntime.node.ts';
import { findWeights } from '../../src/graph/weights.ts';
import { rowsOf } from '../../src/pruning/gradients.ts';
import { random } from '../../src/tensor/random.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { moved, type Perturbed, perturbed } from './perturbed.ts';
import { type Drawn, drawn } from './random-graph.ts';

/** Rows that are computed, and those of them that are checked. */
const ROWS = 6;
const CHECKED = 2;
/** Most weights of a network that is worth the time. */
const MOST = 4000;
/** Steps of the differences, in units of the weights; a kink within one makes it useless, hence several. */
const STEPS = [1e-2, 3e-3, 3e-2, 1e-3];
const TOLERANCE = 0.03;

/** Cross-entropy of a sample, in f64. */
export function crossEntropy(logits: ArrayLike<number>, label: number): number {
  const z = Array.from(logits);
  const top = Math.max(...z);
  return top + Math.log(z.reduce((sum, x) => sum + Math.exp(x - top), 0)) - (z[label] as number);
}

/** Gradient rows of single samples against differences of the loss, which is computed from the logits by hand. */
export async function gradientsOf(key: string): Promise<Verdict> {
  const net = drawn(key);
  const { prunable: layers } = findWeights(net.model);
  const p = layers.reduce((sum, { size }) => sum + size, 0);
  if (p === 0 || p > MOST) return RIGHT;
  const rows = await rowsOf({
    engine,
    model: net.model,
    layers,
    source: net.source,
    loss: 'cross-entropy',
    labels: 'data',
    samples: ROWS,
    batch: 1,
    rng: random(key),
    augment: false,
  });
  const other = await perturbed(net.model, layers, [net.logits]);
  try {
    const order = await orderOf(net, key);
    for (let row = 0; row < CHECKED; row++) {
      const sample = order[row] as number;
      for (const [l, layer] of layers.entries()) {
        const panel = rows.panels[l];
        if (panel === undefined || panel.width !== layer.size) return wrong('rows have other panels than layers');
        const data = await elementsOf(panel);
        const gradient = new Float64Array(layer.size);
        for (let i = 0; i < layer.size; i++) gradient[storedPosition(layer, i)] = data[row * layer.size + i] as number;
        const problem = await compared(net, other, { name: layer.name, sample, gradient, key });
        if (problem !== null) return wrong(`row of ${layer.op}: ${problem}; ends in ${net.spelling}`);
      }
    }
    return RIGHT;
  } finally {
    await other.release();
  }
}

/** The samples of the rows, in their order: as rowsOf draws them. */
async function orderOf(net: Drawn, key: string): Promise<Int32Array> {
  const { drawIndices } = await import('../../src/data/batches.ts');
  return drawIndices(random(key).fork('samples'), net.source.count, ROWS);
}

interface Asked {
  readonly name: string;
  readonly sample: number;
  readonly gradient: Float64Array;
  readonly key: string;
}

/** Null where the gradient agrees with differences along some direction and step; else how far it is off at best. */
async function compared(
  { source, labels, logits }: Drawn,
  other: Perturbed,
  { name, sample, gradient, key }: Asked,
): Promise<string | null> {
  const { inputs } = await source.feeds([sample]);
  const w = other.weights.get(name) as Float32Array;
  const scale = Math.sqrt(w.reduce((sum, x) => sum + x * x, 0) / w.length) || 1;
  const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
  let best = Number.POSITIVE_INFINITY;
  for (const [k, step] of STEPS.entries()) {
    const rng = random(`${key}/${name}/${k}`);
    const u = Float32Array.from(w, () => rng.normal());
    const at = async (h: number): Promise<number> => {
      const z = (await other.run(inputs, new Map([[name, moved(w, u, h)]]))).get(logits) as Tensor<Float32Array>;
      return crossEntropy(z.data, labels[sample] as number);
    };
    const h = step * scale;
    const [d1, d2] = [((await at(h)) - (await at(-h))) / (2 * h), ((await at(2 * h)) - (await at(-2 * h))) / (4 * h)];
    const difference = (4 * d1 - d2) / 3;
    const told = gradient.reduce((sum, g, i) => sum + g * (u[i] as number), 0);
    if (!Number.isFinite(told)) return 'not finite';
    if (!Number.isFinite(difference)) return null;
    const noise = 2e-6 / h;
    const off = Math.max(0, Math.abs(difference - told) - noise) / Math.max(Math.abs(difference), 0.3 * length, 1e-6);
    best = Math.min(best, off);
    if (off < TOLERANCE) return null;
  }
  return `off by ${best > 0.3 ? 'more than 30 %' : 'up to 30 %'}`;
}
