import { type Code, op, type WasmFunction } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import type { Sums, TileVector, Tiling } from '../schedule/step.ts';
import { expressionCode } from './expression-code.ts';
import { FunctionBuilder } from './function-builder.ts';

const { get, set } = op;
const step = (local: number, bytes: number): Code => (bytes === 0 ? [] : set(local, op.add(get(local), op.i32(bytes))));

/** How kernels are written for a machine. */
export interface Dialect {
  /** Products and sums in one instruction (relaxed SIMD); the last bit may differ. */
  readonly fused: boolean;
}

/** acc + a b */
export function multiplyAdd({ fused }: Dialect, acc: Code, a: Code, b: Code): Code {
  return fused ? vec.relaxedMadd(a, b, acc) : vec.add(acc, vec.mul(a, b));
}

/** Runs the body while the address in a local is below the end; the body has to advance it. */
export function entriesUntil(pointer: number, end: Code, body: Code): Code {
  return [
    [0x02, 0x40],
    [get(pointer), end, 0x4f, 0x0d, 0],
    [0x03, 0x40],
    body,
    [get(pointer), end, 0x49, 0x0d, 0],
    [0x0b, 0x0b],
  ];
}

/** Inputs of a tile that are loaded before the first of them is used. */
const LOADED_AT_ONCE = 4;

/**
 * Leaves the loop if an address is a certain odd number, which it never is. V8 moves all loads of a block before all arithmetic; between
 * two blocks sums are due, so that no more registers hold inputs than {@link LOADED_AT_ONCE}. V8 sees through a second fence like one
 * before it, hence the number.
 */
export const fence = (address: number, index: number): Code => [get(address), op.i32(2 * index + 1), 0x46, 0x0d, 1];

/** Parts in as few groups of about one size as may be. */
function inGroups(parts: readonly Code[], most: number): Code[][] {
  const groups = Math.ceil(parts.length / most);
  const each = Math.ceil(parts.length / groups);
  return Array.from({ length: groups }, (_, i) => parts.slice(i * each, (i + 1) * each));
}

/**
 * Code of weighted sums of planes. Parameters: addresses of x, of the output and of the table; then for each value beside the sum how
 * many bytes behind the output it lies, or its address.
 */
export function sumsFunction(sums: Sums, dialect: Dialect): WasmFunction {
  return new SumsWriter(sums, dialect).write();
}

class SumsWriter {
  readonly #sums: Sums;
  readonly #dialect: Dialect;
  readonly #builder: FunctionBuilder;
  readonly #local: { readonly [name in 'table' | 'x' | 'out' | 'end' | 'at' | 'to' | 'block']: number };
  /** Pointers to numbers of single outputs. */
  readonly #single: readonly number[];
  readonly #weights: readonly number[];
  readonly #sum: readonly (readonly number[])[];
  readonly #value: number;

  constructor(sums: Sums, dialect: Dialect) {
    this.#sums = sums;
    this.#dialect = dialect;
    const builder = new FunctionBuilder(3 + sums.beside.length);
    this.#builder = builder;
    const i32 = (): number => builder.i32();
    this.#local = { table: i32(), x: i32(), out: i32(), end: i32(), at: i32(), to: i32(), block: i32() };
    this.#single = sums.beside.map(i32);
    const { share } = sums.table;
    const widest = Math.max(...sums.tilings.map(({ vectors }) => vectors.length));
    this.#weights = Array.from({ length: share }, () => builder.v128());
    this.#sum = Array.from({ length: share }, () => Array.from({ length: widest }, () => builder.v128()));
    this.#value = builder.v128();
  }

  write(): WasmFunction {
    const { tilings, outputsFirst } = this.#sums;
    const body = outputsFirst ? this.#outputsFirst() : tilings.map((tiling) => this.#tilesFirst(tiling));
    return this.#builder.build(body);
  }

  /** Each tile for all outputs: its inputs stay in the nearest cache, the table streams by. */
  #tilesFirst(tiling: Tiling): Code {
    const { table, x, out, to } = this.#local;
    const begin = [set(table, get(2)), set(to, get(out)), this.#restart()];
    const blocks = this.#blocks([this.#tile(tiling.vectors), this.#nextBlock()]);
    return [
      set(x, op.add(get(0), op.i32(4 * tiling.from))),
      set(out, op.add(get(1), op.i32(4 * tiling.to))),
      this.#tiles(tiling, [begin, blocks]),
    ];
  }

