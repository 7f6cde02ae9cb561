// npm run zoo [-- NAME ...]: what Coppice makes of models found in the wild (../shared/models/zoo), one line each.
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  onnxruntimeNode as engine,
  findWeights,
  prunePipeline,
  randomFeeds,
  readModel,
  sparsity,
  writeModel,
} from '../dist/index.js';
import { random } from '../dist/tensor/random.js';
import { SHARED } from './problems.mjs';

const FOLDER = join(SHARED, 'models', 'zoo');
const names = process.argv.slice(2);
const files = readdirSync(FOLDER).filter(
  (file) => file.endsWith('.onnx') && (names.length === 0 || names.some((n) => file.includes(n))),
);
const folder = await mkdtemp(join(tmpdir(), 'coppice-zoo-'));
const totals = { readable: 0, runnable: 0, magnitude: 0, chita: 0 };
const short = (thrown) =>
  String(thrown.message ?? thrown)
    .split('\n')[0]
    .slice(0, 110);

/** Open dimensions differ: a sequence of one sample is too short for some models. */
const LENGTHS = [1, 16, 32, 512];

async function firstThatRuns(model) {
  const session = await engine.createSession(model);
  try {
    let last;
    for (const open of LENGTHS) {
      const source = randomFeeds(model, { rng: random(1), count: 8, open });
      try {
        await session.run((await source.feeds([0])).inputs);
        return { source, open };
      } catch (thrown) {
        last = thrown;
      }
    }
    throw last;
  } finally {
    await session.release();
  }
}

async function reloads(model, source) {
  const path = join(folder, 'pruned.onnx');
  await writeModel(path, model);
  const session = await engine.createSession(await readModel(path));
  await session.run((await source.feeds([0])).inputs);
  await session.release();
}

for (const file of files) {
  const notes = [];
  const started = performance.now();
  try {
    const model = await readModel(join(FOLDER, file));
    totals.readable++;
    const { prunable } = findWeights(model);
    const p = prunable.reduce((sum, layer) => sum + layer.size, 0);
    notes.push(`${prunable.length} layers, ${p} weights`);
    const { source } = await firstThatRuns(model);
    totals.runnable++;
    if (p > 0) {
      const half = { engine, budget: sparsity(0.5), source, loss: 'random' };
      await reloads((await prunePipeline(model, { ...half, method: 'magnitude' })).model, source);
      totals.magnitude++;
      notes.push('magnitude ok');
      const samples = source.fixedBatch ?? 4;
      const {
        model: pruned,
        chosen,
        stages,
      } = await prunePipeline(model, { ...half, method: 'chita', samples, blocked: 'skip', lambda: 1e-2 });
      await reloads(pruned, source);
      if (stages[0].status !== 'converged') throw new Error(stages[0].message);
      totals.chita++;
      const skipped = prunable.length - chosen.layers.length;
      notes.push(`chita ok${skipped > 0 ? ` (${skipped} layers skipped)` : ''}`);
    }
  } catch (thrown) {
    notes.push(short(thrown));
  }
  console.log(`${file.padEnd(72)} ${notes.join('; ')}  ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
await rm(folder, { recursive: true });
console.log(
  `\n${files.length} models: ${totals.readable} readable, ${totals.runnable} run, ${totals.magnitude} magnitude-pruned and reloaded, ${totals.chita} pruned by CHITA with random cotangents and reloaded`,
);
