// npm run bench [-- TABLE ...] [--runs=n]: time and memory of each stage, beside what people would use instead.
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWeights } from '../dist/apply/weights.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { rowsOf } from '../dist/pruning/gradients.js';
import { chooseLayers } from '../dist/pruning/layers.js';
import { random } from '../dist/tensor/random.js';
import { problemOf, SERIES, showGrowth, TINY } from './growth.mjs';
import { openProblem } from './problems.mjs';
import { writeResnet50 } from './resnet50.mjs';
import { HERE, interleaved, keep, outcome, ROOT } from './rows.mjs';

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const runs = Number(process.argv.find((word) => word.startsWith('--runs='))?.slice('--runs='.length) ?? 5);
const python = process.env.COPPICE_PYTHON ?? 'python3';
const scratch = join(tmpdir(), `coppice-bench-${process.pid}`);
mkdirSync(scratch);

/** Rows and weights of a reference problem, written for other programs to read. */
async function problemFiles(name, n) {
  const { model, open, train, exclude } = await openProblem(name);
  const { layers } = chooseLayers(model, exclude === undefined ? {} : { exclude });
  const source = feedsFromDataset(model, await open(`${train}[0:${n}]`));
  const request = { engine: onnxruntimeNode, model, layers, source, loss: 'cross-entropy', labels: 'data' };
  const { panels } = await rowsOf({ ...request, samples: n, batch: 1, rng: random(1), augment: false });
  const files = { rows: join(scratch, `${name}.rows`), weights: join(scratch, `${name}.weights`) };
  const file = openSync(files.rows, 'w');
  for (const { data } of panels) writeSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  closeSync(file);
  writeFileSync(files.weights, readWeights(model, layers));
  return { ...files, n, widths: panels.map(({ width }) => width) };
}

const solveOnce = (asked) => () =>
  outcome(process.execPath, [`${HERE}solve-once.mjs`, JSON.stringify({ dist: `${ROOT}dist`, ...asked })]);
const numpyOnce = (asked) => () => outcome(python, [`${HERE}solve_once.py`, JSON.stringify(asked)]);

const PREPROCESS = {
  mlpnet: ['--scale', '1/255', '--mean', '0.1307', '--std', '0.3081'],
  resnet20: ['--scale', '1/255', '--mean', '0.4914,0.4822,0.4465', '--std', '0.2023,0.1994,0.201'],
  mobilenet: ['--scale', '1/127.5', '--mean', '1', '--std', '1'],
};

/** `coppice prune` as a user runs it. */
async function pruneOnce(name, options, slice = '') {
  const { path, train, exclude } = await openProblem(name);
  const args = [`${ROOT}dist/cli/main.node.js`, 'prune', path, '--data', `${train}${slice}`, ...PREPROCESS[name]];
  if (exclude !== undefined) args.push('--exclude', exclude.join(','));
  args.push(...options, '--no-latency', '--json', '--quiet', '-o', join(scratch, 'pruned.onnx'));
  return () => {
    const began = performance.now();
    const { objective, peakRssMB } = outcome(process.execPath, args);
    return { seconds: (performance.now() - began) / 1000, objective: objective ?? undefined, peakRssMB };
  };
}

/** Runs of CHITA on the model of the shapes of ResNet-50, with up to `count` pictures. */
async function resnet50Once(count) {
  const { model, data } = await writeResnet50(scratch, { count });
  const preprocess = { scale: '1/64', mean: 2, std: 1.15 };
  return (samples, options) => () =>
    outcome(process.execPath, [
      `${HERE}prune-once.mjs`,
      JSON.stringify({ model, data: `${data}[0:${samples}]`, preprocess, samples, sparsity: 0.8, ...options }),
    ]);
}

/** Tables that run only where they are named. */
const LONG = ['resnet50-500'];

