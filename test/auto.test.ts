import { beforeAll, describe, expect, it } from 'vitest';
import { budget, flops, sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import type { FeedSource } from '../src/data/feeds.ts';
import { openDataset } from '../src/data/open-dataset.node.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { finetune } from '../src/finetune/finetune.ts';
import type { Model } from '../src/ir/model.ts';
import { prune as prunePipeline } from '../src/methods/prune.ts';
import type { PruneOptions } from '../src/methods/prune-options.ts';
import { readModel } from '../src/onnx/files.node.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { headsOf } from '../src/outputs/decide.ts';
import { atRawEnds } from '../src/outputs/raw.ts';
import { outputUnits } from '../src/outputs/units.ts';
import { pruneGradually } from '../src/pipeline/gradual.ts';
import { portsOf } from '../src/pipeline/run-and-report.ts';
import { stopwatch } from '../src/pipeline/run-ports.ts';
import { sweep } from '../src/pipeline/sweep.ts';
import { tune } from '../src/pipeline/tune.ts';
import { shapesOf, weightMacs } from '../src/pruning/shapes.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { tinyData } from './tiny-data.ts';

/** Two linear layers that end in probabilities; the second is stored [in, out]. */
const SMALL = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[8, 6] = random(1)
  const v: float32[8, 4] = random(2)
  h = Gemm(x, w) { transB: 1 }
  r = Relu(h)
  z = MatMul(r, v)
  y = Softmax(z) { axis: 1 }
  output y
`);

const tiny = feedsFromDataset(SMALL, tinyData({ count: 96, sampleDims: [6], classes: 4 }));
const unlabelled = feedsFromDataset(SMALL, tinyData({ count: 96, sampleDims: [6] }));
const asked = (options: Partial<PruneOptions> = {}): PruneOptions => ({
  engine,
  method: 'auto',
  budget: sparsity(0.5),
  source: tiny,
  batch: 16,
  gradients: 640,
  threads: 1,
  ...options,
});

describe('the unit of an output', () => {
  it('is the variance of its logits', async () => {
    const { heads } = await headsOf(SMALL, { engine, source: tiny });
    const raw = atRawEnds(SMALL, heads);
    expect(raw.ends).toEqual(['z']);
    const session = await engine.createSession(raw.model);
    const answer = (await session.run((await tiny.feeds([0, 1])).inputs)).get('z') as Tensor;
    await session.release();
    const values = Array.from(answer.data as Float32Array);
    const average = values.reduce((a, b) => a + b) / 8;
    const spread = values.reduce((sum, x) => sum + (x - average) ** 2, 0) / 8;
    const [unit] = await outputUnits(SMALL, heads, { engine, source: tiny, count: 2 });
    expect(unit).toBeCloseTo(spread, 5);
  });

  it('refuses a model that always says the same', async () => {
    const constant = parseModelText(`
      opset 17
      input x: float32[N, 6]
      const w: float32[6, 4] = [${Array(24).fill(0).join(', ')}]
      y = MatMul(x, w)
      output y
    `);
    const { heads } = await headsOf(constant, { engine, source: tiny });
    await expect(outputUnits(constant, heads, { engine, source: tiny, count: 2 })).rejects.toThrow(
      /same for all samples/,
    );
  });
});

describe('finetune with supports', () => {
  it('takes as many steps as asked for, across epochs, and holds what is off the support at zero from there on', async () => {
    const seen: number[] = [];
    const half = Uint8Array.from({ length: 48 }, (_, i) => (i < 24 ? 1 : 0));
    const { model, steps, epochs } = await finetune(SMALL, {
      engine,
      source: tiny,
      batch: 16,
      steps: 8,
      masked: 'none',
      supports: (step, values) => {
        seen.push(step);
        const w = values.get('w') as Float32Array;
        expect(w.subarray(24).every((x) => x === 0)).toBe(step > 3);
        return step === 3 ? new Map([['w', half]]) : undefined;
      },
    });
    expect([steps, epochs.length, seen]).toEqual([8, 2, [0, 1, 2, 3, 4, 5, 6, 7]]);
    const { w } = await prunePipeline(model, { engine, method: 'magnitude', layers: ['w'], budget: sparsity(0) });
    expect(Array.from(w, (x) => (x === 0 ? 0 : 1))).toEqual(Array.from(half));
  });
});

describe('finetune in parts', () => {
  it('takes the step of the whole batch, where no statistics are taken over it', async () => {
    const options = { engine, source: tiny, batch: 16, steps: 5, rate: 0.1 };
    const whole = await finetune(SMALL, options);
    const weights = async (model: Model): Promise<Float64Array> =>
      (await prunePipeline(model, { engine, method: 'magnitude', budget: sparsity(0) })).w;
    const expected = await weights(whole.model);
    for (const threads of [1, 2]) {
      const parted = await finetune(SMALL, { ...options, part: 4, threads });
      (await weights(parted.model)).forEach((x, i) => void expect(x).toBeCloseTo(expected[i] as number, 5));
      expect(parted.epochs[0]?.loss).toBeCloseTo(whole.epochs[0]?.loss as number, 5);
    }
    await expect(finetune(SMALL, { ...options, part: 5 })).rejects.toThrow(/divisor of the batch, 16/);
  });
});

describe('the method auto', () => {
  it('meets the budget exactly, reports its steps, and gives the same for the same seed', async () => {
    const once = await prunePipeline(SMALL, asked());
    expect(once.w.reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0)).toBe(40);
    expect(once.options).toMatchObject({ method: 'auto', samples: 40, batch: 16, minutes: null });
    expect(once.stages).toHaveLength(1);
    expect(once.model.graph.outputs).toEqual(SMALL.graph.outputs);
    expect((await prunePipeline(SMALL, asked())).w).toEqual(once.w);
    expect((await prunePipeline(SMALL, asked({ seed: 2 }))).w).not.toEqual(once.w);
  });

  it('looks at no label of a few samples', async () => {
    const { w } = await prunePipeline(SMALL, asked());
    expect((await prunePipeline(SMALL, asked({ source: unlabelled }))).w).toEqual(w);
  });

  it('goes by the labels of many samples where the dense model is mostly wrong, else by its outputs', async () => {
    const many = feedsFromDataset(SMALL, tinyData({ count: 3000, sampleDims: [6] }));
    const labelledBy = (label: (x: Float32Array) => number): FeedSource => ({
      ...many,
      labelled: true,
      feeds: async (indices) => {
        const fed = await many.feeds(indices);
        const data = (fed.inputs.get('x') as Tensor).data as Float32Array;
        return { ...fed, labels: Int32Array.from({ length: data.length / 6 }, (_, i) => label(data.slice(6 * i))) };
      },
    });
    const largest = (values: ArrayLike<number>): number => {
      const all = Array.from(values).slice(0, 4);
      return all.indexOf(Math.max(...all));
    };
    const { predictions } = await evaluate(engine, SMALL, many);
    const known = new Map<number, number>();
    for (let i = 0; i < 3000; i++) {
      const { data } = (await many.feeds([i])).inputs.get('x') as Tensor;
      known.set((data as Float32Array)[0] as number, predictions[i] as number);
    }
    const learnable = labelledBy(largest);
    const own = labelledBy((x) => known.get(x[0] as number) as number);
    const options = { gradients: 6400, budget: sparsity(0.3) };
    const taught = await prunePipeline(SMALL, asked({ ...options, source: learnable }));
    expect(taught.stages[0]?.message).toMatch(/400 steps .* by the labels/);
    expect((await evaluate(engine, taught.model, learnable)).accuracy).toBeGreaterThan(0.5);
    expect((await evaluate(engine, SMALL, learnable)).accuracy).toBeLessThan(0.4);
    const imitated = await prunePipeline(SMALL, asked({ ...options, source: own }));
    expect(imitated.stages[0]?.message).toMatch(/differ from the dense model's/);
  });

  it('takes as much time as it may', async () => {
    const started = performance.now();
    const { options } = await prunePipeline(SMALL, asked({ gradients: undefined, minutes: 0.02 }));
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(options.samples).toBeGreaterThan(1);
    expect(options.minutes).toBe(0.02);
  });

  it('refuses what cannot be, before any work', async () => {
    const refused = (options: Partial<PruneOptions>): Promise<unknown> => prunePipeline(SMALL, asked(options));
    await expect(refused({ minutes: 1 })).rejects.toThrow(/gradients and minutes at once/);
    await expect(refused({ gradients: 15 })).rejects.toThrow(/one step takes 16/);
    await expect(refused({ gradients: undefined, minutes: 0 })).rejects.toThrow(/number above 0/);
    await expect(refused({ method: 'chita' })).rejects.toThrow(/only "auto" takes a budget of compute/);
    await expect(refused({ source: undefined })).rejects.toThrow(/give rows/);
    await expect(pruneGradually(SMALL, asked())).rejects.toThrow(/trains by itself/);
    await expect(tune(SMALL, asked())).rejects.toThrow(/"auto" has none/);
  });

  it('runs once a seed in a sweep', async () => {
    const data = { address: 'tiny', source: tiny, dataset: null };
    const given = { data, threads: 1, repeatable: true };
    const measureSize = async () => ({ raw: 0, gzip: null, brotli: null });
    const platform = { engine, measureSize, sha256: async () => '', facts: () => null as never };
    const cells = await sweep(SMALL, {
      methods: ['magnitude', 'auto'],
      budgets: [sparsity(0.5)],
      seeds: [1, 2],
      asked: { options: { gradients: asked().gradients, batch: asked().batch } },
      ports: portsOf({ recipe: { steps: [] }, given, platform, watch: stopwatch(), warnings: [] }),
    });
    expect(cells.map(({ method, seed }) => [method, seed])).toEqual([
      ['magnitude', 1],
      ['auto', 1],
      ['auto', 2],
    ]);
  });
});

describe('the method auto on the shipped digits', { timeout: 120_000 }, () => {
  let model: Model;
  let data: FeedSource;
  let tests: FeedSource;
  beforeAll(async () => {
    const opened = async (part: string): Promise<FeedSource> =>
      feedsFromDataset(model, await openDataset(`npz:examples/digits/${part}.npz`, { scale: '1/255' }));
    model = await readModel('examples/digits/model.onnx');
    data = await opened('train');
    tests = await opened('test');
  });

  it('keeps within two points of the dense model at 90 %, where magnitude loses more, from 3,200 sample gradients', async () => {
    const run = async (options: Partial<PruneOptions>): Promise<number> => {
      const pruned = await prunePipeline(model, { engine, budget: sparsity(0.9), source: data, ...options });
      return (await evaluate(engine, pruned.model, tests)).accuracy ?? 0;
    };
    const dense = (await evaluate(engine, model, tests)).accuracy ?? 0;
    expect(await run({ method: 'auto', gradients: 3200 })).toBeGreaterThan(dense - 0.02);
    expect(await run({ method: 'magnitude' })).toBeLessThan(dense - 0.04);
  });

  it('holds a limit of MACs', async () => {
    const shapes = await shapesOf(engine, model);
    if ('reason' in shapes) throw new Error(shapes.reason);
    const costs = weightMacs(model, shapes);
    const { w, chosen } = await prunePipeline(model, asked({ budget: flops(0.3), source: data, batch: 32 }));
    let [start, dense, kept] = [0, 0, 0];
    for (const { name, size } of chosen.layers) {
      const cost = costs.get(name) ?? 0;
      dense += size * cost;
      kept += cost * w.subarray(start, start + size).reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);
      start += size;
    }
    expect(kept).toBeLessThanOrEqual(0.3 * dense);
    expect(kept).toBeGreaterThan(0.25 * dense);
    expect(budget({ flops: 0.3 })).toEqual(flops(0.3));
  });
});

describe('layers solved first', () => {
  it('is all that is done with few samples, unless a budget of compute asks for more', async () => {
    const { gradients: _, ...plain } = asked();
    const solved = await prunePipeline(SMALL, plain);
    expect(solved.stages[0]?.message).toContain('too few samples to train on; layers solved on 96 samples');
    expect(solved.stages[0]?.kept).toBe(40);
    expect(solved.stages[0]?.message).toMatch(
      /kept: magnitude, 0[.]\d+ .* on 96 samples in turn, solved without those that judge \(.*solved layers 0[.]/,
    );
    expect((await prunePipeline(SMALL, asked())).stages[0]?.message).toMatch(
      /^40 steps of 16 samples .*, from solved layers; .*; kept: /,
    );
  });

  it('is where a training starts that is too short to close in', async () => {
    const { stages, w } = await prunePipeline(SMALL, asked({ gradients: 16 }));
    expect(stages[0]?.message).toMatch(/^1 steps .*, from solved layers; .* kept: (solved layers|the training), /);
    expect(w.filter((x) => x !== 0)).toHaveLength(40);
  });

  it('is left out before long trainings, which find better supports by themselves', async () => {
    const { stages } = await prunePipeline(SMALL, { ...asked(), gradients: 50_000 });
    expect(stages[0]?.message).toMatch(/^3125 steps of 16 samples .*rate [0-9.]+; /);
  });
});
