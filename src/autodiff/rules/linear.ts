import { floatAttribute, intAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, RuleContext } from '../rule.ts';

/** The matrix transpose of the last two axes. */
function transposed({ transpose }: RuleContext, value: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm[rank - 1] = rank - 2;
  perm[rank - 2] = rank - 1;
  return transpose(value, perm);
}

/**
 * Y = A B, batched and broadcast as numpy does.   dA = sumTo(A, dY B')   dB = sumTo(B, A' dY)
 * A one-dimensional operand counts as a row (left) or a column (right).
 */
const matMul: GradientRule = {
  op: 'MatMul', since: [9, 13], linearity: 'multilinear',
  backward: (at) => {
    const { x: [a, b], dy: [dy], needs, emit, reshape } = at;
    const left = at.shape(0).length === 1 ? [1, ...at.shape(0)] : at.shape(0);
    const right = at.shape(1).length === 1 ? [...at.shape(1), 1] : at.shape(1);
    const outer = broadcastBatch(left.slice(0, -2), right.slice(0, -2));
    const full = [...outer, left.at(-2) as number, right.at(-1) as number];
    const asMatrix = (name: string, dims: readonly number[], own: readonly number[]): string => (own.length === dims.length ? name : reshape(name, dims));
    const d = full.length === at.outShape(0).length ? (dy as string) : reshape(dy as string, full);
    const back = (value: string, input: number, dims: readonly number[], from: readonly number[]): string => {
      const summed = sumBatch(at, value, from, dims);
      return dims.length === at.shape(input).length ? summed : reshape(summed, at.shape(input));
    };
    const A = asMatrix(a as string, left, at.shape(0));
    const B = asMatrix(b as string, right, at.shape(1));
    return [
      needs(0) ? back(emit('MatMul', d, transposed(at, B, right.length)), 0, left, [...outer, ...left.slice(-2)]) : null,
      needs(1) ? back(emit('MatMul', transposed(at, A, left.length), d), 1, right, [...outer, ...right.slice(-2)]) : null,
    ];
  },
  perSample: (at, input) => {
    if (at.shape(input).length !== 2 || at.shape(1 - input).length < 2) return null;
    if (input === 1) return outerRows(at, at.x[0] as string, at.dy[0] as string);
    // Y[..., out, t] = W[out, in] X[..., in, t]
    const [rank, lead] = [at.shape(1).length, at.shape(1)[0] ?? 1];
    const product = at.emit('MatMul', at.dy[0] as string, transposed(at, at.x[1] as string, rank));
    return at.sum(at.reshape(product, [lead, -1, ...at.shape(0)].map((d) => (d === -1 ? sizeOf(at.shape(1).slice(1, -2)) : d))), [1]);
  },
};

/** x: [b, ..., in], dy: [b, ..., out] -> [b, in, out] */
function outerRows(at: RuleContext, x: string, dy: string): string {
  const [lead, input, output] = [at.shape(0)[0] as number, at.shape(0).at(-1) as number, at.outShape(0).at(-1) as number];
  const inner = sizeOf(at.shape(0)) / lead / input;
  if (inner === 1) return at.emit('Mul', at.reshape(x, [lead, input, 1]), at.reshape(dy, [lead, 1, output]));
  return at.emit('MatMul', at.transpose(at.reshape(x, [lead, inner, input]), [0, 2, 1]), at.reshape(dy, [lead, inner, output]));
}

function broadcastBatch(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    return p === 1 ? q : p;
  });
}

function sumBatch(at: RuleContext, value: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = from.flatMap((d, i) => (i < lead || (to[i - lead] === 1 && d !== 1 && i < from.length - 2) ? [i] : []));
  return axes.length === 0 ? value : at.reshape(at.sum(value, axes, true), to);
}

/** Y = alpha op(A) op(B) + beta C.   dA = alpha dY op(B)'   dB = alpha op(A)' dY   dC = beta sumTo(C, dY), each transposed as its operand is */
const gemm: GradientRule = {
  op: 'Gemm', since: [7, 9, 11, 13], linearity: 'multilinear',
  backward: ({ node, x: [a, b], dy: [dy], needs, emit, unbroadcast, scalar }) => {
    const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
    const alpha = node.attributes.get('alpha') ?? 1;
    const scaled = (attrs: { transA: number; transB: number }): object => (alpha === 1 ? attrs : { ...attrs, alpha });
    const d = dy as string;
    const beta = floatAttribute(node, 'beta', 1);
    return [
      needs(0) ? (transA ? emit('Gemm', b as string, d, scaled({ transA: transB, transB: 1 }) as never) : emit('Gemm', d, b as string, scaled({ transA: 0, transB: 1 - transB }) as never)) : null,
      needs(1) ? (transB ? emit('Gemm', d, a as string, scaled({ transA: 1, transB: transA }) as never) : emit('Gemm', a as string, d, scaled({ transA: 1 - transA, transB: 0 }) as never)) : null,
      needs(2) ? unbroadcast(beta === 1 ? d : emit('Mul', d, scalar(beta)), 2) : null,
    ];
  },
  perSample: (at, input) => {
    const { node, x: [a], dy: [dy], emit, reshape, scalar } = at;
    const [beta, alpha] = [floatAttribute(node, 'beta', 1), floatAttribute(node, 'alpha', 1)];
    const [lead, output] = at.outShape(0) as [number, number];
    if (intAttribute(node, 'transA', 0) !== 0 || input === 0) return null;
    if (input === 2) {
      if (at.shape(2).length !== 1 || at.shape(2)[0] !== output) return null;
      return beta === 1 ? (dy as string) : emit('Mul', dy as string, scalar(beta));
    }
    const features = at.shape(0)[1] as number;
    const d = alpha === 1 ? (dy as string) : emit('Mul', dy as string, scalar(alpha));
    return intAttribute(node, 'transB', 0) !== 0
      ? emit('Mul', reshape(d, [lead, output, 1]), reshape(a as string, [lead, 1, features]))
      : emit('Mul', reshape(a as string, [lead, features, 1]), reshape(d, [lead, 1, output]));
  },
};

/** Rules of matrix products. */
export const linear: readonly GradientRule[] = [matMul, gemm];
