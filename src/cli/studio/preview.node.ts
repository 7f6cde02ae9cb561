import { readWeights } from '../../apply/weights.ts';
import { budget, constraintOf } from '../../budget/budget.ts';
import { linalg } from '../../engine/linalg.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { rowsOf } from '../../pipeline/gradients.ts';
import { chooseLayers } from '../../pipeline/layers.ts';
import { shapesOf } from '../../pipeline/shapes.ts';
import { quadratic } from '../../problem/quadratic.ts';
import { random } from '../../tensor/random.ts';
import { openData, openModel } from '../opening.node.ts';
import type { Preview, PreviewRequest } from './schema.ts';

/** Levels of a budget that are worked out: in between the page interpolates. Fewer for large models. */
const LEVELS = { usual: 50, large: 10 } as const;
const LARGE = 5_000_000;
/** Gradient rows behind a prediction, and levels that are predicted. */
const ROWS = 60;
const PREDICTED = 10;

/**
 * What each level of a budget would keep of each layer, by magnitude under the same constraint as a run's; and with data the
 * change of the loss that the quadratic model predicts before any weight is solved for.
 *
 * @throws CoppiceError of the kind of what is wrong with the model or the data
 * Cost: a projection a level; with data, 60 sample gradients and a product a level.
 */
export async function previewOf(request: PreviewRequest): Promise<Preview> {
  const { model } = await openModel(request.model);
  const data =
    request.loss && request.data ? await openData(model, request.data, { preprocess: request.preprocess }) : null;
  const shapes = await shapesOf(onnxruntimeNode, model, data?.source);
  const known = 'reason' in shapes ? null : shapes;
  const { layers } = chooseLayers(model, {}, known?.captured, known?.batch);
  const w = readWeights(model, layers);
  const hasMacs = layers.every(({ macsPerWeight }) => macsPerWeight !== null);
  const budgeted = layers.map(({ size, macsPerWeight }) => ({ size, macsPerWeight }));
  const importance = w.map((x) => x * x);
  const steps = request.loss ? PREDICTED : w.length > LARGE ? LEVELS.large : LEVELS.usual;
  const shares = Array.from({ length: steps - 1 }, (_, i) => (i + 1) / steps);
  const predict = data === null ? null : await predictor({ model, layers, w, source: data.source });
  const levels: Preview['levels'] = [];
  for (const share of request.kind === 'flops' && !hasMacs ? [] : shares) {
    const asked = budget(request.kind === 'flops' ? { flops: share } : { sparsity: share });
    const support = constraintOf(asked, budgeted).support(importance);
    const loss = predict === null ? null : await predict(w.map((x, j) => (support[j] === 0 ? 0 : x)));
    levels.push({ budget: share, kept: keptOf(layers, support), loss });
    await new Promise(setImmediate); // other requests have their turn
  }
  return {
    layers: layers.map(({ name, size, macsPerWeight }) => ({
      name,
      weights: size,
      macs: macsPerWeight === null ? null : Math.round(size * macsPerWeight),
    })),
    levels,
    note: 'reason' in shapes ? `MACs are not known, since the model does not run: ${shapes.reason}` : null,
  };
}

function keptOf(layers: readonly { readonly size: number }[], support: Uint8Array): number[] {
  let start = 0;
  return layers.map(({ size }) => {
    start += size;
    return support.subarray(start - size, start).reduce((sum, kept) => sum + kept, 0);
  });
}

type Predicted = Pick<Parameters<typeof rowsOf>[0], 'model' | 'layers' | 'source'> & { readonly w: Float64Array };

async function predictor({ model, layers, source, w }: Predicted): Promise<(pruned: Float64Array) => Promise<number>> {
  const hasLabels = source.labelled || source.hasTargets;
  const rows = await rowsOf(
    {
      engine: onnxruntimeNode,
      model,
      layers,
      source,
      loss: source.hasTargets ? 'mse' : 'cross-entropy',
      labels: hasLabels ? 'data' : 'model',
      samples: Math.min(ROWS, source.count),
      batch: 1,
      augment: false,
      rng: random(1).fork('plan'),
    },
    {},
  );
  const problem = quadratic(rows, w, { lambda: 1e-4, firstOrder: 1 }, linalg(onnxruntimeNode));
  return async (pruned) => {
    const { fit, firstOrder } = await problem.value(pruned);
    return (fit + firstOrder) / rows.n;
  };
}
