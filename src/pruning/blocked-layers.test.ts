import { expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { sparsity } from '../budget/budget.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { prune } from '../methods/prune.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';

/** Layers that are solved, and the matrices of a recurrent layer's state, which are not: with weights of so many times their size. */
function recurrent(factor: number): Model {
  const model = parseModelText(`
    opset 17
    input x: float32[N, 4, 6]
    const mix: float32[6, 16] = random(9)
    const W: float32[1, 8, 16] = random(1, 0.3)
    const R: float32[1, 8, 8] = random(2, 0.3)
    l = MatMul(x, mix)
    s = Transpose(l) { perm: [1, 0, 2] }
    _, h = RNN(s, W, R) { hidden_size: 8 }
    y = Squeeze(h)
    output y
  `);
  const state = findWeights(model).prunable.filter(({ name }) => name === 'R');
  return writeWeights(
    model,
    state,
    readWeights(model, state).map((x) => factor * x),
  );
}

async function pruned(model: Model) {
  const source = randomFeeds(model, { rng: random(3), count: 60 });
  const asked = { engine, source, budget: sparsity(0.5) };
  const unseen = await distanceMeter({
    engine,
    dense: model,
    source: randomFeeds(model, { rng: random(8), count: 200 }),
  });
  const [solved, magnitude] = [
    await prune(model, { ...asked, method: 'reconstruct' }),
    await prune(model, { ...asked, method: 'magnitude' }),
  ];
  const distance = async (one: Model) => (await unseen.measure(one)).outputs;
  return { solved, ours: await distance(solved.model), theirs: await distance(magnitude.model) };
}

it('where magnitude spares the layers that can be solved, it is kept for all of them', async () => {
  const model = recurrent(0.02);
  const { solved, ours, theirs } = await pruned(model);
  expect(ours).toBeLessThanOrEqual(theirs);
  expect(solved.stages.at(-1)?.message).toMatch(/kept: magnitude, .*solved layers/);
  expect(solved.chosen.blocked ?? []).toEqual([]);
  const { prunable } = findWeights(model);
  const w = readWeights(solved.model, prunable);
  expect(w.filter((x) => x !== 0).length).toBeLessThanOrEqual(w.length / 2);
});

it('where they are nearer solved they stand, and the others are dense', async () => {
  const model = recurrent(1.5);
  const { solved, ours, theirs } = await pruned(model);
  expect(ours).toBeLessThan(0.8 * theirs);
  expect(solved.chosen.blocked?.map(({ name }) => name)).toEqual(['R']);
  const state = findWeights(model).prunable.filter(({ name }) => name === 'R');
  expect(readWeights(solved.model, state)).toEqual(readWeights(model, state));
});
