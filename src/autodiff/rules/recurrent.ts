import type { GradientRule, RuleContext } from '../rule.ts';
import { refusedActivation } from './recurrent/activation.ts';
import { gruCell, lstmCell, plainCell } from './recurrent/cells.ts';
import {
  type Direction,
  directionsOf,
  flip,
  isReversed,
  refusedForm,
  type StepGradients,
  sizesOf,
} from './recurrent/layer.ts';

type Cell = (at: RuleContext, direction: Direction) => StepGradients;

/** A direction and what its steps yield. */
interface Stepped extends StepGradients {
  readonly direction: Direction;
}

/** Both directions, stepped back through once for all inputs that ask. */
function stepped(at: RuleContext, cell: Cell, functions: readonly string[]): Stepped[] {
  const given = at.y.map((_, output) => (at.hasDy(output) ? at.dy[output] : ''));
  return at.once(`${at.y.join()} back from ${given.join()}`, () =>
    directionsOf(at, functions).map((direction) => ({ direction, ...cell(at, direction) })),
  );
}

/** [T, B, n] -> [rows, T B / rows, n]: the samples of a row with all their steps. */
function byRows(at: RuleContext, value: string, { n, rows }: { n: number; rows: number }): string {
  const { T, B } = sizesOf(at);
  if (rows === 1) return at.reshape(value, [1, T * B, n]);
  const apart = at.transpose(at.reshape(value, [T, rows, B / rows, n]), [1, 0, 2, 3]);
  return at.reshape(apart, [rows, (T * B) / rows, n]);
}

/** The gradient of W, R or B (inputs 1 to 3) in rows: [rows, ...shape]. */
function weightRows(
  at: RuleContext,
  parts: readonly Stepped[],
  { input, rows }: { input: number; rows: number },
): string {
  const { I, H } = sizesOf(at);
  const gates = at.shape(1)[1] as number;
  const product = (left: string, n: number, right: string, m: number): string =>
    at.emit('MatMul', at.transpose(byRows(at, left, { n, rows }), [0, 2, 1]), byRows(at, right, { n: m, rows }));
  const of = ({ dA, dU, direction, reset }: Stepped): string => {
    if (input === 1) return product(dA, gates, direction.X, I);
    if (input === 3) {
      const sums = [dA, dU].map((value) => at.sum(byRows(at, value, { n: gates, rows }), [1]));
      return at.emit('Concat', ...sums, { axis: 1 });
    }
    if (reset === undefined) return product(dU, gates, direction.before, H);
    const [first, last] = at.emitAll('Split', 2, dU, at.ints([gates - H, H]), { axis: -1 }) as [string, string];
    return at.emit('Concat', product(first, gates - H, direction.before, H), product(last, H, reset, H), { axis: 1 });
  };
  const own = at.shape(input).slice(1);
  return at.emit('Concat', ...parts.map((part) => at.reshape(of(part), [rows, 1, ...own])), { axis: 1 });
}

/** dX = the sum over directions of dA W, in the order of the input's steps. */
function inputGradient(at: RuleContext, parts: readonly Stepped[]): string {
  const all = parts.map(({ dA, direction }, d) => {
    const own = at.emit('MatMul', dA, direction.W);
    return isReversed(at, d) ? flip(at, own, direction.sizes) : own;
  });
  return all.length === 1 ? (all[0] as string) : at.emit('Add', ...all);
}

/**
 * A recurrent layer, h = cell(X W' + b, h R' + b), in one or two directions.
 *   dA, dU: cotangents of the two sums, by going back through the steps (Scan)
 *   dX = dA W   dW = sum over steps of dA' X   dR = dU' h-   dB = dA and dU   dh0, dc0: what arrives before the first step
 * The h of all steps are the output; gates are computed again, all steps at once. Samples lie along axis 1.
 */
function recurrent(op: string, cell: Cell, functions: readonly string[]): GradientRule {
  return {
    op,
    since: [7, 14, 22],
    linearity: 'smooth',
    refuses: (form) => refusedForm(form) ?? refusedActivation(form),
    backward: (at) => {
      const parts = stepped(at, cell, functions);
      const stack = (values: readonly string[]): string => {
        const { B, H } = sizesOf(at);
        return at.emit('Concat', ...values.map((value) => at.reshape(value, [1, B, H])), { axis: 0 });
      };
      const weight = (input: number): string | null =>
        at.needs(input) ? at.reshape(weightRows(at, parts, { input, rows: 1 }), at.shape(input)) : null;
      return [
        at.needs(0) ? inputGradient(at, parts) : null,
        ...[1, 2, 3].map(weight),
        null,
        at.needs(5) ? stack(parts.map(({ dh }) => dh)) : null,
        at.needs(6) && op === 'LSTM' ? stack(parts.map(({ dc }) => dc)) : null,
      ];
    },
    separates: (_, input) => input >= 1 && input <= 3,
    rows: (at, input, rows) => weightRows(at, stepped(at, cell, functions), { input, rows }),
    sampleAxes: { input: 1, outputs: [2, 1, 1] },
  };
}

/** Rules of recurrent layers. */
export const recurrence: readonly GradientRule[] = [
  recurrent('LSTM', lstmCell, ['Sigmoid', 'Tanh', 'Tanh']),
  recurrent('GRU', gruCell, ['Sigmoid', 'Tanh']),
  recurrent('RNN', plainCell, ['Tanh']),
];
