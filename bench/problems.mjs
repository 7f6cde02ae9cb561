// The models and data that the benchmarks use, found as the tests find them; nothing of it is part of the project.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../dist/data/open-dataset.node.js';
import { readModel } from '../dist/onnx/files.node.js';

export const SHARED = process.env.COPPICE_SHARED ?? '../shared';
export const DATA = process.env.COPPICE_DATA ?? join(homedir(), '.cache', 'coppice-data');

const MNIST = { scale: '1/255', mean: 0.1307, std: 0.3081 };
const CIFAR = { scale: '1/255', mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
const IMAGENET = { scale: '1/127.5', mean: 1, std: 1, size: 224, channels: 'rgb' };

const mnist = (part) =>
  `idx:${join(DATA, 'mnist', `${part}-images-idx3-ubyte.gz`)},${join(DATA, 'mnist', `${part}-labels-idx1-ubyte.gz`)}`;

const resnet20 = (file) => ({
  file,
  preprocess: CIFAR,
  train: `cifar10:${join(DATA, 'cifar10', 'train.bin')}`,
  test: `cifar10:${join(DATA, 'cifar10', 'test_batch.bin')}`,
  augment: { crop: 4, flip: true },
  exclude: ['*downsample*'],
});

export const PROBLEMS = {
  mlpnet: { file: 'mlpnet-mnist.onnx', preprocess: MNIST, train: mnist('train'), test: mnist('t10k') },
  resnet20: resnet20('resnet20-cifar10.onnx'),
  'resnet20-folded': resnet20('resnet20-cifar10-folded.onnx'),
  mobilenet: {
    file: 'mobilenet-v1-075-imagenet.onnx',
    preprocess: IMAGENET,
    train: `images:${join(SHARED, 'data', 'imagenet-500')}`,
    test: `images:${join(SHARED, 'data', 'imagenet-500')}`,
  },
};

/** Opens a problem: { model, open(address, { augment }), ...problem }. Ends the program in one sentence where files are missing. */
export async function openProblem(name) {
  const problem = PROBLEMS[name];
  const path = join(SHARED, 'models', problem.file);
  if (!existsSync(path)) {
    console.error(
      `The model ${path} is missing: set COPPICE_SHARED to the folder that holds models/ and reference/, COPPICE_DATA to the unpacked data.`,
    );
    process.exit(2);
  }
  const model = await readModel(path);
  const open = (address, options = {}) =>
    openDataset(address, {
      ...problem.preprocess,
      ...options,
      modelInput: model.graph.inputs.find((input) => !model.graph.constants.has(input.name)),
    });
  return { ...problem, name, path, model, open };
}
