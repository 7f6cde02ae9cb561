import type { Answers, FedBatch, FeedSource } from '../../src/data/feeds.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Model } from '../../src/ir/model.ts';
import type { PruneOptions } from '../../src/methods/prune-options.ts';
import { type Random, random } from '../../src/tensor/random.ts';
import { float32, sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { fastEngine } from './engine.ts';
import { aside, type Head, head } from './heads.ts';
import { body } from './pieces.ts';
import { type Plainness, Sketch } from './sketch.ts';

/** A random network with random samples. */
export interface Drawn extends Head {
  readonly engine: Engine;
  readonly model: Model;
  readonly opset: number;
  readonly source: FeedSource;
  /** What each sample is held against, all of them one after another. */
  readonly answers: ArrayLike<number>;
  /** The constants of each weight, one for each copy of it. */
  readonly copies: readonly (readonly string[])[];
  /** Whether the output that answers are about has to be named. */
  readonly isNamed: boolean;
}

/** Samples of a network. */
export const SAMPLES = 24;
const OPSETS = [11, 12, 13, 14, 15, 16, 17, 17, 18, 19, 20, 21, 22, 23] as const;
/** Batch sizes that a model may insist on; null = any. */
const BATCHES = [null, null, null, null, null, 2, 3, 6] as const;

/** The network of a case; `plain` draws the same one without what it names. */
export function drawn(key: string, plain: Plainness = {}): Drawn {
  const rng = random(key);
  const opset = OPSETS[rng.integer(OPSETS.length)] as number;
  const s = new Sketch(rng.fork('graph'), opset, plain);
  const rank = 1 + rng.integer(3);
  const dims = [2 + rng.integer(4), ...Array.from({ length: rank - 1 }, () => 3 + rng.integer(3))];
  const batch = BATCHES[rng.integer(BATCHES.length)] as number | null;
  const first = batch ?? (rng.integer(4) > 0 ? 'N' : null);
  const name = s.builder.input({ name: 'x', type: 'float32', shape: [first, ...dims] });
  const [isDense, asides, isFirst, isUnnamed] = [rng.integer(5) === 0, rng.integer(8), rng.integer(2), rng.integer(2)];
  const end = body(s, { name, dims, axis: 0 }, isDense);
  const made = head(s, end);
  const others = Array.from({ length: asides > 5 ? asides - 5 : 0 }, () => aside(s, end));
  const outputs = isFirst === 0 ? [made.output, ...others] : [...others, made.output];
  for (const output of new Set(outputs)) s.builder.outputs.push({ name: output, type: null, shape: null });
  const isNamed = outputs.length > 1 && !(made.isKnown && isUnnamed === 0 && isFirst === 0);
  const answers = answersOf(made, rng.fork('answers'));
  const x = Float32Array.from({ length: SAMPLES * sizeOf(dims) }, () => rng.normal());
  return {
    ...made,
    engine: fastEngine(rng),
    model: s.builder.build({ opset, irVersion: irOf(opset) }),
    opset,
    source: sourceOf(x, { dims, batch, made, answers }),
    answers,
    copies: s.copies,
    isNamed,
  };
}

/** The IR version that came with an opset. */
function irOf(opset: number): number {
  return opset < 12 ? 6 : opset < 15 ? 7 : opset < 19 ? 8 : opset < 21 ? 9 : opset < 23 ? 10 : 11;
}

function answersOf({ dims, axis, answer }: Head, rng: Random): Int32Array | Float32Array {
  const size = sizeOf(dims);
  if (answer === 'numbers') return Float32Array.from({ length: SAMPLES * size }, () => rng.normal());
  if (answer === 'yes or no') return Float32Array.from({ length: SAMPLES * size }, () => rng.integer(2));
  const classes = dims[axis] as number;
  if (answer === 'one-hot') {
    const hot = new Float32Array(SAMPLES * size);
    for (let i = 0; i < SAMPLES; i++) hot[i * size + rng.integer(size)] = 1;
    return hot;
  }
  return Int32Array.from({ length: (SAMPLES * size) / classes }, () => rng.integer(classes));
}

/** What one sample is held against. */
export function answerOf({ answers }: Pick<Drawn, 'answers'>, sample: number): ArrayLike<number> {
  const each = answers.length / SAMPLES;
  return Array.from({ length: each }, (_, i) => answers[sample * each + i] as number);
}

/** What of the outputs does not show by itself. */
export function sayingOf({ isKnown, isNamed, loss, output }: Drawn): Partial<Pick<PruneOptions, 'loss' | 'output'>> {
  return { ...(!isKnown && loss && { loss }), ...(isNamed && { output }) };
}

interface Parts {
  readonly dims: readonly number[];
  readonly batch: number | null;
  readonly made: Head;
  readonly answers: Int32Array | Float32Array;
}

function sourceOf(x: Float32Array, { dims, batch, made, answers }: Parts): FeedSource {
  const size = sizeOf(dims);
  const each = answers.length / SAMPLES;
  const isClasses = answers instanceof Int32Array;
  const shape = isClasses ? made.dims.filter((_, axis) => axis !== made.axis) : made.dims;
  const all: Answers = isClasses
    ? { labels: { dims: shape, data: answers } }
    : { targets: { dims: shape, data: answers } };
  const rows = <T extends Float32Array | Int32Array>(from: T, to: T, width: number, indices: ArrayLike<number>): T => {
    for (let k = 0; k < indices.length; k++) {
      const i = indices[k] as number;
      to.set(from.subarray(i * width, (i + 1) * width), k * width);
    }
    return to;
  };
  return {
    count: SAMPLES,
    labelled: isClasses,
    hasTargets: !isClasses,
    answers: all,
    fixedBatch: batch,
    feeds: async (indices): Promise<FedBatch> => {
      const n = indices.length;
      const data = rows(x, new Float32Array(n * size), size, indices);
      const inputs = new Map<string, Tensor>([['x', float32(data, [n, ...dims])]]);
      if (isClasses) return { inputs, labels: rows(answers, new Int32Array(n * each), each, indices) };
      return { inputs, targets: float32(rows(answers, new Float32Array(n * each), each, indices), [n, ...shape]) };
    },
  };
}
