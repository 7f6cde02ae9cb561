import { readWeights, readWeightsNarrow } from '../../apply/weights.ts';
import { type Budget, stageBudgets } from '../../budget/budget.ts';
import { constraintOf } from '../../budget/constraint-of.ts';
import { projection } from '../../constraints/constraint.ts';
import { usingRows } from '../../curvature/gradient-rows.ts';
import { linalg } from '../../engine/linalg.ts';
import { METHODS, type Method, takesCompute } from '../../methods/list.ts';
import { budgetedLayers, prune } from '../../methods/prune.ts';
import { type PruneOptions, type ResolvedPrune, resolveGradients, resolvePrune } from '../../methods/prune-options.ts';
import { quadratic } from '../../problem/quadratic.ts';
import { rowsOf } from '../../pruning/gradients.ts';
import { planText } from '../../pruning/memory-plan.ts';
import { workText } from '../../pruning/work-plan.ts';
import { bytes, integer, percent, short } from '../../report/figures.ts';
import { sparkline } from '../../report/sparkline.ts';
import { textTable } from '../../report/table.ts';
import { random } from '../../tensor/random.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { MachineFlags } from '../flags.ts';
import { countLayers, total } from '../measuring.ts';
import type { RunSetup } from './setup.ts';
import type { RunPlan } from './work-plan.ts';

/** The layout of a plan; it rises when a field changes its meaning. */
const PLAN_SCHEMA = 'coppice/plan@1';

/**
 * Prints what a run would do. Layers and MACs are predicted by pruning the weights by magnitude, which takes no data
 * and puts zeros in about the same places as the other methods do.
 */
export async function printPlan(
  context: Context,
  setup: RunSetup,
  options: PruneOptions,
  { flags, plan: made }: { readonly flags: MachineFlags; readonly plan: RunPlan | null },
): Promise<number> {
  const resolved = resolvePrune(options);
  const rows = resolveGradients(options);
  const { layers } = setup.chosen;
  const prunable = layers.reduce((sum, { size }) => sum + size, 0);
  const { stages = 1, schedule = 'exp', baseSparsity = 0, budget, minutes = null } = resolved;
  const budgeted = await budgetedLayers(setup.opened.model, options, setup.chosen);
  const w = readWeightsNarrow(setup.opened.model, layers);
  const kept = (asked: Budget): number => {
    const support = projection(constraintOf(asked, budgeted), w);
    let count = 0;
    for (let i = 0; i < w.length; i++) if (support[i] === 1 && w[i] !== 0) count++;
    return count;
  };
  const guess = await prune(setup.opened.model, {
    engine: options.engine,
    layers: options.layers,
    exclude: options.exclude,
    budget,
    method: 'magnitude',
    signal: context.io.signal,
  });
  const counts = countLayers(layers, guess.model);
  const predicted = rows === null ? null : await predictedChange(setup, options, guess.w);
  const plan = {
    schema: PLAN_SCHEMA,
    model: setup.opened.file,
    method: resolved.method,
    budget,
    prunable,
    nonzeros: counts.reduce((sum, layer) => sum + layer.kept, 0),
    macs: { before: total(counts.map(({ macs }) => macs.before)), after: total(counts.map(({ macs }) => macs.after)) },
    stages: stageBudgets(budget, { stages, schedule, base: baseSparsity }, prunable).map((asked) => ({
      sparsity: asked.sparsity ?? null,
      flops: asked.flops ?? null,
      nonzeros: kept(asked),
    })),
    predictedLossChange: predicted,
    minutes,
    gradients: computeOf(resolved, { rows, stages, prunable }),
    memory: made === null ? null : memoryOf(made),
    seconds: made?.work.seconds ?? null,
    layers: counts.map(({ layer, kept, macs }) => ({
      name: layer.name,
      op: layer.op,
      shape: layer.dims,
      weights: layer.size,
      kept,
      bytes: { before: BYTES * layer.size, after: BYTES * kept },
      macs,
    })),
    warnings: context.warnings,
  };
  context.print(flags.json === true ? JSON.stringify(plan, null, 2) : textOf(plan, context.width));
  return EXIT.ok;
}

/** Sample gradients of a run: those of its rows, or of its training steps; null where it takes none, or goes by the clock. */
function computeOf(
  { samples = 0, batch = 0, minutes = null, method }: ResolvedPrune,
  { rows, stages, prunable }: { rows: object | null; stages: number; prunable: number },
): Plan['gradients'] {
  if (rows !== null) return { rows: samples, samples: samples * batch * stages, bytes: 4 * samples * prunable };
  const trains = Object.hasOwn(METHODS, method) && takesCompute(METHODS[method as Method]);
  return trains && minutes === null ? { rows: samples, samples: samples * batch, bytes: 0 } : null;
}

/** What the run takes of memory, and where its rows lie. */
function memoryOf({ work, rows }: RunPlan): NonNullable<Plan['memory']> {
  return {
    peak: Math.round(work.peak),
    threads: work.threads,
    parts: work.parts.map(({ what, bytes }) => ({ what, bytes: Math.round(bytes) })),
    rows: rows === null ? null : { where: rows.where, type: rows.type, bytes: Math.round(rows.bytes) },
    says: [workText(work), ...(rows === null ? [] : [planText(rows)])],
  };
}

