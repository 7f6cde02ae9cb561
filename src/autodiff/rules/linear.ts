import { floatAttribute, intAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, NodeForm, RuleContext } from '../rule.ts';
import { sumGroups } from './row-groups.ts';

/** A value and the length of its last axis. */
type Operand = readonly [value: string, length: number];

/** Operands of a matrix product as numpy reads them: a one-dimensional one is a row (left) or a column (right). */
interface Product {
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** Batch dimensions of the result. */
  readonly outer: readonly number[];
}

function productOf({ shape }: NodeForm): Product {
  const left = shape(0).length === 1 ? [1, ...shape(0)] : shape(0);
  const right = shape(1).length === 1 ? [...shape(1), 1] : shape(1);
  const rank = Math.max(left.length, right.length) - 2;
  const outer = Array.from({ length: rank }, (_, i) => {
    const [p, q] = [left[left.length - 2 - rank + i] ?? 1, right[right.length - 2 - rank + i] ?? 1];
    return p === 1 ? q : p;
  });
  return { left, right, outer };
}

function as({ reshape }: RuleContext, value: string, from: readonly number[], to: readonly number[]): string {
  return String(from) === String(to) ? value : reshape(value, to);
}

/** The transpose of the last two axes. */
function transposed({ transpose }: RuleContext, value: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  return transpose(value, perm);
}

/** The gradient of one operand over all batch dimensions: [...outer, rows, columns] of that operand. */
function operandGradient(at: RuleContext, input: number, { left, right, outer }: Product): string {
  const dY = as(at, at.dy[0] as string, at.outShape(0), [...outer, left.at(-2) as number, right.at(-1) as number]);
  const [A, B] = [as(at, at.x[0] as string, at.shape(0), left), as(at, at.x[1] as string, at.shape(1), right)];
  return input === 0
    ? at.emit('MatMul', dY, transposed(at, B, right.length))
    : at.emit('MatMul', transposed(at, A, left.length), dY);
}

/** Batch axes of the result, from `first` on, along which an operand is repeated. */
function repeated({ outer }: Product, dims: readonly number[], first: number): number[] {
  const lead = outer.length - (dims.length - 2);
  return [...outer.keys()].filter((i) => i >= first && (i < lead || (dims[i - lead] === 1 && outer[i] !== 1)));
}

/**
 * Y = A B, batched and broadcast as numpy does.   dA = sumTo(A, dY B')   dB = sumTo(B, A' dY)
 * Rows of a weight: the sum leaves out the first batch axis; for X: [b, in] they are outer products.
 */
const matMul: GradientRule = {
  op: 'MatMul',
  since: [9, 13],
  linearity: 'multilinear',
  backward: (at) => {
    const product = productOf(at);
    return [product.left, product.right].map((dims, input) => {
      if (!at.needs(input)) return null;
      const axes = repeated(product, dims, 0);
      const summed = at.sum(operandGradient(at, input, product), axes);
      const from = [...product.outer.filter((_, i) => !axes.includes(i)), ...dims.slice(-2)];
      return as(at, summed, from, at.shape(input));
    });
  },
  separates: ({ shape, outShape }, input) => {
    const [weight, data] = [shape(input), shape(1 - input)];
    if (weight.length < 2 || data.length !== outShape(0).length) return false;
    if (data.length === 2) return input === 1;
    return weight.length < data.length || weight[0] === 1;
  },
  rows: (at, input, rows) => {
    if (input === 1 && at.shape(1).length === 2) {
      const [inner, outer] = at.shape(1) as [number, number];
      const vectors = sizeOf(at.outShape(0)) / outer;
      return outerRows(at, [at.x[0] as string, inner], [at.dy[0] as string, outer], { rows, vectors });
    }
    const product = productOf(at);
    const [samples, shape] = [product.outer[0] as number, at.shape(input)];
    const gradient = at.sum(operandGradient(at, input, product), repeated(product, shape, 1));
    return sumGroups(at, at.reshape(gradient, [samples, ...shape]), { rows, samples, shape });
  },
};

/** x: [b, ..., in], y: [b, ..., out] -> [rows, in, out]: the sum of outer products over each group of b / rows samples. */
function outerRows(
  { emit, noteOuter, reshape, transpose }: RuleContext,
  [x, input]: Operand,
  [y, output]: Operand,
  { rows, vectors }: { rows: number; vectors: number },
): string {
  const inner = vectors / rows;
  if (inner === 1)
    return noteOuter(emit('Mul', reshape(x, [rows, input, 1]), reshape(y, [rows, 1, output])), {
      left: [x, input],
      right: [y, output],
    });
  return emit('MatMul', transpose(reshape(x, [rows, inner, input]), [0, 2, 1]), reshape(y, [rows, inner, output]));
}

function scaled({ emit, scalar }: RuleContext, value: string, factor: number): string {
  return factor === 1 ? value : emit('Mul', value, scalar(factor));
}

/**
 * Y = alpha op(A) op(B) + beta C.   dA = alpha dY op(B)'   dB = alpha op(A)' dY   dC = beta sumTo(C, dY), each
 * transposed as its operand is. Rows of B: outer products; of C: dY itself.
 */
const gemm: GradientRule = {
  op: 'Gemm',
  since: [7, 9, 11, 13],
  linearity: 'multilinear',
  backward: (at) => {
    const {
      node,
      x: [a, b],
      dy: [dy],
      needs,
      emit,
      unbroadcast,
    } = at;
    const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
    const d = dy as string;
    const alpha = node.attributes.get('alpha');
    const gemmOf = (left: string, right: string, transposes: { transA: number; transB: number }): string =>
      emit('Gemm', left, right, alpha === undefined ? transposes : { ...transposes, alpha });
    const dA = (): string =>
      transA
        ? gemmOf(b as string, d, { transA: transB, transB: 1 })
        : gemmOf(d, b as string, { transA: 0, transB: 1 - transB });
    const dB = (): string =>
      transB
        ? gemmOf(d, a as string, { transA: 1, transB: transA })
        : gemmOf(a as string, d, { transA: 1 - transA, transB: 0 });
    return [
      needs(0) ? dA() : null,
      needs(1) ? dB() : null,
      needs(2) ? unbroadcast(scaled(at, d, floatAttribute(node, 'beta', 1)), 2) : null,
    ];
  },
  separates: ({ node, shape }, input) => {
    if (intAttribute(node, 'transA', 0) !== 0 || input === 0) return false;
    return input === 1 || shape(2).length < 2 || shape(2)[0] === 1;
  },
  rows: (at, input, rows) => {
    const [samples, output] = at.outShape(0) as [number, number];
    const d = scaled(at, at.dy[0] as string, floatAttribute(at.node, input === 2 ? 'beta' : 'alpha', 1));
    if (input === 2) {
      const shape = at.shape(2);
      const each = at.reshape((shape.at(-1) ?? 1) === output ? d : at.sum(d, [1]), [samples, ...shape]);
      return sumGroups(at, each, { rows, samples, shape });
    }
    const operands: [Operand, Operand] = [
      [at.x[0] as string, at.shape(0)[1] as number],
      [d, output],
    ];
    if (intAttribute(at.node, 'transB', 0) !== 0) operands.reverse();
    return outerRows(at, ...operands, { rows, vectors: samples });
  },
};

/** Rules of matrix products. */
export const linear: readonly GradientRule[] = [matMul, gemm];
