import { type Code, op, type WasmFunction } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import type { Halving } from '../schedule/step.ts';
import { expressionCode } from './expression-code.ts';
import { FunctionBuilder } from './function-builder.ts';
import { type Dialect, fence, multiplyAdd } from './sums.ts';

const { get, set } = op;
const step = (local: number, bytes: number): Code => (bytes === 0 ? [] : set(local, op.add(get(local), op.i32(bytes))));

/** Bytes of a plane's weights: where they end, the bias, nine entries of eight bytes. */
const TABLE_BYTES = 80;

/**
 * Code of 3 x 3 convolutions of single planes that move by two. Parameters as of sums. Nine weights stay in registers for a whole plane,
 * and every other element is picked on the way, where sums would want it copied out first.
 */
export function halvingFunction(halving: Halving, dialect: Dialect): WasmFunction {
  return new HalvingWriter(halving, dialect).write();
}

class HalvingWriter {
  readonly #step: Halving;
  readonly #dialect: Dialect;
  readonly #builder: FunctionBuilder;
  readonly #single: readonly number[];
  readonly #local: {
    readonly [name in 'table' | 'x' | 'out' | 'rowFrom' | 'rowTo' | 'from' | 'to' | 'end']: number;
  };
  readonly #weights: readonly number[];
  /** Elements of the input for the weights of one row. */
  readonly #held: readonly number[];
  readonly #sum: number;

  constructor(halving: Halving, dialect: Dialect) {
    this.#step = halving;
    this.#dialect = dialect;
    const builder = new FunctionBuilder(3 + halving.beside.length);
    this.#builder = builder;
    const i32 = (): number => builder.i32();
    const v128 = (): number => builder.v128();
    this.#single = halving.beside.map(i32);
    this.#local = {
      table: i32(),
      x: i32(),
      out: i32(),
      rowFrom: i32(),
      rowTo: i32(),
      from: i32(),
      to: i32(),
      end: i32(),
    };
    this.#weights = Array.from({ length: 9 }, v128);
    this.#held = Array.from({ length: 3 }, v128);
    this.#sum = v128();
  }

  write(): WasmFunction {
    const { table: weights, batch, out, beside } = this.#step;
    const { table, x, out: to } = this.#local;
    const planes = weights.outputs;
    const singles = (code: (pointer: number, parameter: number) => Code): Code =>
      beside.map(({ per }, i) => (per === 'output' ? code(this.#single[i] as number, 3 + i) : []));
    const plane = [
      this.#weights.map((weight, i) => set(weight, vec.loadSplat(get(table), 12 + 8 * i))),
      this.#rows(),
      step(table, TABLE_BYTES),
      step(x, 4 * weights.groupStride),
      step(to, 4 * out.stride),
      singles((pointer) => step(pointer, 4)),
    ];
    const picture = [
      set(table, get(2)),
      singles((pointer, parameter) => set(pointer, get(parameter))),
      op.repeat(this.#builder.i32(), planes, plane),
      step(x, 4 * (batch.from - planes * weights.groupStride)),
      step(to, 4 * (batch.to - planes * out.stride)),
    ];
    return this.#builder.build([set(x, get(0)), set(to, get(1)), op.repeat(this.#builder.i32(), batch.count, picture)]);
  }

  #rows(): Code {
    const { x, out, rowFrom, rowTo } = this.#local;
    const { height, rows, block, table } = this.#step;
    const row = [this.#row(), step(rowFrom, 8 * rows.from), step(rowTo, 4 * rows.to)];
    const [whole, rest] = [Math.floor(height / block.rows), height % block.rows];
    const times = (count: number, body: Code): Code => (count === 0 ? [] : op.repeat(this.#builder.i32(), count, body));
    return [
      set(rowFrom, op.add(get(x), op.i32(4 * (table.taps[0] as number)))),
      set(rowTo, get(out)),
      times(whole, [times(block.rows, row), step(rowTo, 4 * (block.stride - block.rows * rows.to))]),
      times(rest, row),
    ];
  }

  /** A row of the output, vector by vector; the last is stored behind the loop, where fences lead, so that sums are due at each. */
  #row(): Code {
    const { from, to, end, rowFrom, rowTo } = this.#local;
    const { width } = this.#step;
    const vectors = Math.ceil(width / 4);
    const sum = get(this.#sum);
    const taps = (row: number, so: Code): Code => [this.#load(row), set(this.#sum, this.#products(row, so))];
    return [
      set(from, get(rowFrom)),
      set(to, get(rowTo)),
      set(end, op.add(get(to), op.i32(16 * (vectors - 1)))),
      [0x02, 0x40, 0x03, 0x40],
      [taps(0, vec.loadSplat(get(this.#local.table), 4)), fence(from, 0), taps(1, sum), fence(from, 1), taps(2, sum)],
      [get(to), get(end), 0x46, 0x0d, 1],
      [this.#store(4), step(from, 32), step(to, 16), 0x0c, 0],
      [0x0b, 0x0b],
      this.#store(width - 4 * (vectors - 1)),
    ];
  }

  /** A sum and three more products: the elements that are held by the weights of a row of the kernel. */
  #products(row: number, sum: Code): Code {
    const [a, b, c] = this.#held.map(get) as [Code, Code, Code];
    const [u, v, w] = this.#weights.slice(3 * row, 3 * row + 3).map(get) as [Code, Code, Code];
    const fused = (so: Code, x: Code, y: Code): Code => multiplyAdd(this.#dialect, so, x, y);
    if (this.#dialect.fused) return fused(fused(fused(sum, a, u), b, v), c, w);
    // added up first, so that the sum waits for one addition a row, not for three
    return vec.add(sum, fused(fused(vec.mul(a, u), b, v), c, w));
  }

  /** Every other element, four beginning at each column of the kernel. */
  #load(row: number): Code {
    const at = get(this.#local.from);
    const first = 4 * row * this.#step.rows.from;
    const [left, middle, right] = this.#held as [number, number, number];
    return [
      set(left, op.load(at, first)),
      set(right, op.load(at, first + 16)),
      set(middle, vec.shuffle(get(left), get(right), [1, 3, 5, 7])),
      set(left, vec.shuffle(get(left), get(right), [0, 2, 4, 6])),
      set(right, vec.shuffle(get(left), op.load(at, first + 32), [1, 2, 3, 4])),
    ];
  }

  #store(lanes: number): Code {
    const { to } = this.#local;
    const { finish, beside } = this.#step;
    const value = expressionCode(finish, {
      scratch: this.#builder,
      operand: (index) => {
        if (index < 0) return get(this.#sum);
        return beside[index]?.per === 'output'
          ? vec.loadSplat(get(this.#single[index] as number))
          : op.load(op.add(get(to), get(3 + index)));
      },
      pick: () => [],
    });
    return op.store(get(to), lanes === 4 ? value : vec.and(value, vec.lanes(lanes)));
  }
}
