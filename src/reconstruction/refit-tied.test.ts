import { describe, expect, it } from 'vitest';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { projection } from '../constraints/constraint.ts';
import { inOrder } from '../data/batches.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { findWeights } from '../graph/weights.ts';
import type { Constant, Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { type Reconstructed, reconstruct } from './reconstruct.ts';
import { refitTied, type TiedRun } from './refit-tied.ts';

/** Inputs of which each is near the sum of its neighbours: what one weight loses another can take over. */
const HEAD = `
  opset 17
  input x: float32[N, 10]
  const half: float32[10, 10] = random(10, 0.4)
  few = MatMul(x, half)`;
const BOTH_WAYS = (other: string): string => `${HEAD}
  const w: float32[10, 10] = random(1, 0.5)
  a = MatMul(few, w)
  h = Tanh(a)
  y = Gemm(h, ${other}) { transB: 1 }
  output y`;
const THREE_TIMES = `${HEAD}
  const w: float32[10, 10] = random(3, 0.5)
  a = MatMul(few, w) b = Tanh(a)
  c = MatMul(b, w) d = Tanh(c)
  y = MatMul(d, w)
  output y`;

const own = (model: Model) => findWeights(model).prunable.filter(({ name }) => name !== 'half');

function solved(model: Model, source: FeedSource, { samples = 100, threads = 2 } = {}): Promise<Reconstructed> {
  const constraintsOf = (layers: readonly { size: number }[]) => {
    const p = layers.reduce((sum, { size }) => sum + size, 0);
    return [0.8, 0.6, 0.5].map((share) => cardinality(p, Math.round(share * p)));
  };
  return reconstruct({
    engine,
    model,
    layers: own(model),
    source,
    constraintsOf,
    samples,
    ridge: 1e-2,
    seed: 1,
    threads,
  });
}

async function unseenError(dense: Model, pruned: Model): Promise<number> {
  const { measure } = await distanceMeter({
    engine,
    dense,
    source: randomFeeds(dense, { rng: random(99), count: 200 }),
  });
  return (await measure(pruned)).outputs;
}

/** Two copies of the weight in the place of one. */
function twinOf(tied: Model): Model {
  const twin = parseModelText(BOTH_WAYS('v').replace('a =', 'const v: float32[10, 10] = random(2) a ='));
  const stored = constantsOf(tied.graph);
  const copies = new Map([...stored, ['v', stored.get('w') as Constant]]);
  return { ...twin, graph: replaceConstants(twin.graph, copies) };
}

describe('a weight that is used twice', () => {
  const tied = parseModelText(BOTH_WAYS('w'));
  const source = randomFeeds(tied, { rng: random(5), count: 100 });

  it('ends about as near to the dense model as two copies of it do, on samples that nobody has seen', async () => {
    const twin = twinOf(tied);
    const [one, two] = [await solved(tied, source), await solved(twin, source)];
    const [ours, theirs] = [await unseenError(tied, one.model), await unseenError(twin, two.model)];
    expect(readWeights(one.model, own(tied)).filter((w) => w !== 0)).toHaveLength(50);
    expect(ours).toBeLessThan(1.15 * theirs);
  });
});

it('is the same to the bit with any number of threads', async () => {
  const tied = parseModelText(BOTH_WAYS('w'));
  const source = randomFeeds(tied, { rng: random(5), count: 60 });
  const [one, two] = await Promise.all([1, 2].map((threads) => solved(tied, source, { samples: 60, threads })));
  expect(readWeights(two?.model as Model, own(tied))).toEqual(readWeights(one?.model as Model, own(tied)));
});

describe('refitTied', () => {
  const dense = parseModelText(THREE_TIMES);
  const source = randomFeeds(dense, { rng: random(7), count: 100 });
  const run = (from: number, to: number): TiedRun => ({
    weight: 1,
    inputs: async () => (await source.feeds(inOrder(100).subarray(from, to))).inputs,
  });
  const refit = (pruned: Model) =>
    refitTied({
      engine,
      dense,
      pruned,
      layers: own(dense),
      source,
      size: 25,
      fitted: [run(0, 25), run(25, 50), run(50, 75)],
      judged: [run(75, 100)],
      steps: 30,
    });

  it('brings weights of three uses nearer on their support', async () => {
    const w = readWeights(dense, own(dense));
    const support = projection(cardinality(100, 50), w);
    const half = w.map((x, i) => (support[i] === 0 ? 0 : x));
    const pruned = writeWeights(dense, own(dense), half);
    const [refitted] = (await refit(pruned)) as [Float32Array];
    refitted.forEach((x, i) => {
      if (support[i] === 0) expect(x).toBe(0);
    });
    const model = writeWeights(dense, own(dense), refitted);
    expect(await unseenError(dense, model)).toBeLessThan(0.65 * (await unseenError(dense, pruned)));
  });

  it('leaves what cannot become better', async () => {
    expect(await refit(dense)).toBeNull();
  });
});
