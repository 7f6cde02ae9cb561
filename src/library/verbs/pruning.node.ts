import { recalibrate } from '../../apply/recalibrate.ts';
import { sidesOf } from '../../data/model-sides.ts';
import { OptionError } from '../../errors/errors.ts';
import { didYouMean } from '../../errors/nearest.ts';
import { evaluate } from '../../evaluate/accuracy.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import { validateGraph } from '../../graph/validate-graph.ts';
import type { Model } from '../../ir/model.ts';
import { METHODS } from '../../methods/list.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { modelHash } from '../../onnx/files.node.ts';
import { inspect } from '../../pipeline/inspect.ts';
import { type Platform, type Pruned, pruneAndReport } from '../../pipeline/prune-and-report.ts';
import { stopwatch } from '../../pipeline/run-ports.ts';
import { type SweepCell, sweep } from '../../pipeline/sweep.ts';
import { shapesOf } from '../../pruning/shapes.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { blockPoolOpener } from '../../solvers/chita/block-pool.node.ts';
import { openFor } from '../data.node.ts';
import type { PruneRequest, SweepRequest } from '../requests.node.ts';
import { engineOf, feedsFor, runOptions } from './opening.node.ts';

/** {@link import('../prune.node.ts').prune}, in this thread. */
export async function pruneHere([model]: readonly [Model], request: PruneRequest): Promise<Pruned> {
  refuseMethods([request.method ?? 'auto']);
  const watch = stopwatch();
  const engine = await engineOf(request);
  const sides = sidesOf(validateGraph(model));
  const opened = (given: PruneRequest['data']) => watch.time('data', () => openFor(sides, given, request.preprocess));
  const data = await opened(request.data);
  const evaluation = await opened(request.evaluation);
  const options = { openPool: blockPoolOpener(request.threads), ...request, data, evaluation };
  const platform: Platform = {
    engine,
    measureSize,
    sha256: modelHash,
    facts: () => ({ tool: toolFacts(), platform: platformFacts(), peakRssMB: peakRssMB() }),
  };
  return pruneAndReport(model, options, platform, watch);
}

/** {@link import('../sweep.node.ts').sweep}, in this thread. */
export async function sweepHere([model]: readonly [Model], request: SweepRequest): Promise<SweepCell[]> {
  const { data, evaluation, preprocess, recalibrate: tunes, ...asked } = request;
  refuseMethods(request.methods);
  const engine = await engineOf(request);
  const source = data === undefined ? undefined : await feedsFor(model, data, { engine, preprocess });
  const tests = evaluation === undefined ? undefined : await feedsFor(model, evaluation, { engine, preprocess });
  if (tunes === true && source === undefined) throw new OptionError('Cannot recalibrate without data: give "data"');
  const shapes = await shapesOf(engine, model, source ?? tests);
  const macs = 'reason' in shapes ? null : inspect(model, shapes).prunable;
  const run = runOptions(request);
  return sweep(model, {
    openPool: blockPoolOpener(request.threads),
    ...asked,
    engine,
    ...(source && { source }),
    ...(macs && {
      macs: new Map(macs.map(({ name, weights, macs: all }) => [name, all === null ? null : all / weights])),
    }),
    judge: async (pruned) => (tests ? evaluate(engine, pruned, tests, run) : null),
    ...(tunes === true &&
      source && {
        recalibrate: async (pruned: Model, seed: number) =>
          (await recalibrate(pruned, model, { engine, source, seed, ...run })).model,
      }),
    measure: async (pruned) => ({ bytes: (await measureSize(encodeModel(pruned))).brotli, latency: null }),
  });
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
