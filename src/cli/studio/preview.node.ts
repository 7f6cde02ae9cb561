import { stat } from 'node:fs/promises';
import { readWeights } from '../../apply/weights.ts';
import { budget, keptOf } from '../../budget/budget.ts';
import { constraintOf } from '../../budget/constraint-of.ts';
import { largestInGroups } from '../../constraints/levels.ts';
import { type GradientRows, usingRows } from '../../curvature/gradient-rows.ts';
import { linalg } from '../../engine/linalg.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import type { Model } from '../../ir/model.ts';
import { openRows } from '../../library/rows.node.ts';
import { quadratic } from '../../problem/quadratic.ts';
import { rowsOf } from '../../pruning/gradients.ts';
import { chooseLayers } from '../../pruning/layers.ts';
import { shapesOf } from '../../pruning/shapes.ts';
import { random } from '../../tensor/random.ts';
import { openModel } from '../opening.node.ts';
import type { Preview, PreviewRequest } from './schema.ts';

/** Levels of a limit of MACs that are worked out, and of a count of zeros: in between the page interpolates. Fewer for large models. */
const LEVELS = { zeros: 50, macs: 20, large: 10 } as const;
const LARGE = 5_000_000;
/** Gradient rows behind a prediction, and levels that are predicted. */
const ROWS = 60;
const PREDICTED = 10;

/** What does not depend on the budget. */
interface Prepared {
  readonly model: Model;
  readonly layers: ReturnType<typeof chooseLayers>['layers'];
  readonly w: Float64Array;
  /** Why MACs are not known; null where they are. */
  readonly reason: string | null;
}

/** Works out plans, and keeps the model that it read last: its weights, its costs, its plans. */
export class Planner {
  #key = '';
  #prepared: Promise<Prepared> | null = null;
  readonly #plans = new Map<string, Preview>();

