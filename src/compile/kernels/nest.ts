import { type Code, op, type WasmFunction } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import { FUNCTIONS } from '../expression/functions.ts';
import type { Combine, Nest } from '../schedule/step.ts';
import { type Arranged, arrange } from './arrange.ts';
import { expressionCode, type Reading } from './expression-code.ts';
import { FunctionBuilder } from './function-builder.ts';

const { get, set } = op;

/** What combining begins with. */
const STARTS: Readonly<Record<Combine, Code>> = {
  add: vec.float(0),
  mul: vec.float(1),
  max: vec.float(Number.NEGATIVE_INFINITY),
  min: vec.float(Number.POSITIVE_INFINITY),
  maxInt: vec.int(-(2 ** 31)),
  minInt: vec.int(2 ** 31 - 1),
  addInt: vec.int(0),
};

/** Vectors of outputs that a reduction keeps at once. */
const SUMS_AT_ONCE = 4;

/** Rounds of so many vectors from which on a reduction across lanes takes several sums. */
const ACROSS_LEAST = 2;

/** Code of a nest; its parameters are the addresses of the output and the operands. */
export function nestFunction(nest: Nest): WasmFunction {
  return new NestWriter(arrange(nest)).write();
}

class NestWriter {
  readonly #nest: Arranged;
  readonly #builder: FunctionBuilder;
  readonly #pointers: readonly number[];

  constructor(nest: Arranged) {
    this.#nest = nest;
    this.#builder = new FunctionBuilder(nest.walks.length);
    this.#pointers = nest.walks.map((_, i) => i);
  }

