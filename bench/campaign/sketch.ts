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
  /** A copy of a weight for each of its uses. */
  readonly untied?: boolean;
}

/** A weight as its uses see it: how it is made, and the value where it was made first. */
interface Weight {
  readonly dims: readonly number[];
  readonly name: string;
  readonly make: () => string;
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

/** A random graph as it grows, of one opset: nodes, and weights that are tied, moved, or neither. */
export class Sketch {
  readonly builder = new GraphBuilder();
  readonly rng: Random;
  readonly opset: number;
  /** Constants of each weight, one for each copy. */
  readonly copies: string[][] = [];
  readonly #plain: Plainness;
  readonly #weights: Weight[] = [];

  constructor(rng: Random, opset = 17, plain: Plainness = {}) {
    this.rng = rng;
    this.opset = opset;
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

  /** A vector of whole numbers. */
  ints(values: readonly number[]): string {
    return this.builder.constant(int64(values), 'ints');
  }

  /** A reduction over some axes, which became an input at 13 for sums and at 18 for the others. */
  reduced(op: string, x: string, axes: readonly number[], keepdims = 0): string {
    return this.opset >= (op === 'ReduceSum' ? 13 : 18)
      ? this.emit(op, [x, this.ints(axes)], { keepdims })
      : this.emit(op, [x], { axes, keepdims });
  }

  /** Axes of length 1 taken out or put in. */
  squeezed(op: 'Squeeze' | 'Unsqueeze', x: string, axes: readonly number[]): string {
    return this.opset >= 13 ? this.emit(op, [x, this.ints(axes)]) : this.emit(op, [x], { axes });
  }

  /** Two parts of a value. */
  split(x: string, sizes: readonly [number, number], axis: number): [string, string] {
    const [inputs, values] = this.opset >= 13 ? [[x, this.ints(sizes)], { axis }] : [[x], { axis, split: sizes }];
    return this.builder.emitAll('Split', inputs, 2, values) as [string, string];
  }

  /** Weights of a shape: one that is there already, or new ones, as they are or moved into place. */
  weight(dims: readonly number[], fanIn: number): string {
    const same = this.#weights.filter((weight) => String(weight.dims) === String(dims));
    const turned = this.#weights.filter(
      (weight) => weight.dims.length === 2 && String(weight.dims.toReversed()) === String(dims),
    );
    const how = this.rng.integer(12);
    if (how < 2 && same.length > 0) return this.#again(pick(this.rng, same));
    if (how === 2 && turned.length > 0)
      return this.emit('Transpose', [this.#again(pick(this.rng, turned))], { perm: [1, 0] });
    const label = `weight ${this.#weights.length}`;
    const copies: string[] = [];
    this.copies.push(copies);
    const make = (): string => {
      const own = this.rng.fork(label);
      const data = Float32Array.from({ length: sizeOf(dims) }, () => own.normal() / Math.sqrt(fanIn));
      const isMoved = how > 8 && this.#plain.unmoved !== true;
      return isMoved ? this.#moved(data, dims, { own, copies }) : this.#stored(data, dims, { own, copies });
    };
    const name = make();
    this.#weights.push({ name, dims, make });
    return name;
  }

  #again({ name, make }: Weight): string {
    return this.#plain.untied === true ? make() : name;
  }

  #stored(data: Float32Array, dims: readonly number[], { own, copies }: { own: Random; copies: string[] }): string {
    if (own.integer(5) > 0) {
      const name = this.builder.constant(float32(data, dims), `w${this.copies.length}`);
      copies.push(name);
      return name;
    }
    const raw = new Uint8Array(data.buffer);
    const name = this.emit('Constant', [], { value: { kind: 'tensor', value: { type: 'float32', dims, raw } } });
    copies.push(name);
    return name;
  }

  #moved(data: Float32Array, dims: readonly number[], at: { own: Random; copies: string[] }): string {
    const { own } = at;
    switch (own.integer(4)) {
      case 0: {
        const perm = dims.map((_, i) => i);
        for (let i = perm.length - 1; i > 0; i--) {
          const j = own.integer(i + 1);
          [perm[i], perm[j]] = [perm[j] as number, perm[i] as number];
        }
        const inverse = perm.map((_, i) => perm.indexOf(i));
        const to = inverse.map((axis) => dims[axis] as number);
        return this.emit('Transpose', [this.#stored(permuted(data, dims, inverse), to, at)], { perm });
      }
      case 1: {
        const [first = 1, ...rest] = dims;
        const flat = own.integer(2) === 0 ? [first, sizeOf(rest)] : [first * (rest[0] ?? 1), sizeOf(rest.slice(1))];
        return this.emit('Reshape', [this.#stored(data, flat, at), this.builder.constant(int64(dims), 'shape')]);
      }
      case 2:
        return this.squeezed('Squeeze', this.#stored(data, [1, ...dims], at), [0]);
      default:
        return this.emit('Identity', [this.#stored(data, dims, at)]);
    }
  }
}
