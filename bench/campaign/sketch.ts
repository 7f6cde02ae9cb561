import { GraphBuilder } from '../../src/graph/builder.ts';
import type { AttributeLike } from '../../src/ir/access.ts';
import type { Random } from '../../src/tensor/random.ts';
import { float32, int64, sizeOf } from '../../src/tensor/tensor.ts';

/** A value of a graph that grows: samples along `axis`, the other axes in `dims`. */
export interface Value {
  readonly name: string;
  /** Without the samples' axis. */
  readonly dims: readonly number[];
  readonly axis: number;
}

/** What a graph is not to have, so that it is a simpler one of the same function. */
export interface Plainness {
  /** Weights as their uses have them, not moved. */
  readonly unmoved?: boolean;
}

/** A weight as its uses see it, and the name of the value. */
interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
}

const pick = <T>(rng: Random, list: readonly T[]): T => list[rng.integer(list.length)] as T;

/** Elements of a tensor with its axes in another order. */
function permuted(data: Float32Array, dims: readonly number[], perm: readonly number[]): Float32Array {
  const to = perm.map((axis) => dims[axis] as number);
  const strides = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  return Float32Array.from({ length: data.length }, (_, at) => {
    let [rest, from] = [at, 0];
    for (let i = to.length - 1; i >= 0; i--) {
      from += (rest % (to[i] as number)) * (strides[perm[i] as number] as number);
      rest = Math.floor(rest / (to[i] as number));
    }
    return data[from] as number;
  });
}

/** A random graph as it grows: nodes, and weights that are tied, moved, or neither. */
export class Sketch {
  readonly builder = new GraphBuilder();
  readonly rng: Random;
  readonly #plain: Plainness;
  readonly #weights: Weight[] = [];
  #count = 0;

  constructor(rng: Random, plain: Plainness = {}) {
    this.rng = rng;
    this.#plain = plain;
  }

  emit(op: string, inputs: readonly string[], values: Readonly<Record<string, AttributeLike>> = {}): string {
    return this.builder.emit(op, inputs, values);
  }

  /** Draws the same numbers whether or not what they decide is wanted. */
  chance(times: number, of: number): boolean {
    return this.rng.integer(of) < times;
  }

  /** A constant that is no weight of a layer. */
  constant(dims: readonly number[], draw: () => number): string {
    return this.builder.constant(float32(Float32Array.from({ length: sizeOf(dims) }, draw), dims), 'c');
  }

  /** Weights of a shape: one that is there already, or new ones, as they are or moved into place. */
  weight(dims: readonly number[], fanIn: number): string {
    const same = this.#weights.filter((weight) => String(weight.dims) === String(dims));
    const turned = this.#weights.filter(
      (weight) => weight.dims.length === 2 && String(weight.dims.toReversed()) === String(dims),
    );
    const how = this.rng.integer(12);
    if (how < 2 && same.length > 0) return pick(this.rng, same).name;
    if (how === 2 && turned.length > 0) return this.emit('Transpose', [pick(this.rng, turned).name], { perm: [1, 0] });
    const own = this.rng.fork(`weight ${this.#count++}`);
    const data = Float32Array.from({ length: sizeOf(dims) }, () => own.normal() / Math.sqrt(fanIn));
    const name = how > 8 && this.#plain.unmoved !== true ? this.#moved(data, dims, own) : this.#stored(data, dims, own);
    this.#weights.push({ name, dims });
    return name;
  }

  #stored(data: Float32Array, dims: readonly number[], own: Random): string {
    const stem = `w${this.#count}`;
    if (own.integer(5) > 0) return this.builder.constant(float32(data, dims), stem);
    const raw = new Uint8Array(data.buffer);
    return this.emit('Constant', [], { value: { kind: 'tensor', value: { type: 'float32', dims, raw } } });
  }

  #moved(data: Float32Array, dims: readonly number[], own: Random): string {
    switch (own.integer(4)) {
      case 0: {
        const perm = dims.map((_, i) => i);
        for (let i = perm.length - 1; i > 0; i--) {
          const j = own.integer(i + 1);
          [perm[i], perm[j]] = [perm[j] as number, perm[i] as number];
        }
        const inverse = perm.map((_, i) => perm.indexOf(i));
        const to = inverse.map((axis) => dims[axis] as number);
        return this.emit('Transpose', [this.#stored(permuted(data, dims, inverse), to, own)], { perm });
      }
      case 1: {
        const [first = 1, ...rest] = dims;
        const flat = own.integer(2) === 0 ? [first, sizeOf(rest)] : [first * (rest[0] ?? 1), sizeOf(rest.slice(1))];
        return this.emit('Reshape', [this.#stored(data, flat, own), this.builder.constant(int64(dims), 'shape')]);
      }
      case 2:
        return this.emit('Squeeze', [this.#stored(data, [1, ...dims], own), this.builder.constant(int64([0]), 'axes')]);
      default:
        return this.emit('Identity', [this.#stored(data, dims, own)]);
    }
  }
}
