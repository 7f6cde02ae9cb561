// npm run bench:gpu [-- MODEL ...] [--rows=n] [--runs=n]: gradient rows and solves on the processor, beside each GPU provider
// that is there, by turns in one process; rows to results/speed.csv. Ends with code 1, and says so, where there is none.
import { readWeights } from '../dist/apply/weights.js';
import { cardinality } from '../dist/constraints/cardinality.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { linalg } from '../dist/engine/linalg.js';
import { checkDevice, openProvider } from '../dist/engine/provider.node.js';
import { quadratic } from '../dist/problem/quadratic.js';
import { rowsOf } from '../dist/pruning/gradients.js';
import { chooseLayers } from '../dist/pruning/layers.js';
import { chita } from '../dist/solvers/chita/back-solving.js';
import { drive } from '../dist/solvers/drive.js';
import { random } from '../dist/tensor/random.js';
import { openProblem } from './problems.mjs';
import { keep } from './rows.mjs';

/** Rows, and the share of the weights that the solve keeps. */
const CASES = { resnet20: { rows: 512, share: 0.3 }, mobilenet: { rows: 64, share: 0.5 } };

const option = (name) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const runs = Number(option('runs') ?? 3);

const checks = Object.fromEntries(['webgpu', 'cuda'].map((device) => [device, checkDevice(device, false)]));
const there = Object.keys(checks).filter((device) => checks[device].reason === null);
for (const [device, { reason, remedy }] of Object.entries(checks))
  if (reason !== null) console.error(`${device} is not measured: ${reason}; ${remedy}`);
if (there.length === 0) {
  console.error('There is no GPU here that onnxruntime can use: nothing was measured.');
  process.exit(1);
}

const engines = Object.fromEntries(
  await Promise.all(['cpu', ...there].map(async (device) => [device, await openProvider(device)])),
);
for (const name of named.length > 0 ? named : Object.keys(CASES)) {
  const { share, ...usual } = CASES[name] ?? { rows: 64, share: 0.5 };
  const n = Number(option('rows') ?? usual.rows);
  const { model, open, train, exclude } = await openProblem(name);
  const { layers } = chooseLayers(model, exclude === undefined ? {} : { exclude });
  const source = feedsFromDataset(model, await open(`${train}[0:${n}]`));
  const request = {
    model,
    layers,
    source,
    loss: 'cross-entropy',
    labels: 'data',
    samples: n,
    batch: 1,
    augment: false,
  };
  const wBar = readWeights(model, layers);
  const sides = () => Object.fromEntries(Object.keys(engines).map((device) => [device, []]));
  const found = { gradients: sides(), solve: sides() };
  for (let run = 0; run <= runs; run++) {
    for (const [device, engine] of Object.entries(engines)) {
      const [rows, gradients] = await timed(() => rowsOf({ ...request, engine, rng: random(1) }));
      const problem = quadratic(rows, wBar, { lambda: 1e-3, firstOrder: 0 }, linalg(engine));
      const [{ value }, solve] = await timed(() =>
        drive(chita(), problem, cardinality(wBar.length, Math.round(share * wBar.length))),
      );
      if (run === 0) continue; // graphs opened, shaders compiled
      found.gradients[device].push({ seconds: gradients });
      found.solve[device].push({ seconds: solve, objective: value.objective });
    }
  }
  for (const [what, results] of Object.entries(found)) keep('gpu', `${name} n=${n} ${what}`, results);
}
process.exit(0);

async function timed(work) {
  const began = performance.now();
  return [await work(), (performance.now() - began) / 1000];
}
