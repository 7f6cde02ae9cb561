import { describe, expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { sparsity } from '../budget/budget.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { projection } from '../constraints/constraint.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { drawnSamples } from '../reconstruction/samples.ts';
import { random } from '../tensor/random.ts';
import { magnitudeIfNearer, spareSamples } from './beside-magnitude.ts';

const NET = `
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 4] = random(2)
  h = MatMul(x, w)
  n = Relu(h)
  z = MatMul(n, v)
`;
const FLOATS = parseModelText(`${NET}\n output z`);
const RESOLVED = {
  method: 'reconstruct',
  budget: sparsity(0.5),
  loss: 'cross-entropy',
  labels: 'data',
  blocked: 'skip',
  seed: 0,
  augment: false,
} as const;
const source = (model: Model, count = 60) => randomFeeds(model, { rng: random(5), count });

describe('magnitude beside a pruned model', () => {
  const { prunable: layers } = findWeights(FLOATS);
  const w = readWeights(FLOATS, layers);
  const constraint = cardinality(w.length, w.length / 2);
  const largest = projection(constraint, new Float32Array(w));
  const pruned = (factor: number): Model =>
    writeWeights(
      FLOATS,
      layers,
      w.map((x, i) => (largest[i] === 0 ? 0 : factor * x)),
    );
  const held = (factor: number, borne: { factor: number; part: number }) =>
    magnitudeIfNearer(
      { model: FLOATS, layers, budgeted: layers, options: { engine }, resolved: RESOLVED },
      {
        pruned: pruned(factor),
        layers,
        constraint,
        judges: source(FLOATS),
        spared: true,
        byLabels: false,
        borne,
      },
    );

  it('takes its place where it is nearer, within the budget, and says so', async () => {
    const found = await held(8, { factor: 1, part: 0 });
    expect(found?.what).toMatch(/^kept: magnitude.* further from the dense model: .* on 60 samples set aside/);
    expect(readWeights(found?.model as Model, layers).filter((x) => x !== 0).length).toBeLessThanOrEqual(40);
  });

  it('does not where the model is as near, or what is borne', async () => {
    expect(await held(1, { factor: 1.5, part: 0 })).toBeNull();
    expect(await held(8, { factor: 1, part: 1e6 })).toBeNull();
  });

  it('takes the place of outputs that are not finite', async () => {
    expect((await held(1e30, { factor: 2, part: 0.05 }))?.what).toMatch(/not finite beside/);
  });
});

describe('spare samples', () => {
  it('are those that are not drawn; else some of many, or all of few', () => {
    const plenty = source(FLOATS, 400);
    const { rest, judging } = spareSamples(plenty, 100, 3);
    expect([rest === plenty, judging]).toEqual([true, 'set aside']);
    expect(drawnSamples(plenty, 400, 3).subarray(0, 100)).toEqual(drawnSamples(plenty, 100, 3));
    const few = source(FLOATS, 60);
    expect(spareSamples(few, 60, 3)).toEqual({ rest: few, aside: few, judging: 'in turn' });
    const all = spareSamples(plenty, 400, 3);
    expect([all.rest.count, all.aside.count, all.judging]).toEqual([400, 200, 'of many']);
  });
});
