import { countKept } from '../../apply/weights.ts';
import type { FeedSource } from '../../data/feeds.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { programFeeds } from '../../evaluate/program.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import { validateGraph } from '../../graph/validate-graph.ts';
import type { Model } from '../../ir/model.ts';
import { prune } from '../../methods/prune.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { type Inspection, inspect } from '../../pipeline/inspect.ts';
import { withoutUndefined } from '../../pipeline/recipe.ts';
import { type Sensitivity, sensitivity } from '../../pipeline/sensitivity.ts';
import { type LatencyAt, type TimedSide, timeSides } from '../../pipeline/timing.ts';
import { shapesOf } from '../../pruning/shapes.ts';
import { isCompiled, type Measurable } from '../program.node.ts';
import type {
  Compared,
  CompareRequest,
  EvaluateRequest,
  InspectRequest,
  Plan,
  PlanRequest,
  SensitivityRequest,
} from '../requests.node.ts';
import { openRows } from '../rows.node.ts';
import { engineOf, feedsFor, runOptions } from './opening.node.ts';

/** {@link import('../measure.node.ts').evaluate}, in this thread. */
export async function evaluateHere([model]: readonly [Measurable], request: EvaluateRequest): Promise<Evaluation> {
  const { engine, model: graph, source } = await sideOf(model, request);
  return judgedOn({ engine, model: graph, source: source as FeedSource }, request);
}

/** A model with what runs it and, where there are any, the rows as it takes them. */
async function sideOf(measurable: Measurable, request: CompareRequest): Promise<TimedSide> {
  const { evaluation, preprocess, output } = request;
  const program = isCompiled(measurable) ? measurable.program : null;
  const { engine, model } = program ?? { engine: await engineOf(request), model: measurable as Model };
  if (evaluation === undefined) return { engine, model };
  if (program === null)
    return { engine, model, source: await feedsFor(model, evaluation, { engine, preprocess, output }) };
  const rows = await openRows(model, evaluation, { engine, preprocess, output });
  return { engine, model, source: programFeeds(program, rows.source) };
}

function judgedOn(
  { engine, model, source }: Required<TimedSide>,
  { output, loss, batch, ...request }: CompareRequest,
): Promise<Evaluation> {
  return evaluate(engine, model, source as FeedSource, {
    ...runOptions(request),
    ...withoutUndefined({ output, loss, batch }),
  });
}

/** {@link import('../measure.node.ts').compare}, in this thread. */
export async function compareHere(models: readonly Measurable[], request: CompareRequest): Promise<Compared[]> {
  const compared: Omit<Compared, 'latency'>[] = [];
  const sides: TimedSide[] = [];
  let first: Int32Array | undefined;
  for (const model of models) {
    request.signal?.throwIfAborted();
    const side = await sideOf(model, request);
    const judged = side.source === undefined ? null : await judgedOn(side as Required<TimedSide>, request);
    first ??= judged?.predictions;
    sides.push(side);
    compared.push({
      accuracy: judged?.accuracy ?? null,
      loss: judged?.loss ?? null,
      agreement: agreement(first, judged?.predictions),
      ...(await countedIn(model, request)),
    });
  }
  const { latency: batches } = request;
  const timed = batches === undefined ? null : await timeSides(sides, { ...runOptions(request), batches });
  return compared.map((one, i) => ({ ...one, latency: timed && latenciesOf(timed, i) }));
}

/** Weights, products and bytes of a model. */
async function countedIn(
  model: Measurable,
  request: CompareRequest,
): Promise<Pick<Compared, 'prunable' | 'nonzeros' | 'macs' | 'bytes'>> {
  if (isCompiled(model)) {
    const { program, files } = model;
    const { weights, kept } = program;
    return { prunable: weights ?? 0, nonzeros: kept ?? 0, macs: null, bytes: await measureSize(files) };
  }
  const { totals } = await inspectHere([model], request);
  const { prunable, nonzeros, macs } = totals;
  return { prunable, nonzeros, macs, bytes: await measureSize(encodeModel(model)) };
}

function latenciesOf(timed: readonly LatencyAt[], side: number): Compared['latency'] {
  return timed.flatMap(({ batch, latencies }) => {
    const one = latencies[side] ?? null;
    return one === null ? [] : [{ batch, ...one }];
  });
}

/** Share of rows that two models put into the same class; null where nothing was evaluated. */
function agreement(a: Int32Array | undefined, b: Int32Array | undefined): number | null {
  if (a === undefined || b === undefined || a.length === 0 || a.length !== b.length) return null;
  return a.reduce((same, prediction, i) => same + (prediction === b[i] ? 1 : 0), 0) / a.length;
}

/** {@link import('../measure.node.ts').inspect}, in this thread. */
export async function inspectHere([model]: readonly [Model], request: InspectRequest): Promise<Inspection> {
  const shapes = await shapesOf(await engineOf(request), validateGraph(model));
  return inspect(model, 'reason' in shapes ? undefined : shapes);
}

/** {@link import('../measure.node.ts').sensitivity}, in this thread. */
export async function sensitivityHere([model]: readonly [Model], request: SensitivityRequest): Promise<Sensitivity> {
  const { evaluation, preprocess, sparsities, layers, exclude, judge } = request;
  const engine = await engineOf(request);
  const run = runOptions(request);
  const source = evaluation === undefined ? undefined : await feedsFor(model, evaluation, { engine, preprocess });
  return sensitivity(model, {
    ...run,
    ...(layers && { layers }),
    ...(exclude && { exclude }),
    ...(sparsities && { sparsities }),
    judge: judge ?? ((one) => evaluate(engine, one, source as NonNullable<typeof source>, run)),
  });
}

/** {@link import('../measure.node.ts').plan}, in this thread. */
export async function planHere([model]: readonly [Model], request: PlanRequest): Promise<Plan> {
  const { budget, layers: wanted, exclude } = request;
  const engine = await engineOf(request);
  const choice = { ...(wanted && { layers: wanted }), ...(exclude && { exclude }), ...runOptions(request) };
  const { model: guess, chosen } = await prune(model, { engine, budget, method: 'magnitude', ...choice });
  const kept = countKept(guess, chosen.layers);
  const { prunable } = await inspectHere([model], request);
  const macsOf = new Map(prunable.map(({ name, weights, macs }) => [name, macs === null ? null : macs / weights]));
  const layers = chosen.layers.map(({ name, node, op, size }, i) => ({
    name,
    node,
    op,
    weights: size,
    kept: kept[i] as number,
    macsPerWeight: macsOf.get(name) ?? null,
  }));
  const sum = (of: (layer: (typeof layers)[number]) => number): number =>
    layers.reduce((total, layer) => total + of(layer), 0);
  const isKnown = layers.every(({ macsPerWeight }) => macsPerWeight !== null);
  return {
    prunable: sum(({ weights }) => weights),
    nonzeros: sum((layer) => layer.kept),
    macs: isKnown
      ? {
          before: sum(({ weights, macsPerWeight }) => weights * (macsPerWeight ?? 0)),
          after: sum((layer) => layer.kept * (layer.macsPerWeight ?? 0)),
        }
      : null,
    layers,
  };
}