const TABLES = {
  /** The solve alone, on rows of a real model. */
  async solve() {
    for (const [name, n, k] of [
      ['resnet20', 500, 80500],
      ['mlpnet', 1000, 3235],
    ]) {
      const files = await problemFiles(name, n);
      const sides = {
        chita: solveOnce({ ...files, k, solver: 'chita' }),
        'chita-cd': solveOnce({ ...files, k, solver: 'chita-cd' }),
        'numpy f32': numpyOnce({ ...files, k, type: 'f32' }),
        'numpy f64': numpyOnce({ ...files, k, type: 'f64' }),
      };
      keep('solve', `${name} n=${n} k=${k}`, interleaved(sides, runs));
    }
  },

  /** The whole command, start to written model, nothing evaluated. */
  async command() {
    const one = await pruneOnce('resnet20', ['--sparsity', '0.8', '--samples', '1000']);
    keep('command', 'resnet20 80 % n=1000', interleaved({ coppice: one }, runs));
    const stages = ['--sparsity', '0.9', '--method', 'chita++', '--stages', '20', '--samples', '1000', '--batch', '16'];
    const many = await pruneOnce('mlpnet', stages);
    keep('command', 'mlpnet chita++ 20 x 1000 x 16', interleaved({ coppice: many }, Math.min(runs, 3)));
  },

  /** Where the gradient rows are kept: the same run with all of them in memory, on disk, and as bf16. */
  async memory() {
    const asked = ['--sparsity', '0.5', '--channels', 'rgb'];
    const few = (options) => pruneOnce('mobilenet', [...asked, ...options], '[0:200]');
    const sides = {
      'in memory': await few([]),
      'on disk': await few(['--memory', '1.2GB']),
      'bf16 in memory': await few(['--half']),
    };
    keep('memory', 'mobilenet n=200', interleaved(sides, 1));
    const whole = await pruneOnce('mobilenet', [...asked, '--memory', '4GB']);
    keep('memory', 'mobilenet n=500 within 4 GB', interleaved({ 'on disk': whole }, 1));
  },

  /** A linear layer's rows whole in memory, on disk, and as factors; seconds of the CPU, which a busy disk or neighbour changes least. */
  async factors() {
    const once = (kept) => () => {
      const asked = { kept, n: 200, a: 1000, b: 2048, share: 0.2 };
      const { cpu, ...rest } = outcome(process.execPath, [`${HERE}factors-once.mjs`, JSON.stringify(asked)]);
      return { ...rest, seconds: cpu };
    };
    const sides = { 'in memory': once('memory'), 'as factors': once('factors'), 'on disk': once('disk') };
    keep('factors', 'layer 1000 x 2048 n=200 (CPU s)', interleaved(sides, Math.min(runs, 3)));
  },

  /** A model of the shapes of ResNet-50, p = 25.5 million, with made-up weights and pictures. */
  async resnet50() {
    const once = await resnet50Once(100);
    const small = { 'in memory': once(20, {}), 'on disk': once(20, { memory: 5e9, factors: false }) };
    keep('resnet50', 'p=25.5 million n=20', interleaved(small, 1));
    keep('resnet50', 'n=100 within 12 GB', interleaved({ 'on disk': once(100, { memory: 12e9 }) }, 1));
  },

  /** The same with 51 GB of rows on disk. */
  async 'resnet50-500'() {
    const once = await resnet50Once(500);
    keep('resnet50', 'n=500 within 12 GB', interleaved({ 'on disk': once(500, { memory: 12e9 }) }, 1));
  },

  /** How time and memory of the solve grow, see growth.mjs. */
  async growth() {
    for (const [key, { name, sizes, at }] of Object.entries(SERIES)) {
      const sides = Object.fromEntries(sizes.map((size) => [size, solveOnce(problemOf(at(size)))]));
      const tiny = solveOnce(problemOf({ ...at(TINY[key]), p: TINY.p }));
      const results = interleaved({ ...sides, tiny }, runs);
      keep('growth', name, results);
      showGrowth(key, results);
    }
  },
};

const unknown = wanted.find((name) => !Object.hasOwn(TABLES, name));
if (unknown !== undefined) {
  console.error(`There is no table "${unknown}": the tables are ${Object.keys(TABLES).join(', ')}`);
  process.exit(2);
}
try {
  for (const [name, table] of Object.entries(TABLES))
    if (wanted.length === 0 ? !LONG.includes(name) : wanted.includes(name)) await table();
} finally {
  if (existsSync(scratch)) rmSync(scratch, { recursive: true });
}
