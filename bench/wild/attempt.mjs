// node wild/attempt.mjs FILE FOLDER METHOD ...: methods on one model, one after the other, each into FOLDER/METHOD.onnx; prints a line of
// JSON after each. The method `inspect` writes nothing.

import { join } from 'node:path';
import { sparsity } from '../../dist/budget/budget.js';
import { onnxruntimeNode as engine } from '../../dist/engine/onnxruntime.node.js';
import { CoppiceError } from '../../dist/errors/errors.js';
import { validateGraph } from '../../dist/graph/validate-graph.js';
import { prune as prunePipeline } from '../../dist/methods/prune.js';
import { readModel, writeModel } from '../../dist/onnx/files.node.js';
import { inspect } from '../../dist/pipeline/inspect.js';
import { shapesOf } from '../../dist/pruning/shapes.js';
import { testedFeeds } from '../../dist/samples/tested-feeds.js';
import { madeUp } from './inputs.mjs';

/** Share that is removed, and the samples that methods see. */
const SPARSITY = 0.5;
const SAMPLES = 64;
/** What each method is asked for besides: little, so that a folder of models takes no day. */
const SETTINGS = {
  magnitude: { method: 'magnitude' },
  chita: { method: 'chita', samples: 24, lambda: 1e-2, loss: 'random', blocked: 'skip' },
  reconstruct: { method: 'reconstruct', samples: SAMPLES },
  auto: { method: 'auto', gradients: 96 },
};

const [file, folder, ...methods] = process.argv.slice(2);

async function inspected() {
  const model = validateGraph(await readModel(file));
  const shapes = await shapesOf(engine, model);
  const runs = !('reason' in shapes);
  const { prunable, totals, unprunable } = inspect(model, runs ? shapes : undefined);
  return {
    layers: prunable.length,
    weights: totals.prunable,
    unprunable: unprunable.length,
    runs,
    reason: runs ? null : shapes.reason,
  };
}

async function pruned(method) {
  const model = validateGraph(await readModel(file));
  const settings = SETTINGS[method];
  const { source } = await madeUp(model, { seed: 1, count: SAMPLES });
  const rows = method === 'chita' && {
    samples: Math.min(settings.samples, (await testedFeeds(engine, model, source)).count),
  };
  const result = await prunePipeline(model, {
    engine,
    budget: sparsity(SPARSITY),
    ...settings,
    ...rows,
    ...(method !== 'magnitude' && { source }),
  });
  await writeModel(join(folder, `${method}.onnx`), result.model);
  let start = 0;
  const layers = result.chosen.layers.map(({ name, size, quantisation }) => {
    const w = result.w.subarray(start, start + size);
    start += size;
    const points = [...new Set(quantisation?.zero ?? [0])]; // what stands for zero in the file, where that is one number
    return {
      name,
      size,
      zeros: w.reduce((sum, x) => sum + (x === 0 ? 1 : 0), 0),
      ...(points.length === 1 && { zero: points[0] }),
    };
  });
  const stage = result.stages.at(-1);
  return { layers, kept: stage.kept, status: stage.status, said: stage.message };
}

function told(thrown) {
  if (thrown instanceof CoppiceError) return { refused: { code: thrown.code, message: thrown.message } };
  if (thrown.doesNotRun) return { refused: { code: 'engine', message: thrown.message } };
  return { bug: thrown.stack ?? String(thrown) };
}

let nothing = false;
for (const method of methods) {
  const started = performance.now();
  const result = nothing ? {} : await (method === 'inspect' ? inspected() : pruned(method)).catch(told);
  if (method === 'inspect') nothing = !(result.runs && result.weights > 0);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ method, ...result, seconds })}\n`);
}
