import { describe, expect, it } from 'vitest';
import type { FeedSource } from '../src/data/feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { DataError, OptionError } from '../src/errors/errors.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { type EpochFacts, finetune, type TrainingState } from '../src/finetune/finetune.ts';
import { optimizer } from '../src/finetune/optimizer.ts';
import { type TrainingRequest, trainingProgram } from '../src/finetune/training-program.ts';
import { constantsOf, replaceConstant } from '../src/graph/constants.ts';
import { constantOf, tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { learningRate } from '../src/schedule/learning-rate.ts';
import { random } from '../src/tensor/random.ts';
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts';

/** A convolution, batch normalisation and a linear layer over pictures of 2 x 5 x 5, three classes. */
const NET = parseModelText(`
  opset 17
  input x: float32[N, 2, 5, 5]
  const w: float32[4, 2, 3, 3] = random(1)
  const scale: float32[4] = [1, 0.5, 2, 1]
  const shift: float32[4] = [0, 0.1, -0.2, 0]
  const mean: float32[4] = [0, 0.1, 0, -0.1]
  const variance: float32[4] = [1, 2, 1, 0.5]
  const v: float32[36, 3] = random(2)
  const b: float32[3] = [0, 0.5, -0.5]
  c = Conv(x, w)
  n = BatchNormalization(c, scale, shift, mean, variance) { epsilon: 0.001, momentum: 0.8 }
  r = Softplus(n)
  f = Flatten(r)
  m = MatMul(f, v)
  y = Add(m, b)
  output y
`);

const COUNT = 60;
const rng = random(3);
const labels = Int32Array.from({ length: COUNT }, () => rng.integer(3));
/** Pictures whose first channel says which class they are, with noise. */
const pictures = Array.from(labels, (label) =>
  Float32Array.from({ length: 50 }, (_, i) => rng.normal() + (i < 25 && i % 3 === label ? 1.5 : 0)),
);
const source: FeedSource = {
  count: COUNT,
  labelled: true,
  hasTargets: false,
  fixedBatch: null,
  feeds: async (indices) => ({
    inputs: new Map([['x', batchOf(indices)]]),
    labels: Int32Array.from(indices, (i) => labels[i] as number),
  }),
};

function batchOf(indices: ArrayLike<number>): Tensor {
  const data = new Float32Array(indices.length * 50);
  for (let i = 0; i < indices.length; i++) data.set(pictures[indices[i] as number] as Float32Array, i * 50);
  return float32(data, [indices.length, 2, 5, 5]);
}

function values(model: Model, name: string): Float32Array {
  return tensorOf(constantsOf(model.graph).get(name) as Constant).data as Float32Array;
}

function withValues(model: Model, name: string, data: Float32Array): Model {
  const { dims } = constantsOf(model.graph).get(name) as Constant;
  return { ...model, graph: replaceConstant(model.graph, name, constantOf({ type: 'float32', dims, data })) };
}

/** Outputs of a model for all pictures. */
async function predictions(model: Model): Promise<Float32Array> {
  const session = await engine.createSession(model);
  const { data } = (await session.run(new Map([['x', batchOf([...Array(COUNT).keys()])]]))).get(
    'y',
  ) as Tensor<Float32Array>;
  await session.release();
  return data;
}

describe('trainingProgram', () => {
  const samples = 12;
  const feeds = new Map<string, Tensor>([['x', batchOf([...Array(samples).keys()])]]);
  const fed = new Map([...feeds, ['labels', int64(Array.from(labels.subarray(0, samples)))]]);
  const targets = float32(
    Float32Array.from({ length: samples * 3 }, () => rng.normal()),
    [samples, 3],
  );
  const teacher = {
    model: withValues(
      NET,
      'v',
      values(NET, 'v').map((x) => 2 * x),
    ),
    share: 0.6,
    temperature: 2,
  };
  /** Settings under which gradients are checked, by name. */
  const cases = {
    labels: {},
    'frozen statistics': { frozenStatistics: true },
    'smoothed labels': { smoothing: 0.2 },
    'labels and a teacher': { teacher },
    'a teacher alone': { teacher: { ...teacher, share: 1 } },
    'targets and a teacher': { loss: 'mse', teacher },
  } satisfies Record<string, Partial<TrainingRequest>>;
  const programOf = (settings: Partial<TrainingRequest>): ReturnType<typeof trainingProgram> =>
    trainingProgram({
      engine,
      model: NET,
      loss: 'cross-entropy',
      feeds,
      samples,
      frozenStatistics: false,
      ...settings,
    });
  const run = async (
    settings: Partial<TrainingRequest>,
    changed: ReadonlyMap<string, Float32Array> = new Map(),
  ): Promise<{ loss: number; gradients: Map<string, Float32Array>; target: string | undefined }> => {
    const program = await programOf(settings);
    const own = new Map(program.parameters.map(({ name }) => [name, changed.get(name) ?? values(NET, name)]));
    const target = program.target?.name;
    const given: [string, Tensor][] =
      target === undefined ? [] : [[target, target === 'targets' ? targets : (fed.get('labels') as Tensor)]];
    const { losses, gradients } = await program.run(new Map([...feeds, ...given]), own);
    await program.release();
    return {
      loss: losses.reduce((sum, x) => sum + x, 0) / samples,
      gradients: new Map(program.parameters.map(({ name }, i) => [name, gradients[i] as Float32Array])),
      target,
    };
  };
  const lossAt = async (
    settings: Partial<TrainingRequest>,
    changed?: ReadonlyMap<string, Float32Array>,
  ): Promise<number> => (await run(settings, changed)).loss;

  it.each(Object.entries(cases))('gives the gradient of the mean loss in every parameter: %s', async (_, settings) => {
    const { gradients } = await run(settings);
    expect([...gradients.keys()].sort()).toEqual(['b', 'scale', 'shift', 'v', 'w']);
    for (const [name, gradient] of gradients) {
      const direction = Float32Array.from(gradient, () => rng.normal());
      const at = (h: number): Promise<number> =>
        lossAt(settings, new Map([[name, values(NET, name).map((x, j) => x + h * (direction[j] as number))]]));
      const h = 2e-3;
      const quotient = ((await at(h)) - (await at(-h))) / (2 * h);
      const slope = gradient.reduce((sum, g, j) => sum + g * (direction[j] as number), 0);
      expect(Math.abs(slope - quotient), name).toBeLessThan(0.02 * Math.abs(quotient) + 2e-3);
    }
  });

  it('distills by T^2 times the divergence of the softened outputs, and wants no labels at share 1', async () => {
    const softened = (z: Float32Array, i: number): number[] => {
      const e = [0, 1, 2].map((c) => Math.exp((z[3 * i + c] as number) / teacher.temperature));
      return e.map((x) => x / e.reduce((sum, y) => sum + y, 0));
    };
    const [own, theirs] = [await predictions(NET), await predictions(teacher.model)];
    let expected = 0;
    for (let i = 0; i < samples; i++) {
      const [p, q] = [softened(own, i), softened(theirs, i)];
      q.forEach((share, c) => {
        expected += (teacher.temperature ** 2 * share * Math.log(share / (p[c] as number))) / samples;
      });
    }
    const found = await run({ teacher: { ...teacher, share: 1 }, frozenStatistics: true });
    expect(found.target).toBeUndefined();
    expect(found.loss).toBeCloseTo(expected, 5);
    expect(await lossAt({ teacher: { ...teacher, model: NET, share: 1 }, frozenStatistics: true })).toBeCloseTo(0, 5);
  });

  it('tells apart the statistics of the batch and those that are stored', async () => {
    expect(await lossAt({})).not.toBeCloseTo(await lossAt({ frozenStatistics: true }), 3);
  });

  it('refuses what cannot be trained', async () => {
    const bad: Partial<TrainingRequest>[] = [
      { loss: 'random' },
      { smoothing: 1 },
      { teacher: { ...teacher, share: 0 } },
      { teacher: { ...teacher, temperature: 0 } },
    ];
    for (const settings of bad) await expect(programOf(settings)).rejects.toThrow(OptionError);
  });
});

describe('optimizer', () => {
  it('is momentum, decay and mask as the formulas have them, by hand', () => {
    const velocity = Float32Array.of(0.5, 0, 4);
    const array = { values: Float32Array.of(1, -2, 3), slots: [velocity], mask: Uint8Array.of(1, 1, 0) };
    optimizer({ momentum: 0.9, weightDecay: 0.01 }).step(array, Float32Array.of(0.1, 0.2, 9), 0.1, 0);
    // v = 0.9 * 0.5 + 0.1 + 0.01 = 0.56; v = 0.2 - 0.02 = 0.18
    expect(Array.from(velocity)).toEqual([0.56, 0.18, 0].map((x) => expect.closeTo(x, 6)));
    expect(Array.from(array.values)).toEqual([0.944, -2.018, 0].map((x) => expect.closeTo(x, 6)));
    const ahead = { values: Float32Array.of(1), slots: [Float32Array.of(0.5)] };
    optimizer({ momentum: 0.9, nesterov: true }).step(ahead, Float32Array.of(0.1), 0.1, 0);
    // v = 0.55; step 0.1 + 0.9 * 0.55 = 0.595
    expect(ahead.values[0]).toBeCloseTo(0.9405, 6);
  });

  it('is Adam, with decay in the gradient or apart, by hand', () => {
    const start = (): { values: Float32Array; slots: Float32Array[]; mask: Uint8Array } => ({
      values: Float32Array.of(1, 5),
      slots: [Float32Array.of(0.2, 1), Float32Array.of(0.04, 1)],
      mask: Uint8Array.of(1, 0),
    });
    const settings = { momentum: 0.5, secondMoment: 0.75, weightDecay: 0.1 };
    const joint = start();
    optimizer({ optimizer: 'adam', ...settings }).step(joint, Float32Array.of(0.3, 9), 0.1, 1);
    // g = 0.4; m = 0.3, s = 0.07; corrected 0.4 and 0.16; w = 1 - 0.1 * 0.4 / 0.4
    expect(Array.from(joint.values)).toEqual([expect.closeTo(0.9, 6), 0]);
    expect(joint.slots.map((slot) => Array.from(slot))).toEqual([
      [expect.closeTo(0.3, 6), 0],
      [expect.closeTo(0.07, 6), 0],
    ]);
    const apart = start();
    optimizer({ optimizer: 'adamw', ...settings }).step(apart, Float32Array.of(0.3, 9), 0.1, 1);
    // g = 0.3; m = 0.25, s = 0.0525; corrected 1 / 3 and 0.12; w = 0.99 - 0.1 * (1 / 3) / sqrt(0.12)
    expect(apart.values[0]).toBeCloseTo(0.99 - 0.1 / 3 / Math.sqrt(0.12), 6);
  });

  it('refuses settings out of range', () => {
    const bad: Parameters<typeof optimizer>[0][] = [
      { momentum: 1 },
      { momentum: Number.NaN },
      { weightDecay: -1 },
      { secondMoment: 1 },
      { optimizer: 'adam', nesterov: true },
    ];
    for (const settings of bad) expect(() => optimizer(settings)).toThrow(OptionError);
  });
});

describe('learningRate', () => {
  const at = (step: number, plan: Partial<Parameters<typeof learningRate>[1]>): number =>
    learningRate(step, { schedule: 'cosine', rate: 0.1, steps: 100, ...plan });

  it('follows its schedule', () => {
    expect([0, 50, 99].map((step) => at(step, {}))).toEqual([0.1, 0.05, 2.4672e-5].map((x) => expect.closeTo(x, 6)));
    expect([0, 50, 75].map((step) => at(step, { schedule: 'step' }))).toEqual(
      [0.1, 0.01, 0.001].map((x) => expect.closeTo(x, 9)),
    );
    expect(at(50, { schedule: 'linear', least: 0.02 })).toBeCloseTo(0.06, 9);
    expect(at(99, { schedule: 'const' })).toBe(0.1);
    expect([0, 4, 10].map((step) => at(step, { schedule: 'const', warmup: 9 }))).toEqual(
      [0.01, 0.05, 0.1].map((x) => expect.closeTo(x, 9)),
    );
  });

  it('starts again at each restart', () => {
    const rates = [0, 49, 50, 75, 99].map((step) => at(step, { restarts: 1 }));
    expect(rates).toEqual([0.1, 9.866e-5, 0.1, 0.05, 9.866e-5].map((x) => expect.closeTo(x, 7)));
    expect([4, 5, 15, 25].map((step) => at(step, { steps: 45, warmup: 5, restarts: 1 }))).toEqual(
      [0.1 * (5 / 6), 0.1, 0.05, 0.1].map((x) => expect.closeTo(x, 9)),
    );
  });

  it('refuses what cannot be', () => {
    expect(() => at(0, { restarts: 1.5 })).toThrow(OptionError);
    expect(() => at(0, { restarts: 1, schedule: 'linear' })).toThrow(OptionError);
    expect(() => at(0, { rate: 0 })).toThrow(OptionError);
    expect(() => at(0, { least: 0.2 })).toThrow(OptionError);
    expect(() => at(0, { warmup: 100 })).toThrow(OptionError);
    expect(() => at(0, { schedule: 'constant' as 'const' })).toThrow(/"constant".*cosine, step, linear, const/);
  });
});

describe('finetune', () => {
  const pruned = withValues(
    NET,
    'w',
    values(NET, 'w').map((x, i) => (i % 2 === 0 ? 0 : x)),
  );
  const options = { engine, source, epochs: 8, batch: 15, rate: 0.05, threads: 1 };

  it('lowers the loss, keeps zeros, and changes all else that can be trained', async () => {
    const seen: EpochFacts[] = [];
    const { model, epochs, steps } = await finetune(pruned, { ...options, onEpoch: (epoch) => void seen.push(epoch) });
    expect([epochs.length, steps, seen]).toEqual([8, 32, epochs]);
    const [before, after] = [await evaluate(engine, pruned, source), await evaluate(engine, model, source)];
    expect(after.loss).toBeLessThan(0.7 * (before.loss as number));
    expect(values(model, 'w').filter((x) => x === 0)).toHaveLength(36);
    for (const name of ['w', 'scale', 'shift', 'mean', 'variance', 'v', 'b'])
      expect(values(model, name), name).not.toEqual(values(pruned, name));
  });

  it('counts what was classified right', async () => {
    const once = { ...options, epochs: 1, batch: COUNT, rate: 1e-12, frozenStatistics: true };
    const { epochs } = await finetune(pruned, once);
    expect(epochs[0]?.accuracy).toBeCloseTo((await evaluate(engine, pruned, source)).accuracy as number, 6);
    const teacher = { model: pruned, share: 1, temperature: 1 };
    const like = await finetune(pruned, { ...once, source: { ...source, labelled: false }, teacher });
    expect(like.epochs[0]?.accuracy).toBe(1);
  });

  it('gives the same model for the same seed, and another for another', async () => {
    const once = await finetune(pruned, options);
    const again = await finetune(pruned, options);
    expect(values(again.model, 'v')).toEqual(values(once.model, 'v'));
    const other = await finetune(pruned, { ...options, seed: 2 });
    expect(values(other.model, 'v')).not.toEqual(values(once.model, 'v'));
  });

  it.each(['sgd', 'adam'] as const)('goes on from any step as if it had never stopped: %s', async (name) => {
    const settings = { ...options, epochs: 2, optimizer: name };
    const states: TrainingState[] = [];
    const whole = await finetune(pruned, {
      ...settings,
      onStep: (state) => {
        const { arrays, epochs, ...rest } = state();
        const copies = new Map([...arrays].map(([key, array]) => [key, array.slice()] as const));
        states.push({ ...rest, epochs: [...epochs], arrays: copies });
      },
    });
    expect(states).toHaveLength(8);
    expect(states.map(({ seen }) => seen?.first)).toEqual(states.map(() => states[0]?.seen?.last[0]));
    for (const from of [states[2], states[3], states[6], states[7]] as TrainingState[]) {
      const rest = await finetune(pruned, { ...settings, from });
      for (const key of ['w', 'scale', 'mean', 'variance', 'v', 'b'])
        expect(values(rest.model, key), `${key} from step ${from.step} of epoch ${from.epoch}`).toEqual(
          values(whole.model, key),
        );
      expect(rest.epochs.map(({ epoch, loss }) => [epoch, loss])).toEqual(
        whole.epochs.map(({ epoch, loss }) => [epoch, loss]),
      );
    }
    const [first] = states as [TrainingState];
    const foreign = { ...first, arrays: new Map([...first.arrays, ['value/w', new Float32Array(3)]]) };
    await expect(finetune(pruned, { ...settings, from: foreign })).rejects.toThrow(/"value\/w".*does not fit/);
  });

  it('trains without labels towards the dense model', async () => {
    const unlabelled = { ...source, labelled: false };
    const classes = async (model: Model): Promise<number[]> => {
      const y = await predictions(model);
      return Array.from({ length: COUNT }, (_, i) =>
        y.subarray(3 * i, 3 * i + 3).indexOf(Math.max(...y.subarray(3 * i, 3 * i + 3))),
      );
    };
    const dense = await classes(NET);
    const agreement = async (model: Model): Promise<number> =>
      (await classes(model)).filter((c, i) => c === dense[i]).length / COUNT;
    const { model } = await finetune(pruned, {
      ...options,
      source: unlabelled,
      frozenStatistics: true,
      rate: 0.01,
      epochs: 20,
      teacher: { model: NET, share: 1, temperature: 2 },
    });
    expect(await agreement(model)).toBeGreaterThan(0.9);
    expect(await agreement(pruned)).toBeLessThan(0.8);
  });

  it('keeps running statistics as the exponential mean of the batches, without bias', async () => {
    const { model } = await finetune(NET, { ...options, epochs: 1, batch: COUNT, rate: 1e-12 });
    const session = await engine.createSession({
      ...NET,
      graph: { ...NET.graph, outputs: [...NET.graph.outputs, { name: 'c', type: 'float32', shape: null }] },
    });
    const c = (await session.run(new Map([['x', batchOf([...Array(COUNT).keys()])]]))).get('c') as Tensor<Float32Array>;
    await session.release();
    for (let channel = 0; channel < 4; channel++) {
      const cells = Array.from(c.data).filter((_, i) => Math.floor(i / 9) % 4 === channel);
      const average = cells.reduce((sum, x) => sum + x, 0) / cells.length;
      const spread = cells.reduce((sum, x) => sum + (x - average) ** 2, 0) / (cells.length - 1);
      const stored = (name: string): number => values(NET, name)[channel] as number;
      expect(values(model, 'mean')[channel]).toBeCloseTo(0.8 * stored('mean') + 0.2 * average, 5);
      expect(values(model, 'variance')[channel]).toBeCloseTo(0.8 * stored('variance') + 0.2 * spread, 4);
    }
  });

  it('leaves frozen statistics alone, and trains zeros where asked to', async () => {
    const { model } = await finetune(pruned, { ...options, epochs: 1, frozenStatistics: true, masked: 'none' });
    for (const name of ['mean', 'variance']) expect(values(model, name)).toEqual(values(pruned, name));
    expect(values(model, 'w').filter((x) => x === 0)).toHaveLength(0);
  });

  it('refuses what cannot be, before any work', async () => {
    await expect(finetune(NET, { ...options, epochs: 0 })).rejects.toThrow(OptionError);
    await expect(finetune(NET, { ...options, rate: -1 })).rejects.toThrow(OptionError);
    await expect(finetune(NET, { ...options, source: { ...source, labelled: false } })).rejects.toThrow(DataError);
    await expect(finetune(NET, { ...options, rate: 1e30, epochs: 3 })).rejects.toThrow(
      /not finite.*lower the learning rate/,
    );
  });
});
