import type { PreprocessOptions } from '../../data/preprocess.ts';
import { OptionError } from '../../errors/errors.ts';
import { didYouMean } from '../../errors/nearest.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import { validateGraph } from '../../graph/validate-graph.ts';
import type { Model } from '../../ir/model.ts';
import { METHODS } from '../../methods/list.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { modelHash } from '../../onnx/files.node.ts';
import { filesOfCompiled } from '../../pipeline/compiled-facts.ts';
import { isMadeUp, type OpenedData } from '../../pipeline/opened-data.ts';
import {
  compileSteps,
  type OpenedRows,
  type Pruned,
  pruneOpened,
  stepOptions,
} from '../../pipeline/prune-and-report.ts';
import { type PruneStep, type Recipe, withoutUndefined } from '../../pipeline/recipe.ts';
import { judgedBy, type Platform, portsOf, type Ran, runAndReport } from '../../pipeline/run-and-report.ts';
import { stopwatch } from '../../pipeline/run-ports.ts';
import { type SweepCell, sweep } from '../../pipeline/sweep.ts';
import { shapesOf, weightMacs } from '../../pruning/shapes.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { blockPoolOpener } from '../../solvers/chita/block-pool.node.ts';
import type { DataSource } from '../data.node.ts';
import type { PruneRequest, RecipeRequest, SweepRequest } from '../requests.node.ts';
import { openEvaluation, openRows, openSize } from '../rows.node.ts';
import { type EngineChoice, engineOf } from './opening.node.ts';

/** {@link import('../prune.node.ts').prune}, in this thread. */
export async function pruneHere([model]: readonly [Model], request: PruneRequest): Promise<Pruned> {
  refuseMethods([request.method ?? 'auto']);
  const { platform, opened, watch } = await openRequest(model, request);
  const asked = { openPool: blockPoolOpener(request.threads), ...request };
  return pruneOpened(model, { asked, opened, platform }, watch);
}

/** {@link import('../run.node.ts').run}, in this thread. */
export async function runHere(
  [model, teacher]: readonly Model[],
  { recipe: written, ...request }: Omit<RecipeRequest, 'teacher'> & { readonly recipe: Recipe },
): Promise<Ran> {
  const { data, evaluation, preprocess, threads, onProgress, signal, latency, about } = request;
  const rows = withoutUndefined({
    data: data ?? written.data,
    evaluation: evaluation ?? written.eval,
    preprocess: preprocess ?? {
      ...written.preprocess,
      ...(written.augment && { augment: withAugment(written.augment) }),
    },
  });
  const [first] = written.steps;
  const seed = first?.do === 'compile' ? undefined : first?.seed;
  const { platform, opened, watch } = await openRequest(model as Model, {
    ...withoutUndefined({ ...request, seed, output: judgedBy(written).output }),
    ...rows,
  });
  const recipe: Recipe = {
    ...written,
    ...(opened.data && { data: opened.data.address }),
    ...(opened.evaluation === undefined ? undefined : { eval: opened.evaluation.address }),
  };
  const given = {
    ...withoutUndefined({ threads, onProgress, signal, teacher, latency, about }),
    openPool: blockPoolOpener(threads),
    augment: written.augment !== undefined,
    ...{ data: opened.data, evaluation: opened.evaluation },
    repeatable: true,
  };
  return runAndReport(model as Model, { recipe, given, platform }, watch);
}

function withAugment({
  crop = 0,
  flip = false,
}: NonNullable<Recipe['augment']>): NonNullable<PreprocessOptions['augment']> {
  return { crop, flip };
}

/** {@link import('../sweep.node.ts').sweep}, in this thread. */
export async function sweepHere([model]: readonly [Model], request: SweepRequest): Promise<SweepCell[]> {
  const { methods, budgets, seeds, recalibrate, threads, onProgress, signal, store, factored, augment } = request;
  refuseMethods(methods);
  const { platform, opened, watch } = await openRequest(model, request);
  if (recalibrate === true && opened.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give "data"');
  const shapes = await shapesOf(platform.engine, model, (opened.data ?? opened.evaluation)?.source);
  const { openPool = blockPoolOpener(threads), onCell } = request;
  const [compile] = compileSteps(request);
  const given = {
    ...withoutUndefined({ threads, onProgress, signal, augment }),
    ...{ openPool, pruning: withoutUndefined({ store, factored }) },
    ...{ data: opened.data, evaluation: opened.evaluation },
    repeatable: true,
  };
  const asked = stepOptions(request);
  const step: PruneStep = { do: 'prune', budget: {}, ...asked };
  return sweep(model, {
    ...withoutUndefined({ methods, budgets, seeds, recalibrate }),
    ...(compile && { compile: { step: compile, measureSize } }),
    ...(onCell && {
      onCell: (cell, pruned, compiling) =>
        onCell(cell, pruned, compiling?.checked ? filesOfCompiled(compiling, 'model') : null),
    }),
    asked,
    ports: portsOf({ recipe: { steps: [step] }, given, platform, watch, warnings: [] }),
    ...('reason' in shapes ? {} : { macs: weightMacs(model, shapes) }),
    measure: async (pruned) => ({ bytes: (await measureSize(encodeModel(pruned))).brotli, latency: null }),
  });
}

interface RowsRequest extends EngineChoice {
  readonly data?: DataSource | undefined;
  readonly evaluation?: DataSource | undefined;
  readonly preprocess?: PreprocessOptions | undefined;
  readonly output?: string | undefined;
  readonly seed?: number | undefined;
}

/** What every run opens: what runs the model, and its rows. */
async function openRequest(model: Model, request: RowsRequest) {
  const watch = stopwatch();
  const engine = await engineOf(request);
  const platform: Platform = {
    engine,
    measureSize,
    sha256: modelHash,
    facts: () => ({ tool: toolFacts(), platform: platformFacts(), peakRssMB: peakRssMB() }),
  };
  const { data, evaluation, preprocess, output, seed = 1 } = request;
  const whole = validateGraph(model);
  const opening = async (): Promise<OpenedData | undefined> => {
    if (data === undefined) return undefined;
    const open = typeof data === 'string' && isMadeUp(data) ? await openSize(engine, whole) : undefined;
    return openRows(whole, data, { preprocess, seed, engine, output, ...(open !== undefined && { open }) });
  };
  const opened: OpenedRows = {
    data: await watch.time('data', opening),
    evaluation:
      evaluation === undefined
        ? undefined
        : await watch.time('data', () => openEvaluation(whole, evaluation, { preprocess, engine, output })),
    preprocess,
  };
  return { platform, opened, watch };
}

/** @throws OptionError for a method that is not there, with the nearest that is */
function refuseMethods(names: readonly string[]): void {
  const known = Object.keys(METHODS);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return;
  const near = didYouMean(wrong, known);
  throw new OptionError(
    `Cannot prune by "${wrong}"${near}${near === '' ? ':' : ''} the methods are ${known.join(', ')}`,
    {
      fields: { option: 'method' },
    },
  );
}
