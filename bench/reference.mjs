// npm run reference: rebuilds the two problems of reference/official.json and prints every official figure beside ours.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWeights } from '../dist/apply/weights.js';
import { cardinality } from '../dist/constraints/cardinality.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { linalg } from '../dist/engine/linalg.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { quadratic } from '../dist/problem/quadratic.js';
import { rowsOf } from '../dist/pruning/gradients.js';
import { chooseLayers } from '../dist/pruning/layers.js';
import { chitaCd } from '../dist/solvers/chita/active-set.js';
import { chita } from '../dist/solvers/chita/back-solving.js';
import { drive } from '../dist/solvers/drive.js';
import { magnitude } from '../dist/solvers/magnitude/magnitude.js';
import { random } from '../dist/tensor/random.js';
import { openProblem, SHARED } from './problems.mjs';

const official = JSON.parse(readFileSync(join(SHARED, 'reference', 'official.json'), 'utf8'));
const wanted = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const quick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

const OURS = {
  magnitude: { official: 'magnitude', solver: () => magnitude() },
  chita: { official: 'CHITA-BSO (Heuristic_LS)', solver: () => chita() },
  'chita + swaps': { official: 'CHITA-CD (Active_IHTCDLS)', solver: () => chita({ swaps: 20 }) },
  'chita-cd': { official: 'CHITA-CD (Active_IHTCDLS)', solver: () => chitaCd({ swaps: 0 }) },
  'chita-cd + swaps': { official: 'CHITA-CD (Active_IHTCDLS)', solver: () => chitaCd({ swaps: 20 }) },
};

/** Norm of A, summed in f64 and, as the reference program does, in f32 (64 partial sums, as its linear algebra adds). */
function norms(rows) {
  let sum = 0;
  const lanes = new Float32Array(64);
  for (const { data } of rows.panels) {
    for (let i = 0; i < data.length; i++) {
      sum += data[i] * data[i];
      lanes[i & 63] += data[i] * data[i];
    }
  }
  return { f64: Math.sqrt(sum), f32: Math.sqrt(lanes.reduce((a, b) => a + b, 0)) };
}

let missed = 0;
for (const problem of official.problems) {
  const name = problem.name.startsWith('mlpnet') ? 'mlpnet' : 'resnet20';
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { model, open, train, exclude } = await openProblem(name);
  const { layers } = chooseLayers(model, exclude === undefined ? {} : { exclude });
  const source = feedsFromDataset(model, await open(`${train}[0:${problem.n}]`));
  const started = performance.now();
  const rows = await rowsOf({
    engine: onnxruntimeNode,
    model,
    layers,
    source,
    loss: 'cross-entropy',
    labels: 'data',
    samples: problem.n,
    batch: 1,
    rng: random(1),
    augment: false,
  });
  const seconds = (performance.now() - started) / 1000;
  const { f64, f32 } = norms(rows);
  const relative = (x) => (Math.abs(x - problem.frobeniusNormA) / problem.frobeniusNormA).toExponential(1);
  console.log(`\n${problem.name}: n ${rows.n}, p ${rows.p} (official ${problem.p}), gradients ${seconds.toFixed(1)} s`);
  console.log(
    `|A| official ${problem.frobeniusNormA} (summed in f32); ours ${f32.toFixed(4)} summed in f32 (${relative(f32)} off), ${f64.toFixed(4)} summed in f64 (${relative(f64)} off)`,
  );
  console.log(
    `${'k'.padStart(7)}  ${'method'.padEnd(17)} ${'objective'.padStart(11)} ${'official'.padStart(11)} ${'seconds'.padStart(8)} ${'official'.padStart(8)}`,
  );
  const task = quadratic(
    rows,
    readWeights(model, layers),
    { lambda: problem.lambda, firstOrder: 0 },
    linalg(onnxruntimeNode),
  );
  for (const k of [...new Set(problem.results.map((r) => r.k))]) {
    for (const [label, { official: algorithm, solver }] of Object.entries(OURS)) {
      if ((quick && label.includes('swaps')) || (only !== undefined && label !== only)) continue;
      const theirs = problem.results.find((r) => r.k === k && r.algorithm === algorithm);
      const start = performance.now();
      const { value, w } = await drive(solver(), task, cardinality(rows.p, k));
      const took = (performance.now() - start) / 1000;
      if (w.filter((x) => x !== 0).length > k || value.objective > theirs.objective * (1 + 1e-6)) missed++;
      console.log(
        `${String(k).padStart(7)}  ${label.padEnd(17)} ${value.objective.toFixed(6).padStart(11)} ${theirs.objective.toFixed(6).padStart(11)} ${took.toFixed(2).padStart(8)} ${theirs.seconds.toFixed(2).padStart(8)}`,
      );
    }
  }
}
console.log(
  missed === 0
    ? '\nEvery objective is at or below the official one.'
    : `\n${missed} objectives are above the official ones.`,
);
process.exitCode = missed === 0 ? 0 : 1;
