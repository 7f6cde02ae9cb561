import { sizeOf } from '../tensor/tensor.ts';
import { apply, type Expression, isPicked, operand, partsOf, replaceOperands } from './expression/expression.ts';
import {
  type ConvOperation,
  type LinearOperation,
  type MapOperation,
  type Operation,
  type Reads,
  type ReduceOperation,
  readBy,
  type Value,
} from './operation.ts';

/** Operands that one kernel reads at most. */
const MOST_OPERANDS = 8;
/** Functions in one expression at most: registers are few. */
const MOST_PARTS = 60;

/**
 * Computes what is read once where it is read: maps within the maps and reductions behind them, and maps in the epilogue of the
 * convolution, product or reduction before them. Outputs unchanged but for rounding.
 *
 * @param outputs  values that callers see
 */
export function fuse(operations: readonly Operation[], outputs: ReadonlySet<Value>): Operation[] {
  const list: (Operation | null)[] = [...operations];
  const readers = readersOf(operations);
  for (let i = 0; i < list.length; i++) {
    const maker = list[i];
    if (!maker || outputs.has(maker.out)) continue;
    const reading = readers.get(maker.out) ?? [];
    const at = reading[0];
    if (at === undefined || reading.some((other) => other !== at)) continue;
    const reader = list[at];
    const joined = reader ? join(maker, reader) : null;
    if (joined === null) continue;
    list[i] = null;
    list[at] = joined;
    for (const value of readBy(maker))
      readers.set(
        value,
        (readers.get(value) ?? []).map((r) => (r === i ? at : r)),
      );
  }
  return list.filter((operation) => operation !== null);
}

function readersOf(operations: readonly Operation[]): Map<Value, number[]> {
  const readers = new Map<Value, number[]>();
  operations.forEach((operation, i) => {
    for (const value of readBy(operation)) readers.set(value, [...(readers.get(value) ?? []), i]);
  });
  return readers;
}

function join(maker: Operation, reader: Operation): Operation | null {
  if (maker.kind === 'map' && (reader.kind === 'map' || reader.kind === 'reduce'))
    return mapInto(maker, reader) ?? (reader.kind === 'reduce' ? dividedAfter(maker, reader) : null);
  if (maker.kind === 'reduce' && reader.kind === 'map') return finishOf(maker, reader);
  if ((maker.kind === 'conv' || maker.kind === 'linear') && reader.kind === 'map') return epilogueOf(maker, reader);
  return null;
}

/** A map within the operation that reads it, where no element is computed twice. */
function mapInto(maker: MapOperation, reader: MapOperation | ReduceOperation): Operation | null {
  const counts = reader.kind === 'reduce' ? [...reader.out.dims, ...reader.over] : reader.out.dims;
  const at = reader.reads.flatMap(({ value }, i) => (value === maker.out ? [i] : []));
  const isOnce = at.every((i) => reader.reads[i]?.axes.every((axis, loop) => axis !== null || counts[loop] === 1));
  const formula = reader.kind === 'reduce' ? reader.map : reader.expression;
  if (!isOnce || at.some((i) => isPicked(formula, i))) return null;
  if (reader.kind === 'reduce' && at.some((i) => uses(reader.finish, i))) return null;
  if (reader.reads.length + maker.reads.length - at.length > MOST_OPERANDS) return null;
  if (partsOf(formula).size + partsOf(maker.expression).size > MOST_PARTS) return null;
  return at.length === 1 ? inlined(maker, reader, at[0] as number) : inlinedTwice(maker, reader, at);
}

/** Sums of shares times something: sums of what was divided, divided once. */
function dividedAfter(maker: MapOperation, reader: ReduceOperation): ReduceOperation | null {
  const { expression, isShare } = maker;
  const { map, combine, reads } = reader;
  if (!isShare || expression.kind !== 'apply' || expression.fn !== 'div' || combine !== 'add') return null;
  if (map.kind !== 'apply' || map.fn !== 'mul' || reads.length !== 2) return null;
  const [above, below] = expression.args;
  if (above?.kind !== 'operand' || below?.kind !== 'operand' || map.args.some(({ kind }) => kind !== 'operand'))
    return null;
  const at = reads.findIndex(({ value }) => value === maker.out);
  const through = reads[at]?.axes as Reads['axes'];
  const read = (index: number): Reads => {
    const { value, axes } = maker.reads[index] as Reads;
    return { value, axes: through.map((axis) => (axis === null ? null : (axes[axis] as number | null))) };
  };
  const divisor = read(below.index);
  const isFixed = divisor.axes.slice(reader.out.dims.length).every((axis) => axis === null);
  if (!isFixed || reads[1 - at]?.value === maker.out) return null;
  const quotient = apply('div', operand(-1), operand(2));
  const finish = replaceOperands(
    reader.finish,
    (i) => (i === -1 ? quotient : operand(i)),
    (i) => i,
  );
  return { ...reader, reads: [...reads.map((one, i) => (i === at ? read(above.index) : one)), divisor], finish };
}

