// Where a compiled model's time goes: every step called alone from JavaScript, best of many calls, in microseconds.
//   node bench/compiled-steps.mjs [--rounds N] [--least US] NAME      e.g. mobilenet-90; needs COPPICE_SHARED and a build
// Names as in compiled.mjs. G/s: kept products a second (outputs that share an entry count all of its products).
import { parseArgs } from 'node:util';
import { compileModel } from '../dist/compile/compile.js';
import { freeze } from '../dist/engine/freeze.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { callableSteps } from './compiled-calls.mjs';
import { prunedModel, randomInputs } from './compiled-cases.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '50' }, least: { type: 'string', default: '0' } },
});

const kept = (table) => table.weights.reduce((count, w) => (w === 0 ? count : count + 1), 0);
/** Outputs of one channel. */
function places(step) {
  if (step.kind === 'dots') return 1;
  if (step.kind === 'halving') return step.batch.count * step.height * step.width;
  return step.tilings.reduce(
    (sum, { loops, vectors }) =>
      sum + loops.reduce((n, { count }) => n * count, 1) * vectors.reduce((n, { lanes }) => n + lanes, 0),
    0,
  );
}

for (const name of positionals) {
  const model = await prunedModel(name);
  const feeds = await randomInputs(model, name);
  const { wasm, steps } = compileModel(await freeze(onnxruntimeNode, model, feeds));
  const calls = await callableSteps(wasm, feeds);
  const best = steps.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [i, call] of calls.entries()) {
      const began = performance.now();
      call();
      best[i] = Math.min(best[i], 1000 * (performance.now() - began));
    }
  for (const [i, step] of steps.entries()) {
    if (best[i] < Number(values.least)) continue;
    const about =
      step.kind === 'nest'
        ? `${step.counts.join('x')} reduced ${step.reduced}`
        : `${step.table.outputs}x${step.table.channels}x${step.table.taps.length} share ${step.table.share} places ${places(step)} kept ${kept(step.table)} ${((kept(step.table) * places(step)) / best[i] / 1000).toFixed(1)} G/s`;
    console.log(`${best[i].toFixed(1).padStart(8)}  ${step.kind} ${step.label}: ${about}`);
  }
  const products = steps.reduce((sum, step) => (step.kind === 'nest' ? sum : sum + kept(step.table) * places(step)), 0);
  const all = best.reduce((sum, t) => sum + t, 0);
  console.log(
    `${name}: ${all.toFixed(1)} in all, ${(products / 1e6).toFixed(2)} million kept products, ${(products / all / 1000).toFixed(1)} G/s`,
  );
}
