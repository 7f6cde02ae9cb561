import type { Node } from '../../ir/model.ts';
import { apply, integer, operand } from '../expression/expression.ts';
import type { Value } from '../operation.ts';
import { convolutionForm, emitConv, PLAIN, transposed } from './linear.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering, scalarOf } from './lowering.ts';

/** Whole numbers below this are exact in f32. */
const EXACT = 2 ** 24;
/** The largest difference of an 8-bit number and its zero point. */
const LARGEST_INPUT = 255;

/** The input less its zero point, as floats. */
function centred(node: Node, to: Lowering): Value {
  const zero = to.has(node, 2) ? scalarOf(to.input(node, 2)) : integer(0);
  if (zero?.kind !== 'number') throw new NotCovered('the zero point of its input must be one constant number');
  const x = to.input(node, 0);
  const out = to.fresh(x.name, x.dims);
  to.map(node, out, [x], apply('toFloat', apply('subInt', operand(0), integer(zero.value))));
  return out;
}

/** The constant weights less their zero point, so small that sums of products are exact. */
function weightsOf(node: Node, to: Lowering, products: (dims: readonly number[]) => number) {
  const { dims, data } = to.floats(node, 1, 'its weights');
  const zero = to.has(node, 3) ? to.floats(node, 3, 'the zero point of its weights').data : Float32Array.of(0);
  if (zero.length !== 1) throw new NotCovered('the zero point of its weights must be one number');
  const weights = data.map((w) => w - (zero[0] as number));
  const largest = weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
  if (products(dims) * largest * LARGEST_INPUT >= EXACT) throw new NotCovered('its sums must stay below 2^24');
  return { dims, weights };
}

const convInteger: OperatorLowering = {
  op: 'ConvInteger',
  lower(node, to) {
    const { dims, weights } = weightsOf(node, to, (all) => all.slice(1).reduce((a, b) => a * b, 1));
    if (dims.length !== 4) throw new NotCovered('pictures must have 2 axes');
    const x = centred(node, to);
    const out = to.output(node);
    const sums = to.fresh(out.name, out.dims);
    emitConv(node, to, {
      x,
      out: sums,
      weights,
      bias: new Float32Array(dims[0] as number),
      ...convolutionForm(node, dims.slice(2), { x, out }),
      epilogue: PLAIN,
    });
    to.map(node, out, [sums], apply('toInt', operand(0)));
  },
};

const matMulInteger: OperatorLowering = {
  op: 'MatMulInteger',
  lower(node, to) {
    const { dims, weights } = weightsOf(node, to, ([k = 1]) => k);
    const [k = 1, n = 1] = dims;
    if (dims.length !== 2) throw new NotCovered('its weights must be a matrix');
    const out = to.output(node);
    const sums = to.fresh(out.name, out.dims);
    const matrix = { weights: transposed(weights, k, n), bias: new Float32Array(n) };
    to.emit({ kind: 'linear', node: labelOf(node), x: centred(node, to), out: sums, ...matrix, epilogue: PLAIN });
    to.map(node, out, [sums], apply('toInt', operand(0)));
  },
};

/** Products of whole numbers, in floats where those are exact. */
export const QUANTISED: readonly OperatorLowering[] = [convInteger, matMulInteger];
