import { intAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { apply, type Expression, number, operand } from '../expression/expression.ts';
import type { Value } from '../operation.ts';
import { PLAIN } from './linear.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering } from './lowering.ts';

/** Steps that are written out at most, over both directions. */
const MOST_STEPS = 2048;

interface Cell {
  readonly gates: number;
  readonly activations: readonly string[];
}

const LSTM: Cell = { gates: 4, activations: ['Sigmoid', 'Tanh', 'Tanh'] };
const GRU: Cell = { gates: 3, activations: ['Sigmoid', 'Tanh'] };

/** A recurrent layer in one direction. */
interface Direction {
  readonly node: Node;
  readonly to: Lowering;
  readonly rows: number;
  readonly hidden: number;
  /** [rows, gates * hidden] of each step, in the order in which steps are taken: what the input gives. */
  readonly fed: readonly Value[];
  /** [gates * hidden, hidden] */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly state: Value;
  readonly cell: Value | undefined;
}

interface Last {
  /** [rows, hidden] of each step. */
  readonly states: readonly Value[];
  readonly cell: Value | undefined;
}

function recurrent(op: string, kind: Cell, steps: (direction: Direction) => Last): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const x = to.input(node, 0);
      const [length = 1, rows = 1, inputs = 1] = x.dims;
      const [W, R] = [to.floats(node, 1, 'its weights'), to.floats(node, 2, 'its recurrent weights')];
      const [directions = 1, wide = 1, hidden = 1] = R.dims;
      check(node, to, { kind, length, directions });
      const way = stringAttribute(node, 'direction', 'forward');
      const B = to.has(node, 3) ? to.floats(node, 3, 'its bias').data : new Float32Array(2 * directions * wide);
      const done = Array.from({ length: directions }, (_, d) => {
        const isBackward = way === 'reverse' || d === 1;
        const own = W.data.slice(d * wide * inputs, (d + 1) * wide * inputs);
        const bias = B.slice(2 * d * wide, (2 * d + 1) * wide);
        const all = to.fresh(x.name, [length, rows, wide]);
        to.emit({ kind: 'linear', node: labelOf(node), x, out: all, weights: own, bias, epilogue: PLAIN });
        const order = Array.from({ length }, (_, t) => (isBackward ? length - 1 - t : t));
        const result = steps({
          node,
          to,
          rows,
          hidden,
          fed: order.map((t) => part(node, to, { x: all, axis: 0, at: t, dims: [rows, wide] })),
          weights: R.data.slice(d * wide * hidden, (d + 1) * wide * hidden),
          bias: B.slice((2 * d + 1) * wide, (2 * d + 2) * wide),
          state: begin(node, to, { input: 5, d, rows, hidden }),
          cell: kind === LSTM ? begin(node, to, { input: 6, d, rows, hidden }) : undefined,
        });
        return { ...result, order };
      });
      give(node, to, done, [length, directions, rows, hidden]);
    },
  };
}

function check(
  node: Node,
  to: Lowering,
  { kind, length, directions }: { readonly kind: Cell; readonly length: number; readonly directions: number },
): void {
  const named = node.attributes.get('activations');
  const activations = named?.kind === 'strings' ? named.value : kind.activations;
  if (activations.some((word, i) => word !== kind.activations[i % kind.activations.length]))
    throw new NotCovered('its activations must be the usual ones');
  if (intAttribute(node, 'layout', 0) !== 0) throw new NotCovered('layout must be 0');
  if (node.attributes.has('clip')) throw new NotCovered('clip must be absent');
  if (intAttribute(node, 'input_forget', 0) !== 0) throw new NotCovered('input_forget must be 0');
  if (to.has(node, 7)) throw new NotCovered('peepholes must be absent');
  const lengths = to.ints(node, 4, 'the lengths of its sequences');
  if (lengths?.some((n) => n !== length)) throw new NotCovered('all sequences must have the whole length');
  if (length * directions > MOST_STEPS)
    throw new NotCovered(`its steps must be ${MOST_STEPS} at most, current number is ${length * directions}`);
}

interface Part {
  readonly x: Value;
  readonly axis: number;
  readonly at: number;
  readonly dims: readonly number[];
}

/** A part of a value along one axis; dims are those of the part, that axis left out where it has one element. */
function part(node: Node, to: Lowering, { x, axis, at, dims }: Part): Value {
  const isOne = dims.length < x.dims.length;
  const thin = isOne ? x.dims.map((d, i) => (i === axis ? 1 : d)) : dims;
  const cut = to.fresh(x.name, thin, x.element);
  const starts = x.dims.map((_, i) => (i === axis ? at : 0));
  const how = { kind: 'slice', starts, steps: x.dims.map(() => 1) } as const;
  to.emit({ kind: 'alias', node: labelOf(node), out: cut, x, how });
  return isOne ? to.reshape(node, cut, dims) : cut;
}

/** The state before the first step: given, or zeros. */
function begin(
  node: Node,
  to: Lowering,
  {
    input,
    d,
    rows,
    hidden,
  }: { readonly input: number; readonly d: number; readonly rows: number; readonly hidden: number },
): Value {
  if (!to.has(node, input)) return to.made(labelOf(node), [rows, hidden], new Float32Array(rows * hidden));
  return part(node, to, { x: to.input(node, input), axis: 0, at: d, dims: [rows, hidden] });
}

