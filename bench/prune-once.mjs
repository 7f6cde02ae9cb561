// One pruning in a process of its own, nothing evaluated, written or compressed:
//   node bench/prune-once.mjs '{"model":PATH,"data":ADDRESS,"preprocess":{},"samples":n,"sparsity":s,"memory":bytes,"half":false,"factors":true}'
// prints { seconds, gradients, solve, objective, peakRssMB, plan } as JSON.

import { sparsity } from '../dist/budget/budget.js';
import { diskMedium } from '../dist/curvature/disk-medium.node.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { openDataset } from '../dist/data/open-dataset.node.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { feedsOf } from '../dist/ir/access.js';
import { prune as prunePipeline } from '../dist/methods/prune.js';
import { readModel } from '../dist/onnx/files.node.js';
import { chooseLayers } from '../dist/pruning/layers.js';
import { outerLayers, planRows, planText } from '../dist/pruning/memory-plan.js';
import { shapesOf } from '../dist/pruning/shapes.js';

const asked = JSON.parse(process.argv[2]);
const began = performance.now();
const model = await readModel(asked.model);
const modelInput = feedsOf(model.graph)[0];
const source = feedsFromDataset(model, await openDataset(asked.data, { ...asked.preprocess, modelInput }));
const shapes = await shapesOf(onnxruntimeNode, model, source);
const { layers } = chooseLayers(model, {}, shapes.captured, shapes.batch);
const weights = layers.reduce((sum, { size }) => sum + size, 0);
const plan = planRows({
  rows: asked.samples,
  weights,
  taken: process.memoryUsage.rss(),
  half: asked.half ?? false,
  disk: () => diskMedium(),
  ...(asked.memory && { limit: asked.memory }),
  ...(asked.factors !== false && { outer: outerLayers(layers) }),
});
const { stages } = await prunePipeline(model, {
  engine: onnxruntimeNode,
  source,
  budget: sparsity(asked.sparsity),
  method: 'chita',
  samples: asked.samples,
  store: plan.store,
  factored: new Set(plan.factored.map(({ name }) => name)),
});
const [{ seconds: parts, value }] = stages;
const seconds = (performance.now() - began) / 1000;
const peakRssMB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ seconds, ...parts, objective: value.objective, peakRssMB, plan: planText(plan) }));
process.exit(0);