  /**
   * What each level of a budget would keep of each layer, by magnitude under the same constraint as a run's; and with data the
   * change of the loss that the quadratic model predicts before any weight is solved for.
   *
   * @throws CoppiceError of the kind of what is wrong with the model or the data
   * Cost: the first time for a file it is read and run once; then two sorts of its weights, or a projection a level for MACs; with
   * data 60 sample gradients and a product a level. Nothing where the same was asked before.
   */
  async plan(request: PreviewRequest): Promise<Preview> {
    const { mtimeMs, size } = await stat(request.model).catch(() => ({ mtimeMs: 0, size: 0 }));
    const key = `${request.model} ${mtimeMs} ${size}`;
    if (key !== this.#key || this.#prepared === null) {
      [this.#key, this.#prepared] = [key, prepare(request.model)];
      this.#plans.clear();
    }
    const prepared = await this.#prepared.catch((thrown) => {
      if (this.#key === key) this.#prepared = null;
      throw thrown;
    });
    const asked = JSON.stringify(request);
    const plan = this.#plans.get(asked) ?? (await planOf(prepared, request));
    if (this.#key === key) this.#plans.set(asked, plan);
    return plan;
  }
}

async function prepare(path: string): Promise<Prepared> {
  const { model } = await openModel(path);
  const shapes = await shapesOf(onnxruntimeNode, model);
  const known = 'reason' in shapes ? null : shapes;
  const { layers } = chooseLayers(model, {}, known?.captured, known?.batch);
  return { model, layers, w: readWeights(model, layers), reason: 'reason' in shapes ? shapes.reason : null };
}

async function planOf({ model, layers, w, reason }: Prepared, request: PreviewRequest): Promise<Preview> {
  const sizes = layers.map(({ size, macsPerWeight }) => ({ size, macsPerWeight }));
  const isPossible = request.kind === 'sparsity' || layers.every(({ macsPerWeight }) => macsPerWeight !== null);
  const steps = stepsOf(request, w.length);
  const budgets = Array.from({ length: isPossible ? steps - 1 : 0 }, (_, i) => (i + 1) / steps);
  const levels = request.loss
    ? await predicted({ model, layers, w }, request, { sizes, budgets })
    : await counted(w, request, { sizes, budgets });
  return {
    layers: layers.map(({ name, size, macsPerWeight }) => ({
      name,
      weights: size,
      macs: macsPerWeight === null ? null : Math.round(size * macsPerWeight),
    })),
    levels,
    note: reason === null ? null : `MACs are not known, since the model does not run: ${reason}`,
  };
}

function stepsOf({ kind, loss }: PreviewRequest, p: number): number {
  if (loss) return PREDICTED;
  if (kind === 'sparsity') return LEVELS.zeros;
  return p > LARGE ? LEVELS.large : LEVELS.macs;
}

interface Asked {
  readonly sizes: readonly { readonly size: number; readonly macsPerWeight: number | null }[];
  readonly budgets: readonly number[];
}

function supportAt(
  kind: PreviewRequest['kind'],
  share: number,
  { sizes }: Asked,
  importance: Float64Array,
): Uint8Array {
  const asked = budget(kind === 'flops' ? { flops: share } : { sparsity: share });
  return constraintOf(asked, sizes).support(importance);
}

/** Other requests have their turn between levels. */
const pause = (): Promise<void> => new Promise(setImmediate);

async function counted(w: Float64Array, { kind }: PreviewRequest, asked: Asked): Promise<Preview['levels']> {
  const importance = w.map((x) => x * x);
  const { sizes, budgets } = asked;
  if (kind === 'sparsity') {
    const kept = largestInGroups(
      importance,
      sizes.map(({ size }) => size),
      budgets.map((share) => keptOf(w.length, share)),
    );
    return budgets.map((share, i) => ({ budget: share, kept: kept[i] as number[], loss: null }));
  }
  const levels: Preview['levels'] = [];
  for (const share of budgets) {
    levels.push({ budget: share, kept: keptIn(sizes, supportAt(kind, share, asked, importance)), loss: null });
    await pause();
  }
  return levels;
}

async function predicted(
  prepared: Pick<Prepared, 'model' | 'layers' | 'w'>,
  { data, preprocess, kind }: PreviewRequest,
  asked: Asked,
): Promise<Preview['levels']> {
  if (!data) return [];
  const { source } = await openRows(prepared.model, data, { preprocess });
  const { w } = prepared;
  const rows = await predictionRows({ ...prepared, source });
  const importance = w.map((x) => x * x);
  return usingRows(rows, async () => {
    const predict = predictor(rows, w);
    const levels: Preview['levels'] = [];
    for (const share of asked.budgets) {
      const support = supportAt(kind, share, asked, importance);
      const loss = await predict(w.map((x, j) => (support[j] === 0 ? 0 : x)));
      levels.push({ budget: share, kept: keptIn(asked.sizes, support), loss });
      await pause();
    }
    return levels;
  });
}

function keptIn(sizes: Asked['sizes'], support: Uint8Array): number[] {
  let start = 0;
  return sizes.map(({ size }) => {
    start += size;
    return support.subarray(start - size, start).reduce((sum, kept) => sum + kept, 0);
  });
}

type Predicted = Pick<Parameters<typeof rowsOf>[0], 'model' | 'layers' | 'source'>;

function predictionRows({ model, layers, source }: Predicted): Promise<GradientRows> {
  return rowsOf(
    {
      engine: onnxruntimeNode,
      model,
      layers,
      source,
      samples: Math.min(ROWS, source.count),
      batch: 1,
      augment: false,
      rng: random(1).fork('plan'),
    },
    {},
  );
}

function predictor(rows: GradientRows, w: Float64Array): (pruned: Float64Array) => Promise<number> {
  const problem = quadratic(rows, w, { lambda: 1e-4, firstOrder: 1 }, linalg(onnxruntimeNode));
  return async (pruned) => {
    const { fit, firstOrder } = await problem.value(pruned);
    return (fit + firstOrder) / rows.n;
  };
}
