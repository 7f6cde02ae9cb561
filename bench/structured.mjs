// node bench/structured.mjs PROBLEM SHARE [SAMPLES]: takes channels out until a share of the multiply-adds is left, and measures what is left of the accuracy.
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { evaluate } from '../dist/evaluate/accuracy.js';
import { shrink } from '../dist/structured/structured.js';
import { openProblem } from './problems.mjs';

const [name = 'resnet20-folded', share = '0.5', samples = '1000'] = process.argv.slice(2);
const problem = await openProblem(name);
const source = feedsFromDataset(problem.model, await problem.open(problem.train));
const started = performance.now();
const shrunk = await shrink({
  engine: onnxruntimeNode,
  model: problem.model,
  source,
  budget: { macs: Number(share) },
  samples: Number(samples),
  ridge: 0.01,
  seed: 1,
});
const seconds = (performance.now() - started) / 1000;
console.log(shrunk.spaces.map(({ before, after }) => `${before}->${after}`).join(' '));
console.log(
  `macs ${(shrunk.after.macs / shrunk.before.macs).toFixed(3)}, weights ${(shrunk.after.params / shrunk.before.params).toFixed(3)}, error ${shrunk.error.toFixed(4)}, proof ${shrunk.proof.toExponential(1)}, ${seconds.toFixed(1)} s`,
);
const test = feedsFromDataset(shrunk.model, await problem.open(problem.test));
const found = await evaluate(onnxruntimeNode, shrunk.model, test);
console.log(`accuracy ${(100 * found.accuracy).toFixed(2)}`);