/** The outputs: all states, the last ones, the last cells. */
function give(
  node: Node,
  to: Lowering,
  done: readonly (Last & { readonly order: readonly number[] })[],
  dims: readonly [length: number, directions: number, rows: number, hidden: number],
): void {
  const [, , rows, hidden] = dims;
  const isRead = (output: number): boolean =>
    to.uses(node.outputs[output] ?? '') > 0 && (node.outputs[output] ?? '') !== '';
  const place = (output: number, parts: readonly { readonly x: Value; readonly starts: readonly number[] }[]): void => {
    const out = to.output(node, output);
    const steps = out.dims.map(() => 1);
    to.emit({ kind: 'place', node: labelOf(node), out, fill: null, parts: parts.map((one) => ({ ...one, steps })) });
  };
  if (isRead(0))
    place(
      0,
      done.flatMap(({ states, order }, d) =>
        states.map((state, i) => ({
          x: to.reshape(node, state, [1, 1, rows, hidden]),
          starts: [order[i] as number, d, 0, 0],
        })),
      ),
    );
  const last = (values: readonly (Value | undefined)[]): { x: Value; starts: number[] }[] =>
    values.map((value, d) => ({ x: to.reshape(node, value as Value, [1, rows, hidden]), starts: [d, 0, 0] }));
  if (isRead(1)) place(1, last(done.map(({ states }) => states.at(-1))));
  if (isRead(2)) place(2, last(done.map(({ cell }) => cell)));
}

const sigmoid = (x: Expression): Expression => apply('sigmoid', x);
const tanh = (x: Expression): Expression => apply('tanh', x);
const sum = (a: number, b: number): Expression => apply('add', operand(a), operand(b));

/** A product with the state. */
function product(
  { node, to, rows }: Direction,
  x: Value,
  { weights, bias }: { readonly weights: Float32Array; readonly bias: Float32Array },
): Value {
  const out = to.fresh(labelOf(node), [rows, bias.length]);
  to.emit({ kind: 'linear', node: labelOf(node), x, out, weights, bias, epilogue: PLAIN });
  return out;
}

/** Gates i, o, f, c: c' = f c + i tanh(c~), h' = o tanh(c'). */
function lstmSteps(direction: Direction): Last {
  const { node, to, fed, rows, hidden, weights, bias } = direction;
  const dims = [rows, hidden];
  let [h, c] = [direction.state, direction.cell as Value];
  const states = fed.map((x) => {
    const r = product(direction, h, { weights, bias });
    const gate = (value: Value, g: number): Value => part(node, to, { x: value, axis: 1, at: g * hidden, dims });
    const next = to.fresh(labelOf(node), dims);
    const kept = apply('mul', sigmoid(sum(0, 1)), operand(6));
    const added = apply('mul', sigmoid(sum(2, 3)), tanh(sum(4, 5)));
    const reads = [gate(x, 2), gate(r, 2), gate(x, 0), gate(r, 0), gate(x, 3), gate(r, 3), c];
    to.map(node, next, reads, apply('add', kept, added));
    const state = to.fresh(labelOf(node), dims);
    to.map(node, state, [gate(x, 1), gate(r, 1), next], apply('mul', sigmoid(sum(0, 1)), tanh(operand(2))));
    [h, c] = [state, next];
    return state;
  });
  return { states, cell: c };
}

/** Gates z, r, h: h' = (1 - z) tanh(x + r h) + z h, the reset before or behind the product. */
function gruSteps(direction: Direction): Last {
  const { node, to, fed, rows, hidden, weights, bias } = direction;
  const isBehind = intAttribute(node, 'linear_before_reset', 0) !== 0;
  const dims = [rows, hidden];
  const split = 2 * hidden;
  const whole = { weights, bias };
  const gates = isBehind ? whole : { weights: weights.slice(0, split * hidden), bias: bias.slice(0, split) };
  const own = { weights: weights.slice(split * hidden), bias: bias.slice(split) };
  let h = direction.state;
  const states = fed.map((x) => {
    const r = product(direction, h, gates);
    const gate = (value: Value, g: number): Value => part(node, to, { x: value, axis: 1, at: g * hidden, dims });
    const inner = to.fresh(labelOf(node), dims);
    if (isBehind) {
      const reset = apply('mul', sigmoid(sum(1, 2)), operand(3));
      to.map(node, inner, [gate(x, 2), gate(x, 1), gate(r, 1), gate(r, 2)], tanh(apply('add', operand(0), reset)));
    } else {
      const kept = to.fresh(labelOf(node), dims);
      to.map(node, kept, [gate(x, 1), gate(r, 1), h], apply('mul', sigmoid(sum(0, 1)), operand(2)));
      to.map(node, inner, [gate(x, 2), product(direction, kept, own)], tanh(sum(0, 1)));
    }
    const state = to.fresh(labelOf(node), dims);
    const z = sigmoid(sum(0, 1));
    const mixed = apply('add', apply('mul', apply('sub', number(1), z), operand(2)), apply('mul', z, operand(3)));
    to.map(node, state, [gate(x, 0), gate(r, 0), inner, h], mixed);
    h = state;
    return state;
  });
  return { states, cell: undefined };
}

/** Recurrent layers, step after step written out. */
export const RECURRENT: readonly OperatorLowering[] = [
  recurrent('LSTM', LSTM, lstmSteps),
  recurrent('GRU', GRU, gruSteps),
];