  /** Each output for all tiles: its entries stay in the nearest cache, the inputs stream by. */
  #outputsFirst(): Code {
    const { table, x, out, to } = this.#local;
    const base = this.#builder.i32();
    const start = this.#builder.i32();
    const passes = this.#sums.tilings.map((tiling) => [
      set(x, op.add(get(0), op.i32(4 * tiling.from))),
      set(out, op.add(get(base), op.i32(4 * tiling.to))),
      this.#tiles(tiling, [set(table, get(start)), set(to, get(out)), this.#tile(tiling.vectors)]),
    ]);
    const blocks = this.#blocks([set(start, get(table)), passes, step(base, this.#blockBytes()), this.#nextSingles()]);
    return [set(table, get(2)), set(base, get(1)), this.#restart(), blocks];
  }

  #blocks(body: Code): Code {
    const { outputs, share } = this.#sums.table;
    return op.repeat(this.#local.block, outputs / share, body);
  }

  #blockBytes(): number {
    return 4 * this.#sums.out.stride * this.#sums.table.share;
  }

  #nextBlock(): Code {
    return [step(this.#local.to, this.#blockBytes()), this.#nextSingles()];
  }

  #restart(): Code {
    return this.#singles((pointer, parameter) => set(pointer, get(parameter)));
  }

  #nextSingles(): Code {
    return this.#singles((pointer) => step(pointer, 4 * this.#sums.table.share));
  }

  #singles(code: (pointer: number, parameter: number) => Code): Code {
    return this.#sums.beside.map(({ per }, i) => (per === 'output' ? code(this.#single[i] as number, 3 + i) : []));
  }

  #tiles({ loops }: Tiling, body: Code): Code {
    const { x, out } = this.#local;
    const level = (depth: number): Code => {
      const loop = loops[depth];
      if (loop === undefined) return body;
      const inner = loops[depth + 1] ?? { count: 0, from: 0, to: 0 };
      return op.repeat(this.#builder.i32(), loop.count, [
        level(depth + 1),
        step(x, 4 * (loop.from - inner.count * inner.from)),
        step(out, 4 * (loop.to - inner.count * inner.to)),
      ]);
    };
    return level(0);
  }

  /** One tile of one block of outputs; the table's pointer moves to the next block. */
  #tile(vectors: readonly TileVector[]): Code {
    const { table, end, at, x } = this.#local;
    const { share } = this.#sums.table;
    const entry = 4 * (1 + share);
    const sum = (r: number, t: number): number => this.#sum[r]?.[t] as number;
    const rows = Array.from({ length: share }, (_, r) => r);
    const begin = rows.map((r) => [
      set(sum(r, 0), vec.loadSplat(get(table), 4 + 4 * r)),
      vectors.slice(1).map((_, t) => set(sum(r, t + 1), get(sum(r, 0)))),
    ]);
    const products = vectors.map(({ from }, t) => [
      set(this.#value, op.load(get(at), 4 * from)),
      rows.map((r) =>
        set(sum(r, t), multiplyAdd(this.#dialect, get(sum(r, t)), get(this.#value), get(this.#weights[r] as number))),
      ),
    ]);
    const body = [
      set(at, op.add(get(x), op.loadI32(get(table)))),
      rows.map((r) => set(this.#weights[r] as number, vec.loadSplat(get(table), 4 + 4 * r))),
      inGroups(products, LOADED_AT_ONCE).map((group, i) => [i > 0 ? fence(at, i) : [], group]),
      step(table, entry),
    ];
    return [
      set(end, op.loadI32(get(table))),
      begin,
      step(table, entry),
      entriesUntil(table, get(end), body),
      rows.map((r) => vectors.map((vector, t) => this.#store(vector, r, sum(r, t)))),
    ];
  }

  #store({ to, lanes }: TileVector, r: number, sum: number): Code {
    const offset = 4 * (to + r * this.#sums.out.stride);
    const value = expressionCode(this.#sums.finish, {
      scratch: this.#builder,
      operand: (index) => {
        if (index < 0) return get(sum);
        return this.#sums.beside[index]?.per === 'output'
          ? vec.loadSplat(get(this.#single[index] as number), 4 * r)
          : op.load(op.add(get(this.#local.to), get(3 + index)), offset);
      },
      pick: () => [],
    });
    return op.store(get(this.#local.to), lanes === 4 ? value : vec.and(value, vec.lanes(lanes)), offset);
  }
}
