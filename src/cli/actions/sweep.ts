import type { Command } from 'commander';
import { type Budget, budget } from '../../budget/budget.ts';
import { OptionError } from '../../errors/errors.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import { writeFiles } from '../../files/atomic.node.ts';
import type { Model } from '../../ir/model.ts';
import type { PruneOptions } from '../../methods/prune-options.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { writeModel } from '../../onnx/files.node.ts';
import { filesOfCompiled } from '../../pipeline/compiled-facts.ts';
import { type PruneStep, withoutUndefined } from '../../pipeline/recipe.ts';
import { compiledDense, type SweepCell, type SweepRequest, sweep } from '../../pipeline/sweep.ts';
import { timeSides } from '../../pipeline/timing.ts';
import type { CompileFacts } from '../../pipeline/transforms/compile.ts';
import { givenOptions } from '../../pruning/method-options.ts';
import { weightMacs } from '../../pruning/shapes.ts';
import { milliseconds, percent, bytes as size } from '../../report/figures.ts';
import { SWEEP_FILES, writeSweepReport } from '../../report/files.node.ts';
import { readPage } from '../../report/page.node.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { judgeChoice, patternParts, type SweepFlags } from '../flags.ts';
import { checkNotInputs, fileIn, inputsOf, makeFolder, stemOf } from '../outputs.node.ts';
import { compileOfFlags, rowsOfFlags } from '../recipe-flags.ts';
import { endOf, type Keeper, openKeeper } from './keeper.ts';
import { openRun, portsOf, type RunRequest, type RunSetup } from './setup.ts';
import { asked, sweepCsv, sweepDocument, sweepTable } from './sweep-printing.ts';
import { failureIn, unfinished } from './unfinished.ts';
import { optionsOf, planPruning } from './work-plan.ts';

/** Prunes by all methods to all sparsities. @returns the exit code */
export async function sweepFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<SweepFlags>();
  const budgets = checkFlags(flags);
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  await checkPlaces(flags, path);
  const setup = await openRun(context, path, requestOf(flags));
  const keeper = await keeperOf(context, setup, { flags, command });
  const done: SweepCell[] = [...keeper.cells];
  const judge = judgeOf(context, setup, flags);
  const dense = await judge(setup.opened.model);
  const measure = measureOf(context, setup, flags);
  const measured = await measure(setup.opened.model);
  const ports = {
    ...portsOf(context, setup, flags),
    rowsFor: (options: PruneOptions) => optionsOf(planPruning(setup, options, { flags, steps: [] }), flags),
  };
  const [step] = compileOfFlags(flags);
  const compile = step && { step, measureSize };
  const compiled = await compiledDense(setup.opened.model, dense, { ...(compile && { compile }), ports });
  const cells = await context.timed('sweep', () =>
    sweep(setup.opened.model, {
      methods: flags.methods,
      budgets,
      seeds: flags.seeds,
      asked: askedOf(flags),
      recalibrate: flags.recalibrate === true,
      ...(compile && { compile }),
      ports,
      ...(setup.shapes && { macs: weightMacs(setup.opened.model, setup.shapes) }),
      measure,
      known: keeper.cells,
      onCell: async (cell, model, compiling) => {
        await keep(context, cell, { model, compiling, path, flags });
        done.push(cell);
        await keeper.onCells(done);
      },
    }),
  );
  const result = { flags, setup, dense, measured: { ...measured, compiled }, cells };
  const document = await sweepDocument(context, result);
  const { report } = flags;
  const failed = report === undefined ? null : await failureIn(() => writeSweepReport(report, document));
  if (flags.json === true) context.print(JSON.stringify(document, null, 2));
  else context.print(flags.csv === true ? sweepCsv(cells) : sweepTable(result, context.width));
  if (failed !== null) throw unfinished(context, 'The sweep is done', failed);
  await endOf(context, keeper);
  return EXIT.ok;
}

/** Where the runs that are done are kept: beside the results, where there are any. */
function keeperOf(
  context: Context,
  { opened, data, engine }: RunSetup,
  { flags, command }: { readonly flags: SweepFlags; readonly command: Command },
): Promise<Keeper> {
  const output = flags.output ?? flags.report ?? null;
  return openKeeper(context, flags, { command, output, opened, data, engine });
}

/** Refuses places that cannot be written or that would take that of an input, and makes the folders. */
async function checkPlaces(flags: SweepFlags, path: string): Promise<void> {
  const { output, report, data, eval: evaluation, config } = flags;
  const models = output === undefined ? [] : cellNames(flags, path).map((name) => fileIn(output, name));
  const reported = report === undefined ? [] : SWEEP_FILES.map((name) => fileIn(report, name));
  checkNotInputs([...models, ...reported], inputsOf(path, { data, eval: evaluation, config }));
  if (output !== undefined) makeFolder(output);
  if (report === undefined) return;
  makeFolder(report);
  await readPage('report');
}

