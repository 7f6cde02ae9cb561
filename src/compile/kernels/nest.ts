import { type Code, op, type WasmFunction } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import { partsOf } from '../expression/expression.ts';
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
  atLeast: vec.float(Number.NEGATIVE_INFINITY),
  min: vec.float(Number.POSITIVE_INFINITY),
  maxInt: vec.int(-(2 ** 31)),
  minInt: vec.int(2 ** 31 - 1),
  addInt: vec.int(0),
};

/** Vectors of outputs that a reduction keeps at once. */
const SUMS_AT_ONCE = 4;

/** Rows and vectors of outputs that products of two matrices keep at once: each input is loaded once for all of them. */
const BLOCK = { rows: 4, vectors: 2 } as const;

/** Rounds of so many vectors from which on a reduction across lanes takes several sums. */
const ACROSS_LEAST = 2;

/** Code of a nest; its parameters are the addresses of the output and the operands. */
export function nestFunction(nest: Nest): WasmFunction {
  return new NestWriter(arrange(nest)).write();
}

/** A vector of outputs, or a single one, by where it lies beside those that are kept at the same time. */
interface Place {
  readonly lanes: number;
  readonly v: number;
  readonly row: number;
  /** The local that its inner loops are combined in. */
  readonly sum?: number;
  /** Locals that hold elements of operands. */
  readonly held?: ReadonlyMap<string, number>;
}

