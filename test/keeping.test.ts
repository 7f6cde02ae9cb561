import { describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import type { FeedSource } from '../src/data/feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import type { TrainingState } from '../src/finetune/finetune.ts';
import { prune } from '../src/methods/prune.ts';
import type { PruneOptions } from '../src/methods/prune-options.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { parseModelText } from '../src/onnx/text.ts';
import type { Kept } from '../src/progress/recall.ts';
import type { Keeping } from '../src/pruning/job.ts';
import { random } from '../src/tensor/random.ts';
import { SMALL } from './cli-harness.ts';

const PLAIN = parseModelText(SMALL);

/** Convolutions behind which running statistics are kept. */
const NORMALISED = parseModelText(`
  opset 17
  input x: float32[N,1,4,4]
  const w1: float32[4,1,3,3] = random(1)
  const s: float32[4] = ones
  const b: float32[4] = zeros
  const m: float32[4] = zeros
  const v: float32[4] = ones
  const w2: float32[64,3] = random(2)
  c = Conv(x, w1) { pads: [1, 1, 1, 1] }
  n = BatchNormalization(c, s, b, m, v)
  r = Relu(n)
  f = Flatten(r)
  y = MatMul(f, w2)
  output y: float32[N,3]
`);

/** Normal numbers, with labels where a number of classes is given. */
function rows(dims: readonly number[], count: number, classes: number | null): FeedSource {
  const rng = random(7);
  const size = dims.reduce((a, b) => a * b, 1);
  const x = Float32Array.from({ length: count * size }, () => rng.normal());
  const labels = Int32Array.from({ length: count }, () => rng.integer(classes ?? 1));
  return {
    count,
    labelled: classes !== null,
    hasTargets: false,
    fixedBatch: null,
    feeds: async (indices) => {
      const data = new Float32Array(indices.length * size);
      Array.from(indices).forEach((index, i) => {
        data.set(x.subarray(index * size, (index + 1) * size), i * size);
      });
      return {
        inputs: new Map([['x', { type: 'float32', dims: [indices.length, ...dims], data }]]),
        ...(classes !== null && { labels: Int32Array.from(indices, (index) => labels[index] as number) }),
      };
    },
  };
}

class Killed extends Error {}

/** What a folder of states would hold, and a run that dies right after its k-th state. */
class Memory {
  readonly pieces = new Map<string, Kept>();
  training: TrainingState | null = null;
  /** States so far. */
  count = 0;

  keeping(most: number): Keeping {
    const kept = (): void => {
      if (++this.count >= most) throw new Killed();
    };
    return {
      training: this.training,
      recall: async (name, work) => {
        const known = this.pieces.get(name);
        if (known !== undefined) return known;
        const done = await work();
        this.pieces.set(name, new Map([...done].map(([part, array]) => [part, array.slice()])));
        kept();
        return done;
      },
      onTraining: async (state) => {
        const { arrays, ...rest } = state();
        const copied = new Map([...arrays].map(([name, array]) => [name, array.slice()] as const));
        this.training = { ...(JSON.parse(JSON.stringify(rest)) as typeof rest), arrays: copied };
        kept();
      },
    };
  }
}

async function bytesOf(model: typeof PLAIN, options: PruneOptions, keeping?: Keeping): Promise<string> {
  const { model: pruned, stages } = await prune(model, { ...options, ...(keeping && { keeping }) });
  return `${stages.map(({ message }) => message).join()} ${Buffer.from(encodeModel(pruned)).toString('base64')}`;
}

const base = { engine, threads: 1, seed: 3 };
const CASES: readonly [string, typeof PLAIN, PruneOptions][] = [
  [
    'reconstruct',
    PLAIN,
    { ...base, budget: sparsity(0.6), method: 'reconstruct', samples: 60, source: rows([4], 90, null) },
  ],
  [
    'reconstruct of convolutions',
    NORMALISED,
    { ...base, budget: sparsity(0.7), method: 'reconstruct', samples: 60, source: rows([1, 4, 4], 90, null) },
  ],
  ['auto from few samples', PLAIN, { ...base, budget: sparsity(0.6), method: 'auto', source: rows([4], 90, null) }],
  [
    'auto of a few steps',
    PLAIN,
    { ...base, budget: sparsity(0.6), method: 'auto', gradients: 640, batch: 16, source: rows([4], 90, null) },
  ],
  [
    'auto beside shorter trainings',
    PLAIN,
    { ...base, budget: sparsity(0.6), method: 'auto', gradients: 1600, batch: 16, source: rows([4], 90, null) },
  ],
  [
    'auto while its support closes in',
    NORMALISED,
    { ...base, budget: sparsity(0.8), method: 'auto', gradients: 1280, batch: 8, source: rows([1, 4, 4], 120, null) },
  ],
  [
    'auto between labels and outputs',
    PLAIN,
    { ...base, budget: sparsity(0.7), method: 'auto', gradients: 6400, batch: 32, source: rows([4], 3000, 3) },
  ],
];

/** Moments at which a run dies: all of them where they are few. */
const MOMENTS = 12;

describe('a pruning that dies after any of its states', () => {
  it.each(CASES)('goes on to the same bytes: %s', { timeout: 120_000 }, async (_, model, options) => {
    const whole = await bytesOf(model, options);
    const all = new Memory();
    expect(await bytesOf(model, options, all.keeping(Number.POSITIVE_INFINITY))).toBe(whole);
    const step = Math.max(1, Math.floor(all.count / MOMENTS));
    let killed = 0;
    for (let k = 1; k <= all.count; k += step) {
      const memory = new Memory();
      await expect(bytesOf(model, options, memory.keeping(k))).rejects.toThrow(Killed);
      killed++;
      // once more during what remains, then to the end
      const left = memory.count + Math.max(1, Math.floor((all.count - memory.count) / 2));
      await bytesOf(model, options, memory.keeping(left)).catch((thrown) => expect(thrown).toBeInstanceOf(Killed));
      const before = memory.count;
      expect(await bytesOf(model, options, memory.keeping(Number.POSITIVE_INFINITY))).toBe(whole);
      expect(memory.count - before).toBeLessThanOrEqual(all.count - k);
    }
    expect(killed).toBeGreaterThanOrEqual(Math.min(all.count, MOMENTS));
  });
});
