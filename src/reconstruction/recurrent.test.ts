import { expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { projection } from '../constraints/constraint.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { findWeights } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { reconstruct } from './reconstruct.ts';

/** Inputs of which each is near the sum of its neighbours: what one weight loses another can take over. */
const HEAD = `
  opset 17
  input x: float32[N, 5, 8]
  const mix: float32[8, 8] = random(9)
  const half: float32[8, 12] = random(10)
  l = MatMul(x, mix)
  few = MatMul(l, half)
  s = Transpose(few) { perm: [1, 0, 2] }`;
const CELLS = [
  [
    'LSTM',
    'const W: float32[1,16,12] = random(1) const R: float32[1,16,4] = random(2) _, h = LSTM(s, W, R) { hidden_size: 4 }',
  ],
  [
    'GRU in both directions',
    'const W: float32[2,12,12] = random(1) const R: float32[2,12,4] = random(2) _, h = GRU(s, W, R) { hidden_size: 4, direction: "bidirectional" }',
  ],
  [
    'RNN',
    'const W: float32[1,6,12] = random(1) const R: float32[1,6,6] = random(2) _, h = RNN(s, W, R) { hidden_size: 6 }',
  ],
] as const;

it.each(CELLS)('%s: the matrices of its input are solved, those of its state are left', async (_, cell) => {
  const model = parseModelText(`${HEAD} ${cell} y = Transpose(h) { perm: [1, 0, 2] } output y`);
  const layers = findWeights(model).prunable.filter(({ name }) => name === 'W' || name === 'R');
  const source = randomFeeds(model, { rng: random(4), count: 80 });
  const request = { engine, model, layers, source, samples: 60, ridge: 1e-2, seed: 0 };
  const constraintsOf = (own: readonly { size: number }[]) => {
    const p = own.reduce((sum, { size }) => sum + size, 0);
    return [0.75, 0.5].map((share) => cardinality(p, Math.round(share * p)));
  };
  const solved = await reconstruct({ ...request, constraintsOf });
  expect(solved.layers.map(({ name }) => name)).toEqual(['W']);
  expect(solved.blocked.map(({ layer }) => layer.name)).toEqual(['R']);
  const w = readWeights(model, solved.layers);
  const support = projection(constraintsOf(solved.layers).at(-1) as ReturnType<typeof cardinality>, w);
  const largest = writeWeights(
    model,
    solved.layers,
    w.map((x, i) => (support[i] === 0 ? 0 : x)),
  );
  expect(readWeights(solved.model, solved.layers).filter((x) => x !== 0).length).toBeLessThanOrEqual(w.length / 2);
  const { measure } = await distanceMeter({ engine, dense: model, source });
  const [ours, magnitude] = [(await measure(solved.model)).error, (await measure(largest)).error];
  expect(ours).toBeLessThan(0.7 * magnitude);
});
