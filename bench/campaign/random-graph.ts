import type { FeedSource } from '../../src/data/feeds.ts';
import type { Model } from '../../src/ir/model.ts';
import { random } from '../../src/tensor/random.ts';
import { float32, sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { type Head, head } from './heads.ts';
import { body } from './pieces.ts';
import { type Plainness, Sketch } from './sketch.ts';

/** A random network with random samples. */
export interface Drawn extends Head {
  readonly model: Model;
  readonly input: readonly number[];
  readonly source: FeedSource;
  readonly labels: Int32Array;
}

/** Samples of a network. */
export const SAMPLES = 24;

/** The network of a case; `plain` draws the same one without what it names. */
export function drawn(key: string, plain: Plainness = {}): Drawn {
  const rng = random(key);
  const s = new Sketch(rng.fork('graph'), plain);
  const rank = 1 + rng.integer(3);
  const dims = [2 + rng.integer(4), ...Array.from({ length: rank - 1 }, () => 3 + rng.integer(3))];
  const free = rng.integer(4) > 0;
  const name = s.builder.input({ name: 'x', type: 'float32', shape: [free ? 'N' : null, ...dims] });
  const made = head(s, body(s, { name, dims, axis: 0 }));
  s.builder.outputs.push({ name: made.output, type: 'float32', shape: null });
  const labels = Int32Array.from({ length: SAMPLES }, () => rng.integer(made.classes));
  const x = Float32Array.from({ length: SAMPLES * sizeOf(dims) }, () => rng.normal());
  return { ...made, model: s.builder.build(), input: dims, labels, source: sourceOf(x, dims, labels) };
}

function sourceOf(x: Float32Array, dims: readonly number[], labels: Int32Array): FeedSource {
  const size = sizeOf(dims);
  return {
    count: labels.length,
    labelled: true,
    hasTargets: false,
    fixedBatch: null,
    feeds: async (indices) => {
      const data = new Float32Array(indices.length * size);
      for (let k = 0; k < indices.length; k++) {
        const i = indices[k] as number;
        data.set(x.subarray(i * size, (i + 1) * size), k * size);
      }
      const inputs = new Map<string, Tensor>([['x', float32(data, [indices.length, ...dims])]]);
      return { inputs, labels: Int32Array.from(indices, (i) => labels[i] as number) };
    },
  };
}