type Sum = Place & { readonly sum: number };

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
    const blocked = this.#isProduct() ? lanes - 1 : -1;
    const loop = (depth: number): Code => {
      if (depth === outer) return this.#element({ lanes: 1, vectors: 1, rows: 1 });
      if (depth === lanes) return this.#lanes(depth);
      const count = counts[depth] as number;
      if (depth === blocked)
        return [
          this.#times(Math.floor(count / BLOCK.rows), [
            this.#lanes(lanes, BLOCK.rows),
            this.#advance(depth, BLOCK.rows),
          ]),
          this.#times(count % BLOCK.rows, [this.#lanes(lanes), this.#advance(depth)]),
        ];
      return this.#times(count, [loop(depth + 1), this.#advance(depth)]);
    };
    return this.#builder.build(loop(0));
  }

  #times(count: number, body: Code): Code {
    return count === 0 ? [] : op.repeat(this.#builder.i32(), count, body);
  }

  /** Whether two outer loops lie next to each other of which one operand moves along the first alone, another along the second alone. */
  #isProduct(): boolean {
    const { counts, reduced, vector, walks, map, finish } = this.#nest;
    const lanes = counts.length - reduced - 1;
    if (vector !== 'output' || reduced === 0 || lanes < 1 || (counts[lanes - 1] as number) < BLOCK.rows) return false;
    const along = walks
      .slice(1)
      .map(({ strides }) => [strides[lanes - 1] as number, strides[lanes] as number] as const);
    const parts = [map, finish].flatMap((expression) => [...partsOf(expression)]);
    return (
      parts.every(({ kind }) => kind !== 'pick') &&
      walks.every(({ strides }) => (strides[lanes - 1] as number) >= 0) &&
      along.some(([row, column]) => row > 0 && column === 0) &&
      along.some(([row, column]) => row === 0 && column > 0)
    );
  }

  /** The innermost loop of outputs, four or more at a time, for one row or several. */
  #lanes(depth: number, rows = 1): Code {
    const count = this.#nest.counts[depth] as number;
    const parts: Code[] = [];
    let rest = count;
    for (const [width, vectors] of [
      [4 * SUMS_AT_ONCE, SUMS_AT_ONCE],
      [8, 2],
      [4, 1],
      [1, 1],
    ] as const) {
      if ((vectors > 1 && this.#nest.reduced === 0) || (rows > 1 && vectors > BLOCK.vectors)) continue;
      const times = Math.floor(rest / width);
      rest -= times * width;
      parts.push(
        this.#times(times, [this.#element({ lanes: Math.min(width, 4), vectors, rows }), this.#advance(depth, width)]),
      );
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

  /** One output, or vectors of four of one row or several. */
  #element({ lanes, vectors, rows }: { readonly [name in 'lanes' | 'vectors' | 'rows']: number }): Code {
    const { reduced, map, finish, vector } = this.#nest;
    const places = Array.from(
      { length: rows * vectors },
      (_, i): Place => ({ lanes, v: i % vectors, row: Math.floor(i / vectors) }),
    );
    const [first] = places as [Place];
    if (reduced === 0) return this.#store(this.#value(map, first), first);
    const sums: Sum[] = places.map((place) => ({ ...place, sum: this.#builder.v128() }));
    const [only] = sums as [Sum];
    return [
      sums.map(({ sum }) => set(sum, STARTS[this.#nest.combine])),
      vector === 'reduced' ? this.#across(only.sum) : this.#reduce(sums),
      sums.map((place) => this.#store(this.#value(finish, place), place)),
    ];
  }

  /** The reduced loops, for all outputs that are kept at once. */
  #reduce(sums: readonly Sum[]): Code {
    const { counts, reduced } = this.#nest;
    const loop = (depth: number): Code =>
      depth === counts.length
        ? this.#products(sums)
        : op.repeat(this.#builder.i32(), counts[depth] as number, [loop(depth + 1), this.#advance(depth)]);
    return loop(counts.length - reduced);
  }

  /** One round of all sums; where there are several rows, what they share is loaded once. */
  #products(sums: readonly Sum[]): Code {
    if (sums.every(({ row }) => row === 0)) return sums.map((place) => this.#combine(place.sum, place));
    const held = new Map<string, number>();
    const loads: Code[] = [];
    const used = [...partsOf(this.#nest.map)].flatMap((part) => (part.kind === 'operand' ? [part.index] : []));
    for (const place of sums)
      for (const index of used) {
        const key = this.#loadKey(index, place);
        if (held.has(key)) continue;
        const local = this.#builder.v128();
        held.set(key, local);
        loads.push(set(local, this.#load(index, place)));
      }
    return [loads, sums.map((place) => this.#combine(place.sum, { ...place, held }))];
  }

  #strides(index: number): { readonly along: number; readonly across: number } {
    const { walks, vectorLoop } = this.#nest;
    const strides = walks[index + 1]?.strides ?? [];
    return {
      along: vectorLoop < 0 ? 0 : (strides[vectorLoop] as number),
      across: vectorLoop < 1 ? 0 : (strides[vectorLoop - 1] as number),
    };
  }

  /** What tells the elements of an operand for one sum from those for another. */
  #loadKey(index: number, { v, row }: Place): string {
    const { along, across } = this.#strides(index);
    return [index, along === 0 ? 0 : v, across === 0 ? 0 : row].join();
  }

  #load(index: number, { lanes, v, row }: Place): Code {
    const { along, across } = this.#strides(index);
    const pointer = get(this.#pointers[index + 1] as number);
    const bytes = 16 * v * along + (row === 0 ? 0 : 4 * row * across);
    if (lanes === 1 || along === 0) return vec.loadSplat(pointer, bytes);
    const first = op.load(pointer, bytes);
    return along === 1 ? first : vec.shuffle(first, op.load(pointer, bytes + 16), [0, 2, 4, 6]);
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
      const abreast = sums.map((one, v) => this.#combine(one, { lanes: 4, v, row: 0 }));
      return [
        whole === 0 ? [] : op.repeat(counter, whole, [abreast, this.#advance(depth, 4 * chains)]),
        single === 0
          ? []
          : op.repeat(counter, single, [this.#combine(sum, { lanes: 4, v: 0, row: 0 }), this.#advance(depth, 4)]),
        tail === 0
          ? []
          : op.repeat(counter, tail, [this.#combine(rest, { lanes: 1, v: 0, row: 0 }), this.#advance(depth)]),
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

  #combine(sum: number, place: Place): Code {
    const value = this.#builder.v128();
    return [
      set(value, this.#value(this.#nest.map, place)),
      set(sum, FUNCTIONS[this.#nest.combine].code([get(sum), get(value)], this.#builder)),
    ];
  }

  #value(expression: Nest['map'], place: Place): Code {
    const { lanes, v, sum, held } = place;
    const reading: Reading = {
      scratch: this.#builder,
      operand: (index) => {
        if (index < 0) return get(sum ?? 0);
        const local = held?.get(this.#loadKey(index, place));
        return local === undefined ? this.#load(index, place) : get(local);
      },
      pick: (index, at, apart) => {
        const address = op.add(get(this.#pointers[index + 1] as number), op.mul(at, op.i32(4 * apart)));
        const { along } = this.#strides(index);
        const bytes = 16 * v * along;
        return lanes === 4 && along === 1 ? op.load(address, bytes) : vec.loadSplat(address, bytes);
      },
    };
    return expressionCode(expression, reading);
  }

  #store(value: Code, { lanes, v, row }: Place): Code {
    const to = get(this.#pointers[0] as number);
    const bytes = 16 * v + (row === 0 ? 0 : 4 * row * this.#strides(-1).across);
    return lanes === 4 ? op.store(to, value, bytes) : vec.storeLane(to, value, 0, bytes);
  }
}