  write(): WasmFunction {
    const { counts, reduced, vector } = this.#nest;
    const outer = counts.length - reduced;
    const lanes = vector === 'output' ? outer - 1 : -1;
    const loop = (depth: number): Code => {
      if (depth === outer) return this.#element(1, 1);
      if (depth === lanes) return this.#lanes(depth);
      return op.repeat(this.#builder.i32(), counts[depth] as number, [loop(depth + 1), this.#advance(depth)]);
    };
    return this.#builder.build(loop(0));
  }

  /** The innermost loop of outputs, four or more at a time. */
  #lanes(depth: number): Code {
    const count = this.#nest.counts[depth] as number;
    const parts: Code[] = [];
    let rest = count;
    for (const [width, vectors] of [
      [4 * SUMS_AT_ONCE, SUMS_AT_ONCE],
      [8, 2],
      [4, 1],
      [1, 1],
    ] as const) {
      if (vectors > 1 && this.#nest.reduced === 0) continue;
      const times = Math.floor(rest / width);
      if (times === 0) continue;
      rest -= times * width;
      const body = [this.#element(Math.min(width, 4), vectors), this.#advance(depth, width)];
      parts.push(op.repeat(this.#builder.i32(), times, body));
    }
    return parts;
  }

  /** Moves the pointers on to the next iteration of a loop, back from where the loops inside it have left them. */
  #advance(depth: number, by = 1): Code {
    const { walks, counts } = this.#nest;
    const inner = counts[depth + 1] ?? 0;
    return this.#pointers.map((pointer, i) => {
      const strides = walks[i]?.strides ?? [];
      const bytes = 4 * ((strides[depth] as number) * by - inner * (strides[depth + 1] ?? 0));
      return bytes === 0 ? [] : set(pointer, op.add(get(pointer), op.i32(bytes)));
    });
  }

  /** One output, or vectors of four. */
  #element(lanes: number, vectors: number): Code {
    const { reduced, map, finish } = this.#nest;
    const each = (f: (v: number) => Code): Code => Array.from({ length: vectors }, (_, v) => f(v));
    if (reduced === 0) return this.#store(this.#value(map, { lanes, v: 0 }), { lanes, v: 0 });
    const sums = Array.from({ length: vectors }, () => this.#builder.v128());
    const isAcross = this.#nest.vector === 'reduced';
    return [
      each((v) => set(sums[v] as number, STARTS[this.#nest.combine])),
      isAcross ? this.#across(sums[0] as number) : this.#reduce(sums, lanes),
      each((v) => this.#store(this.#value(finish, { lanes, v, sum: sums[v] }), { lanes, v })),
    ];
  }

  /** The reduced loops, a vector of outputs or one output at a time. */
  #reduce(sums: readonly number[], lanes: number): Code {
    const { counts, reduced } = this.#nest;
    const first = counts.length - reduced;
    const loop = (depth: number): Code =>
      depth === counts.length
        ? sums.map((sum, v) => this.#combine(sum, { lanes, v }))
        : op.repeat(this.#builder.i32(), counts[depth] as number, [loop(depth + 1), this.#advance(depth)]);
    return loop(first);
  }

  /** The reduced loops of one output, the innermost four at a time, in several sums so that none waits for the one before. */
  #across(sum: number): Code {
    const { counts, reduced } = this.#nest;
    const last = counts.length - 1;
    const rest = this.#builder.v128();
    const chains = (counts[last] as number) >= 4 * ACROSS_LEAST * SUMS_AT_ONCE ? SUMS_AT_ONCE : 1;
    const sums = [sum, ...Array.from({ length: chains - 1 }, () => this.#builder.v128())];
    const loop = (depth: number): Code => {
      const count = counts[depth] as number;
      const counter = this.#builder.i32();
      if (depth < last) return op.repeat(counter, count, [loop(depth + 1), this.#advance(depth)]);
      const [whole, single, tail] = [Math.floor(count / (4 * chains)), (count >> 2) % chains, count & 3];
      const abreast = sums.map((one, v) => this.#combine(one, { lanes: 4, v }));
      return [
        whole === 0 ? [] : op.repeat(counter, whole, [abreast, this.#advance(depth, 4 * chains)]),
        single === 0
          ? []
          : op.repeat(counter, single, [this.#combine(sum, { lanes: 4, v: 0 }), this.#advance(depth, 4)]),
        tail === 0 ? [] : op.repeat(counter, tail, [this.#combine(rest, { lanes: 1, v: 0 }), this.#advance(depth)]),
      ];
    };
    const both = (a: Code, b: Code): Code => FUNCTIONS[this.#nest.combine].code([a, b], this.#builder);
    const swapped = (lanes: readonly number[]): Code =>
      set(sum, both(get(sum), vec.shuffle(get(sum), get(sum), lanes)));
    return [
      [rest, ...sums.slice(1)].map((one) => set(one, STARTS[this.#nest.combine])),
      loop(counts.length - reduced),
      sums.slice(1).map((one) => set(sum, both(get(sum), get(one)))),
      swapped([2, 3, 0, 1]),
      swapped([1, 0, 3, 2]),
      set(sum, both(get(sum), get(rest))),
    ];
  }

  #combine(sum: number, at: { readonly lanes: number; readonly v: number }): Code {
    const value = this.#builder.v128();
    return [
      set(value, this.#value(this.#nest.map, at)),
      set(sum, FUNCTIONS[this.#nest.combine].code([get(sum), get(value)], this.#builder)),
    ];
  }

  #value(
    expression: Nest['map'],
    { lanes, v, sum }: { readonly lanes: number; readonly v: number; readonly sum?: number | undefined },
  ): Code {
    const { walks, vectorLoop } = this.#nest;
    const pointer = (index: number): Code => get(this.#pointers[index + 1] as number);
    const stride = (index: number): number => (vectorLoop < 0 ? 0 : (walks[index + 1]?.strides[vectorLoop] as number));
    const reading: Reading = {
      scratch: this.#builder,
      operand: (index) => {
        if (index < 0) return get(sum ?? 0);
        const bytes = 16 * v * stride(index);
        if (lanes === 1 || stride(index) === 0) return vec.loadSplat(pointer(index), bytes);
        const first = op.load(pointer(index), bytes);
        return stride(index) === 1 ? first : vec.shuffle(first, op.load(pointer(index), bytes + 16), [0, 2, 4, 6]);
      },
      pick: (index, at, apart) => {
        const address = op.add(pointer(index), op.mul(at, op.i32(4 * apart)));
        const bytes = 16 * v * stride(index);
        return lanes === 4 && stride(index) === 1 ? op.load(address, bytes) : vec.loadSplat(address, bytes);
      },
    };
    return expressionCode(expression, reading);
  }

  #store(value: Code, { lanes, v }: { readonly lanes: number; readonly v: number }): Code {
    const to = get(this.#pointers[0] as number);
    return lanes === 4 ? op.store(to, value, 16 * v) : vec.storeLane(to, value, 0);
  }
}
