// npm run bench:training [-- ROUNDS PICTURES THREADS]: training steps of ResNet-20 on CIFAR-10, beside PyTorch in the same minutes.
import { join } from 'node:path';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { finetune } from '../dist/finetune/finetune.js';
import { DATA, openProblem } from './problems.mjs';
import { compare, openTorch } from './torch.mjs';

const [rounds = 5, pictures = 1280, threads = onnxruntimeNode.cores] = process.argv.slice(2).map(Number);
const BATCH = 128;
/** Pictures from which on a round is long enough to need no warming up. */
const WHOLE = 10_000;

const { model, open, train, augment } = await openProblem('resnet20');
const source = feedsFromDataset(model, await open(`${train}[0:${pictures}]`, { augment }));

/** One epoch with crop and flip, momentum 0.9; the first steps' graph is opened before the clock starts. */
function epoch(options) {
  return async () => {
    let began = null;
    let last = null;
    let samples = 0;
    const clock = () => ({ wall: performance.now(), cpu: process.cpuUsage() });
    await finetune(model, {
      engine: onnxruntimeNode,
      source,
      epochs: 1,
      batch: BATCH,
      rate: 1e-3,
      augment: true,
      threads,
      ...options,
      onProgress: () => {
        if (began === null) began = clock();
        else samples += BATCH;
        last = clock();
      },
    });
    const { user, system } = last.cpu;
    return {
      samples,
      seconds: (last.wall - began.wall) / 1000,
      cpu: (user - began.cpu.user + system - began.cpu.system) / 1e6,
    };
  };
}
const data = join(DATA, 'cifar10', 'train.bin');
const [plain, channelsLast] = [
  await openTorch(data, { threads }),
  await openTorch(data, { threads, layout: 'channels_last' }),
];
if (plain === null)
  console.error('PyTorch is not there (COPPICE_PYTHON names a Python that has it): only our side is measured.');
const asked = (torch, what) =>
  torch === null ? [] : [{ what, measure: () => torch.ask(`train ${pictures / BATCH - 1} ${BATCH}`) }];
await compare(
  [
    { what: 'training', measure: epoch({}), reference: 'PyTorch' },
    ...asked(plain, 'PyTorch'),
    { what: 'training in parts of 64', measure: epoch({ part: 64 }), reference: 'PyTorch channels_last' },
    ...asked(channelsLast, 'PyTorch channels_last'),
  ],
  {
    rounds,
    file: 'training.csv',
    warm: pictures < WHOLE,
    note: `batch ${BATCH}; ${threads} threads; PyTorch ${plain?.version ?? 'none'}`,
  },
);
plain?.close();
channelsLast?.close();