/** The files of all runs. */
function cellNames(flags: SweepFlags, path: string): string[] {
  const { methods, seeds, flops = [null], sparsity = [null] } = flags;
  return methods.flatMap((method) =>
    flops.flatMap((macs) =>
      sparsity.flatMap((share) =>
        seeds.map((seed) => cellName({ method, flops: macs, sparsity: share, seed }, flags, path)),
      ),
    ),
  );
}

/** The file of a run's model. */
function cellName(
  { method, flops, sparsity, seed }: Pick<SweepCell, 'method' | 'flops' | 'sparsity' | 'seed'>,
  { seeds }: SweepFlags,
  path: string,
): string {
  const place = [...(flops === null ? [] : [`flops${flops}`]), ...(sparsity === null ? [] : [sparsity])].join('-');
  return `${stemOf(path)}-${method}-${place}${seeds.length > 1 ? `-seed${seed}` : ''}.onnx`;
}

/** What is opened for a sweep. */
function requestOf(flags: SweepFlags): RunRequest {
  const { layers, exclude, seeds } = flags;
  return {
    rows: rowsOfFlags(flags),
    machine: flags,
    choice: withoutUndefined({ layers, exclude }),
    judged: judgeChoice(flags),
    methods: flags.methods,
    learns: flags.recalibrate === true,
    seed: seeds[0] ?? 1,
  };
}

/** What all runs are asked. */
function askedOf(flags: SweepFlags): SweepRequest['asked'] {
  const { layers, exclude, loss, labels, outputName: output, refuseBlocked } = flags;
  return {
    options: givenOptions(flags) as PruneStep['options'],
    ...withoutUndefined({ layers, exclude, loss, labels, output }),
    blocked: refuseBlocked === true ? 'refuse' : 'skip',
  };
}

function checkFlags(flags: SweepFlags): readonly Budget[] {
  if (flags.sparsity === undefined && flags.flops === undefined && flags.pattern === undefined)
    throw new OptionError(
      'Cannot sweep without budgets: give --sparsity, such as --sparsity 0.5,0.9 or 0.5..0.9:0.1, or --flops, or --pattern 2:4',
    );
  const budgets = (flags.flops ?? [undefined]).flatMap((flops) =>
    (flags.sparsity ?? [undefined]).map((sparsity) =>
      budget({
        scope: flags.scope,
        ...patternParts(flags),
        ...(sparsity !== undefined && { sparsity }),
        ...(flops !== undefined && { flops }),
      }),
    ),
  );
  if (flags.eval === undefined) throw new OptionError('Cannot sweep without data to measure on: give --eval');
  if (flags.recalibrate === true && flags.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give --data');
  if (flags.json === true && flags.csv === true)
    throw new OptionError('Cannot print both JSON and CSV: give --json or --csv');
  return budgets;
}

function judgeOf(
  context: Context,
  { evaluation, engine, judged }: RunSetup,
  { threads }: SweepFlags,
): (model: Model) => Promise<Evaluation | null> {
  return (model) =>
    context.timed('evaluate', async () =>
      evaluation === null ? null : evaluate(engine, model, evaluation.source, { threads, ...judged, ...context.run }),
    );
}

/** Size by brotli where there will be a report, latency where that was asked for. */
function measureOf(
  context: Context,
  { evaluation, engine }: RunSetup,
  { report, latency, threads }: SweepFlags,
): NonNullable<SweepRequest['measure']> {
  return async (model) => {
    const bytes = report === undefined ? null : await context.timed('size', () => measureSize(encodeModel(model)));
    const timed =
      latency === true
        ? await context.timed('latency', () =>
            timeSides([{ engine, model, source: evaluation?.source }], { ...context.run, threads }),
          )
        : [];
    return { bytes: bytes?.brotli ?? null, latency: timed[0]?.latencies[0]?.median ?? null };
  };
}

/** Says how a run went, and writes its model where that was asked for. */
async function keep(
  context: Context,
  cell: SweepCell,
  { model, compiling, path, flags }: { model: Model; compiling: CompileFacts | null; path: string; flags: SweepFlags },
): Promise<void> {
  const { method, sparsity, flops, seed, accuracy, recalibrated } = cell;
  const again = recalibrated === null ? '' : `, recalibrated ${percent(recalibrated.accuracy)}`;
  const at = asked({ sparsity, flops });
  const reached = recalibrated === null ? accuracy : recalibrated.accuracy;
  context.emit({ type: 'cell', method, sparsity, flops, seed, accuracy: reached });
  context.tell(`${method} at ${at}, seed ${seed}: ${percent(accuracy)}${again}${programText(cell)}`);
  if (flags.output === undefined) return;
  const name = cellName(cell, flags, path);
  await writeModel(fileIn(flags.output, name), model);
  if (compiling !== null && compiling.checked !== null)
    await writeFiles(flags.output, filesOfCompiled(compiling, name.replace(/\.onnx$/, '')));
}

function programText({ compiled }: SweepCell): string {
  if (compiled === null) return '';
  const { refused, latency, bytes } = compiled;
  return refused === null ? `, compiled ${milliseconds(latency)}, ${size(bytes)}` : `, not compiled: ${refused}`;
}
