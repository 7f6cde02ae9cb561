import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { chooseLayers } from './layers.ts';
import { planWork, type WorkFacts, type WorkKind, workText } from './work-plan.ts';

const [small] = chooseLayers(
  parseModelText(`
    input x: float32[N, 4]
    const w: float32[4, 3] = random(1)
    y = MatMul(x, w)
    output y
  `),
  {},
).layers as [WeightLayer];

/** A linear layer of a size of its own. */
const linear = (inputs: number, outputs: number): WeightLayer => ({
  ...small,
  size: inputs * outputs,
  filters: outputs,
  macsPerWeight: 1,
});
/** A convolution of 3 x 3 on small pictures. */
const convolution = (channels: number, cells: number): WeightLayer => ({
  ...linear(9 * channels, channels),
  op: 'Conv',
  macsPerWeight: cells,
});

const facts = (kind: WorkKind, layers: readonly WeightLayer[], others: Partial<WorkFacts> = {}): WorkFacts => ({
  kind,
  layers,
  constants: layers.reduce((sum, { size }) => sum + size, 0),
  activations: 1e5,
  inputs: 3072,
  samples: 300,
  batch: 1,
  stages: 10,
  count: 1000,
  threads: 2,
  taken: 150e6,
  ...others,
});

const KINDS: readonly WorkKind[] = ['weights', 'rows', 'layers', 'training'];
const part = (plan: ReturnType<typeof planWork>, what: string): number =>
  plan.parts.find((one) => one.what === what)?.bytes ?? 0;

describe('planWork', () => {
  it.each(KINDS)('adds up the parts of %s, the largest first, and tells time and memory', (kind) => {
    const plan = planWork(facts(kind, [convolution(64, 256), linear(512, 10)]));
    expect(plan.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeCloseTo(plan.peak, 0);
    expect(plan.parts.map(({ bytes }) => bytes)).toEqual(plan.parts.map(({ bytes }) => bytes).sort((a, b) => b - a));
    expect(plan.seconds).toBeGreaterThan(0);
    expect(workText(plan)).toMatch(/^memory: about \d+ MB at most \(.*\); about .* on 2 threads$/);
  });

  it('counts the refit of weights that are used more than once', () => {
    const once = linear(32, 32);
    const tied: WeightLayer = { ...once, uses: [...once.uses, ...once.uses] };
    const [without, with_] = [once, tied].map((layer) => planWork(facts('layers', [layer], { activations: 3e5 })));
    expect((with_ as ReturnType<typeof planWork>).peak).toBeGreaterThan((without as ReturnType<typeof planWork>).peak);
    expect(part(with_ as ReturnType<typeof planWork>, 'the gradient of tied weights')).toBeGreaterThan(1e8);
    expect(with_?.seconds).toBeGreaterThan(without?.seconds as number);
  });

  it.each(KINDS)('refuses %s that cannot fit, with the largest part and what there is to do', (kind) => {
    const asked = facts(kind, [linear(4000, 4000)], { limit: 300e6 });
    expect(() => planWork(asked)).toThrow(OptionError);
    expect(() => planWork(asked)).toThrow(
      /Cannot keep to 300 MB of memory: the run takes about .* of which .* are .*; /,
    );
  });

  it('takes fewer threads where each has a session of its own, and that is what fits', () => {
    const layers = [convolution(64, 256)];
    const all = planWork(facts('rows', layers, { threads: 8 }));
    const bounded = planWork(facts('rows', layers, { threads: 8, limit: 0.8 * all.peak }));
    expect(bounded.threads).toBeLessThan(8);
    expect(bounded.threads).toBeGreaterThan(1);
    expect(bounded.peak).toBeLessThanOrEqual(0.8 * all.peak);
  });

  it('is of 138 million weights by magnitude within 2 GB above what the process has', () => {
    const plan = planWork(facts('weights', [linear(25_088, 4096), linear(8668, 4096)]));
    expect(plan.peak - 150e6).toBeLessThan(2e9);
    expect(plan.seconds).toBeLessThan(60);
  });

  it('is of layers of very many inputs by the inputs that are seen, not by their second moments', () => {
    const problems = (inputs: number): number =>
      part(planWork(facts('layers', [linear(inputs, 100)])), 'layer problems');
    expect(problems(100)).toBe(16 * 100 ** 2);
    expect(problems(12_000)).toBe(4 * 300 * (2 * 12_000 + 3 * 100));
    expect(() => planWork(facts('layers', [linear(12_000, 1000)], { limit: 4e9 }))).not.toThrow();
    expect(() =>
      planWork(facts('training', [linear(25_088, 4096)], { limit: 4e9, count: 300, trains: false })),
    ).not.toThrow();
  });

  it('counts the trainings behind a pruning', () => {
    const layers = [linear(2000, 2000)];
    const [alone, trained] = [
      planWork(facts('weights', layers)),
      planWork(facts('weights', layers, { epochs: 2, trained: 128 })),
    ];
    expect(trained.peak).toBeGreaterThan(alone.peak);
    expect(trained.seconds).toBeGreaterThan(alone.seconds as number);
  });

  it('knows no time where the model was not run', () => {
    const plan = planWork(facts('rows', [linear(10, 10)], { activations: null }));
    expect(plan.seconds).toBeNull();
    expect(workText(plan)).not.toMatch(/threads/);
  });
});
