// npm run bench:gradients [-- ROUNDS THREADS]: gradient rows of ResNet-20 on CIFAR-10, beside PyTorch in the same minutes.
import { join } from 'node:path';
import { gradientProgram } from '../dist/curvature/gradient-program.js';
import { collectRows } from '../dist/curvature/gradient-rows.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { chooseLayers } from '../dist/pruning/layers.js';
import { DATA, openProblem } from './problems.mjs';
import { compare, measured, openTorch } from './torch.mjs';

const [rounds = 7, threads = onnxruntimeNode.cores] = process.argv.slice(2).map(Number);
const SAMPLES_A_RUN = 16; // what rows of ResNet-20 are computed with

const { model, open, train, exclude } = await openProblem('resnet20');
const source = feedsFromDataset(model, await open(train));
const { layers } = chooseLayers(model, { exclude });
const range = (start, count) => Int32Array.from({ length: count }, (_, i) => start + i);
const { inputs } = await source.feeds(range(0, SAMPLES_A_RUN));

async function rowsOf(mean) {
  const program = await gradientProgram(onnxruntimeNode, {
    model,
    layers,
    loss: 'cross-entropy',
    feeds: inputs,
    samples: SAMPLES_A_RUN,
    mean,
    threads,
    workers: threads,
  });
  const [target] = program.feeds;
  const feeds = async (indices) => {
    const fed = await source.feeds(indices);
    const data = BigInt64Array.from(fed.labels, BigInt);
    return fed.inputs.set(target.name, { type: 'int64', dims: target.dims, data });
  };
  const order = range(0, 12 * SAMPLES_A_RUN);
  const sizes = layers.map(({ size }) => size);
  const measure = () =>
    measured(async () => {
      await collectRows({ program, sizes, order, mean, feeds });
      return order.length;
    });
  return { measure, release: () => program.release() };
}

const forward = await onnxruntimeNode.createSession(model, { threads });
const batch = (await source.feeds(range(0, 128))).inputs;
const [each, means] = [await rowsOf(1), await rowsOf(16)];
const torch = await openTorch(join(DATA, 'cifar10', 'train.bin'), { threads });
if (torch === null)
  console.error('PyTorch is not there (COPPICE_PYTHON names a Python that has it): only our side is measured.');
const asked = (what, command) => (torch === null ? [] : [{ what, measure: () => torch.ask(command) }]);
await compare(
  [
    { what: 'rows of 16 samples', measure: means.measure, reference: 'PyTorch batch gradient (16)' },
    ...asked('PyTorch batch gradient (16)', 'rows 16 12'),
    { what: 'rows of single samples', measure: each.measure, reference: 'PyTorch vmap(grad)' },
    ...asked('PyTorch vmap(grad)', 'vmap 32 2'),
    ...asked('PyTorch single samples', 'single 20'),
    {
      what: 'onnxruntime forward (128)',
      measure: () => measured(() => forward.run(batch).then(() => 128)),
    },
  ],
  { rounds, file: 'gradients.csv', note: `${threads} threads; PyTorch ${torch?.version ?? 'none'}` },
);
torch?.close();
for (const opened of [each, means, forward]) await opened.release();
