import type { Expression } from '../expression/expression.ts';
import { FUNCTIONS } from '../expression/functions.ts';
import type { MemoryPlan } from './memory.ts';
import type { Buffer, Combine, Dots, Halving, Nest, Step, Sums } from './step.ts';

const STARTS: Record<Combine, number> = {
  add: 0,
  mul: 1,
  max: Number.NEGATIVE_INFINITY,
  atLeast: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
  maxInt: -(2 ** 31),
  minInt: 2 ** 31 - 1,
  addInt: 0,
};

/** Memory that is looked at element by element, within the buffer that is meant or not at all. */
export class CheckedMemory {
  readonly numbers: Float64Array;
  readonly #plan: MemoryPlan;

  constructor(plan: MemoryPlan) {
    this.#plan = plan;
    this.numbers = new Float64Array(plan.elements);
  }

  #at(buffer: Buffer, element: number): number {
    if (element < 0 || element >= buffer.elements)
      throw new Error(`element ${element} of "${buffer.name}", which has ${buffer.elements}`);
    return (this.#plan.places.get(buffer) as number) + element;
  }

  read(buffer: Buffer, element: number): number {
    if (buffer.data !== undefined) {
      const found = buffer.data[element];
      if (found === undefined) throw new Error(`element ${element} of the constant "${buffer.name}"`);
      return found;
    }
    return this.numbers[this.#at(buffer, element)] as number;
  }

  write(buffer: Buffer, element: number, value: number): void {
    this.numbers[this.#at(buffer, element)] = value;
  }
}

/** The definition of steps, in scalars: what their kernels are tested against. Every access is checked. */
export function interpret(steps: readonly Step[], memory: CheckedMemory): void {
  for (const step of steps) {
    if (step.kind === 'nest') nest(step, memory);
    else if (step.kind === 'sums') sums(step, memory);
    else if (step.kind === 'dots') dots(step, memory);
    else halving(step, memory);
  }
}

function value(
  expression: Expression,
  read: (index: number) => number,
  pick: (operand: number, elements: number) => number,
): number {
  switch (expression.kind) {
    case 'operand':
      return read(expression.index);
    case 'number':
      return expression.value;
    case 'pick': {
      const index = Math.min(Math.max(value(expression.index, read, pick), 0), expression.count - 1);
      return pick(expression.operand, index * expression.stride);
    }
    case 'apply': {
      const scalar: (...args: number[]) => number = FUNCTIONS[expression.fn].scalar;
      return scalar(...expression.args.map((arg) => value(arg, read, pick)));
    }
  }
}

function each(counts: readonly number[], visit: (at: readonly number[]) => void): void {
  const at = counts.map(() => 0);
  const loop = (depth: number): void => {
    if (depth === counts.length) visit(at);
    else
      for (at[depth] = 0; (at[depth] as number) < (counts[depth] as number); (at[depth] as number)++) loop(depth + 1);
  };
  loop(0);
}

function nest({ counts, reduced, combine, out, operands, map, finish }: Nest, memory: CheckedMemory): void {
  const outer = counts.slice(0, counts.length - reduced);
  const inner = counts.slice(counts.length - reduced);
  each(outer, (i) => {
    const read =
      (at: readonly number[]) =>
      (index: number, more = 0) => {
        const { buffer, offset, strides } = operands[index] as Nest['out'];
        return memory.read(buffer, at.reduce((sum, x, loop) => sum + x * (strides[loop] as number), offset) + more);
      };
    let total = STARTS[combine];
    each(inner, (r) => {
      const of = read([...i, ...r]);
      total = FUNCTIONS[combine].scalar(total, value(map, of, of));
    });
    const of = read(i);
    const element = i.reduce((sum, x, loop) => sum + x * (out.strides[loop] as number), out.offset);
    const result = reduced === 0 ? value(map, of, of) : value(finish, (x) => (x < 0 ? total : of(x)), of);
    memory.write(out.buffer, element, result);
  });
}

function weightedSum(
  { table, x }: Sums | Dots | Halving,
  { memory, output, from }: { readonly memory: CheckedMemory; readonly output: number; readonly from: number },
): number {
  const { weights, bias, channels, taps, channelStride, groups, groupStride, outputs } = table;
  const positions = channels * taps.length;
  const group = Math.floor((output * groups) / outputs);
  let total = bias[output] as number;
  for (let p = 0; p < positions; p++) {
    const w = weights[output * positions + p] as number;
    if (w === 0) continue;
    const channel = Math.floor(p / taps.length);
    const offset = (taps[p % taps.length] as number) + channel * channelStride + group * groupStride;
    total += w * memory.read(x.buffer, x.offset + from + offset);
  }
  return total;
}

function finished(
  { finish, beside }: Sums | Dots | Halving,
  {
    memory,
    output,
    to,
    sum,
  }: { readonly memory: CheckedMemory; readonly output: number; readonly to: number; readonly sum: number },
): number {
  const read = (index: number): number => {
    if (index < 0) return sum;
    const { buffer, offset, per } = beside[index] as Sums['beside'][number];
    return memory.read(buffer, offset + (per === 'output' ? output : to));
  };
  return value(finish, read, () => 0);
}

function sums(step: Sums, memory: CheckedMemory): void {
  const { table, tilings, out } = step;
  for (const { vectors, loops, from, to } of tilings)
    each(
      loops.map(({ count }) => count),
      (at) => {
        const moved = (side: 'from' | 'to'): number =>
          at.reduce((sum, i, loop) => sum + i * (loops[loop]?.[side] as number), 0);
        for (let output = 0; output < table.outputs; output++)
          for (const vector of vectors)
            for (let lane = 0; lane < 4; lane++) {
              const place = to + moved('to') + vector.to + lane + output * out.stride;
              const read = { memory, output, from: from + moved('from') + vector.from + lane };
              const isWanted = lane < vector.lanes;
              const sum = isWanted ? weightedSum(step, read) : 0;
              const result = isWanted ? finished(step, { memory, output, to: place, sum }) : 0;
              memory.write(out.buffer, out.offset + place, result);
            }
      },
    );
}

function dots(step: Dots, memory: CheckedMemory): void {
  for (let output = 0; output < step.table.outputs; output++) {
    const to = output * step.out.stride;
    const sum = weightedSum(step, { memory, output, from: 0 });
    memory.write(step.out.buffer, step.out.offset + to, finished(step, { memory, output, to, sum }));
  }
}

function halving(step: Halving, memory: CheckedMemory): void {
  const { table, height, width, rows, block, batch, out } = step;
  each([batch.count, table.outputs, height, 4 * Math.ceil(width / 4)], ([n = 0, output = 0, row = 0, column = 0]) => {
    const to =
      n * batch.to +
      output * out.stride +
      Math.floor(row / block.rows) * block.stride +
      (row % block.rows) * rows.to +
      column;
    const from = n * batch.from + 2 * (row * rows.from + column);
    const isWanted = column < width;
    const sum = isWanted ? weightedSum(step, { memory, output, from }) : 0;
    const result = isWanted ? finished(step, { memory, output, to, sum }) : 0;
    memory.write(out.buffer, out.offset + to, result);
  });
}