/** A map as the last thing that is done to what a reduction has combined. */
function finishOf(maker: ReduceOperation, reader: MapOperation): ReduceOperation | null {
  const { dims } = maker.out;
  if (reader.out.dims.join() !== dims.join() || reader.out.element !== maker.out.element) return null;
  if (reader.reads.length + maker.reads.length > MOST_OPERANDS) return null;
  const reads = [...maker.reads];
  const places: number[] = [];
  for (const [i, { value, axes }] of reader.reads.entries()) {
    const isOwn = value === maker.out;
    if (isPicked(reader.expression, i) || (isOwn && axes.some((axis, loop) => axis !== loop && dims[loop] !== 1)))
      return null;
    places.push(isOwn ? -1 : reads.push({ value, axes: [...axes, ...maker.over.map(() => null)] }) - 1);
  }
  const finish = replaceOperands(
    reader.expression,
    (i) => (places[i] === -1 ? maker.finish : operand(places[i] as number)),
    (i) => i,
  );
  return { ...maker, node: reader.node, out: reader.out, reads, finish };
}

function uses(expression: Expression, index: number): boolean {
  return (
    [...partsOf(expression)].some((part) => part.kind === 'operand' && part.index === index) ||
    isPicked(expression, index)
  );
}

function inlined(maker: MapOperation, reader: MapOperation | ReduceOperation, at: number): Operation {
  const through = reader.reads[at]?.axes ?? [];
  const kept = reader.reads.filter((_, i) => i !== at);
  const added = maker.reads.map(
    ({ value, axes }): Reads => ({
      value,
      axes: through.map((axis) => (axis === null ? null : (axes[axis] as number | null))),
    }),
  );
  const shift = (index: number): number => (index > at ? index - 1 : index);
  const inner = replaceOperands(
    maker.expression,
    (i) => operand(kept.length + i),
    (i) => kept.length + i,
  );
  const change = (expression: Expression): Expression =>
    replaceOperands(expression, (i) => (i === at ? inner : operand(shift(i))), shift);
  return rewritten(reader, [...kept, ...added], change);
}

/** Where the reader reads the value several times in the same way, it reads it once first. */
function inlinedTwice(
  maker: MapOperation,
  reader: MapOperation | ReduceOperation,
  at: readonly number[],
): Operation | null {
  const [first = 0, ...others] = at;
  const axes = reader.reads[first]?.axes.join();
  if (others.some((i) => reader.reads[i]?.axes.join() !== axes)) return null;
  const places = reader.reads.map((_, i) => (others.includes(i) ? first : i));
  const left = reader.reads.filter((_, i) => !others.includes(i));
  const position = (i: number): number => {
    const target = places[i] as number;
    return target - others.filter((other) => other < target).length;
  };
  const change = (expression: Expression): Expression => {
    const shared = left.map((_, i) => operand(i));
    return replaceOperands(expression, (i) => (i < 0 ? operand(i) : (shared[position(i)] as Expression)), position);
  };
  return inlined(maker, rewritten(reader, left, change), first);
}

function rewritten(
  reader: MapOperation | ReduceOperation,
  reads: readonly Reads[],
  change: (expression: Expression) => Expression,
): MapOperation | ReduceOperation {
  return reader.kind === 'map'
    ? { ...reader, reads, expression: change(reader.expression) }
    : { ...reader, reads, map: change(reader.map), finish: change(reader.finish) };
}

/** A map as the last thing that is done to each sum. */
function epilogueOf(maker: ConvOperation | LinearOperation, reader: MapOperation): Operation | null {
  if (reader.out.dims.join() !== maker.out.dims.join()) return null;
  const channel = maker.kind === 'conv' ? 1 : maker.out.dims.length - 1;
  const beside: Value[] = [...maker.epilogue.beside];
  const places: number[] = [];
  for (const [i, { value, axes }] of reader.reads.entries()) {
    if (isPicked(reader.expression, i) || !isLike(value, axes, maker.out, channel)) return null;
    places.push(value === maker.out ? -1 : beside.push(value) - 1);
  }
  if (beside.length > MOST_OPERANDS) return null;
  const finish = replaceOperands(
    reader.expression,
    (i) => (places[i] === -1 ? maker.epilogue.finish : operand(places[i] as number)),
    (i) => i,
  );
  return { ...maker, node: reader.node, out: reader.out, epilogue: { finish, beside } };
}

/** Whether a value is read element by element, or is a constant with one number for each channel. */
function isLike(value: Value, axes: Reads['axes'], out: Value, channel: number): boolean {
  if (value.dims.join() === out.dims.join() && axes.every((axis, loop) => axis === loop || out.dims[loop] === 1))
    return true;
  return (
    value.constant !== undefined &&
    sizeOf(value.dims) === out.dims[channel] &&
    axes.every((axis, loop) =>
      axis === null ? loop !== channel || out.dims[loop] === 1 : loop === channel || value.dims[axis] === 1,
    )
  );
}