/** Of a weight that is stored as float32; positions of sparse weights are not counted. */
const BYTES = 4;
/** Gradient rows that a prediction takes at most. */
const PREDICTION_ROWS = 200;

/** A change without the ridge is the same whatever that is. */
const ANY_RIDGE = 1;

/** Change of the loss by the quadratic model of few gradient rows, of the planned weights before any is solved for. */
async function predictedChange(setup: RunSetup, options: PruneOptions, w: Float64Array): Promise<number | null> {
  const resolved = resolveGradients(options);
  if (options.source === undefined || resolved === null || resolved.loss === 'random') return null;
  const rows = await rowsOf(
    {
      ...resolved,
      engine: options.engine,
      model: setup.opened.model,
      layers: setup.chosen.layers,
      source: options.source,
      samples: Math.min(resolved.samples, PREDICTION_ROWS),
      batch: 1,
      rng: random(resolved.seed).fork('plan'),
      ...(options.output !== undefined && { output: options.output }),
      ...(options.threads !== undefined && { threads: options.threads }),
    },
    {
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.signal && { signal: options.signal }),
    },
  );
  const before = readWeights(setup.opened.model, setup.chosen.layers);
  return usingRows(rows, async () => {
    const problem = quadratic(
      rows,
      before,
      { lambda: ANY_RIDGE, firstOrder: 1 },
      linalg(options.engine, options.threads),
    );
    const { fit, firstOrder } = await problem.value(w);
    return (fit + firstOrder) / rows.n;
  });
}

interface Plan {
  readonly predictedLossChange: number | null;
  /** Of a method that trains for a time. */
  readonly minutes: number | null;
  readonly model: { readonly name: string };
  readonly method: string;
  readonly prunable: number;
  readonly nonzeros: number;
  readonly macs: { readonly before: number | null; readonly after: number | null };
  readonly stages: readonly {
    readonly sparsity: number | null;
    readonly flops: number | null;
    readonly nonzeros: number;
  }[];
  /** Bytes at the peak, the largest part first. */
  readonly memory: {
    readonly peak: number;
    readonly threads: number;
    readonly parts: readonly { readonly what: string; readonly bytes: number }[];
    readonly rows: { readonly where: string; readonly type: string; readonly bytes: number } | null;
    readonly says: readonly string[];
  } | null;
  /** Rough; null where the model does not run. */
  readonly seconds: number | null;
  readonly gradients: { readonly rows: number; readonly samples: number; readonly bytes: number } | null;
  readonly layers: readonly {
    readonly name: string;
    readonly op: string;
    readonly weights: number;
    readonly kept: number;
    readonly macs: { readonly after: number | null };
  }[];
}

function textOf(
  { model, method, prunable, nonzeros, macs, stages, gradients, minutes, layers, memory, predictedLossChange }: Plan,
  width: number,
): string {
  const right = (heading: string) => ({ heading, align: 'right' as const });
  const rows = layers.map(({ name, op, weights, kept, macs: { after } }) => [
    name,
    op,
    integer(weights),
    integer(kept),
    percent(kept / weights, 1),
    short(after),
  ]);
  const facts = [
    `${model.name} by ${method}: ${integer(nonzeros)} of ${integer(prunable)} weights would be kept`,
    `MACs of one sample: ${short(macs.before)} now, about ${short(macs.after)} without the zeros`,
    ...(predictedLossChange === null
      ? []
      : [
          `loss ${predictedLossChange < 0 ? '' : '+'}${predictedLossChange.toPrecision(3)} by the quadratic model, before any weight is solved for`,
        ]),
    computeText(gradients, minutes),
    ...(memory?.says ?? []),
    stages.length === 1
      ? 'one stage'
      : `${stages.length} stages: ${listed(stages.map(({ nonzeros, flops }) => `${percent(1 - nonzeros / prunable, 1)}${flops === null ? '' : ` with ${percent(flops, 1)} of the MACs`}`))}`,
  ];
  const table = textTable(
    [
      { heading: 'layer' },
      { heading: 'operator' },
      right('weights'),
      right('kept, about'),
      right('share'),
      right('MACs'),
    ],
    rows,
    width,
  );
  const shape = `kept by layer  ${sparkline(
    layers.map(({ weights, kept }) => kept / weights),
    width - 15,
  )}`;
  return `${facts.join('\n')}\n\n${shape}\n\n${table}\n\nNothing was written: this is a dry run.`;
}

function computeText(gradients: Plan['gradients'], minutes: number | null): string {
  if (minutes !== null) return `training for ${minutes} minutes`;
  if (gradients === null) return 'no gradients';
  const all = `${integer(gradients.samples)} sample gradients in all`;
  if (gradients.bytes === 0) return `${integer(gradients.rows)} training steps, ${all}`;
  return `${integer(gradients.rows)} gradient rows (${bytes(gradients.bytes)}), ${all}`;
}

/** Stages that are named one by one; of more, the ends. */
const LISTED_STAGES = 20;

function listed(names: readonly string[]): string {
  return names.length <= LISTED_STAGES ? names.join(', ') : `${names.slice(0, 3).join(', ')} ... ${names.at(-1)}`;
}
