import type { Command } from 'commander';
import { OptionError } from '../../errors/errors.ts';
import { evaluate } from '../../evaluate/accuracy.ts';
import { openEvaluation } from '../../library/rows.node.ts';
import { dataFacts } from '../../pipeline/opened-data.ts';
import { type LayerSensitivity, type Sensitivity, sensitivity } from '../../pipeline/sensitivity.ts';
import { integer, percent } from '../../report/figures.ts';
import { writeTextFiles } from '../../report/files.node.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { sensitivityChart } from '../../report/sensitivity-chart.ts';
import { textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import { EXIT } from '../exit-codes.ts';
import { evaluationChoice, type SensitivityFlags } from '../flags.ts';
import { openModel } from '../opening.node.ts';
import { checkWritableFolder } from '../outputs.node.ts';
import { decideFor } from './deciding.ts';
import { warnOfSamples } from './samples.ts';
import { failureIn } from './unfinished.ts';

/** The layout of the document; it rises when a field changes its meaning. */
const SENSITIVITY_SCHEMA = 'coppice/sensitivity@1';

/** Measures which layers bear pruning. @returns the exit code */
export async function sensitivityFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<SensitivityFlags>();
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  const { eval: address } = flags;
  if (address === undefined)
    throw new OptionError('Cannot measure sensitivity without data: give --eval with a few hundred labelled rows');
  if (flags.report !== undefined) checkWritableFolder(flags.report);
  const engine = await openEngine(context, flags);
  const opened = await context.timed('read', () => openModel(path));
  const data = await context.timed('open data', () =>
    openEvaluation(opened.model, address, { preprocess: flags, engine, output: evaluationChoice(flags).output }),
  );
  warnOfSamples(context, data);
  const { source } = data;
  const choice = evaluationChoice(flags);
  if (!source.labelled && !source.hasTargets)
    throw new OptionError('Cannot measure sensitivity: the rows of --eval have no labels and no targets');
  await decideFor(context, opened, { engine, data, choice });
  const result = await context.timed('sensitivity', () =>
    sensitivity(opened.model, {
      ...context.run,
      ...(flags.layers && { layers: flags.layers }),
      ...(flags.exclude && { exclude: flags.exclude }),
      sparsities: flags.sparsity,
      judge: (model) =>
        evaluate(engine, model, source, {
          signal: context.io.signal,
          ...choice,
          ...(flags.threads !== undefined && { threads: flags.threads }),
        }),
    }),
  );
  const document = {
    schema: SENSITIVITY_SCHEMA,
    model: opened.file,
    runtime: runtimeFacts(engine, flags.threads),
    eval: await dataFacts(data),
    ...result,
    seconds: context.seconds,
    warnings: context.warnings,
  };
  const json = JSON.stringify(document, (_, x) => (typeof x === 'number' && !Number.isFinite(x) ? null : x), 2);
  const folder = flags.report;
  let failed: Awaited<ReturnType<typeof failureIn>> = null;
  if (folder !== undefined) {
    const title = `${opened.file.name}: change of the loss (dense ${result.dense.loss?.toFixed(4)}) with one layer pruned`;
    const files = {
      'sensitivity.json': json,
      'sensitivity.svg': sensitivityChart(chartRows(result), flags.sparsity, title),
    };
    failed = await failureIn(() => writeTextFiles(folder, files));
  }
  context.print(flags.json === true ? json : text(result, flags, context.width));
  if (failed !== null) throw failed.thrown;
  return EXIT.ok;
}

function chartRows({ dense, layers }: Sensitivity): { name: string; values: (number | null)[] }[] {
  return layers.map((layer) => ({
    name: layer.node || layer.name,
    values: layer.points.map(({ loss }) => (loss === null || dense.loss === null ? null : loss - dense.loss)),
  }));
}

function text({ dense, layers }: Sensitivity, { sparsity, report }: SensitivityFlags, width: number): string {
  const right = (heading: string) => ({ heading, align: 'right' as const });
  const change = (layer: LayerSensitivity, i: number): string => {
    const loss = layer.points[i]?.loss ?? null;
    if (loss === null || dense.loss === null) return '';
    return `${loss >= dense.loss ? '+' : '-'}${Math.abs(loss - dense.loss).toPrecision(2)}`;
  };
  const table = textTable(
    [{ heading: 'layer' }, right('weights'), ...sparsity.map((share) => right(percent(share, 1)))],
    layers.map((layer) => [
      layer.node || layer.name,
      integer(layer.weights),
      ...sparsity.map((_, i) => change(layer, i)),
    ]),
    width,
  );
  const at = dense.accuracy === null ? '' : `, accuracy ${percent(dense.accuracy)}`;
  const written = report === undefined ? '' : `\n\nreport  ${report}`;
  return `Change of the loss with one layer pruned by magnitude (dense: ${dense.loss?.toFixed(4)}${at})\n\n${table}${written}`;
}
