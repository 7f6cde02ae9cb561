import type { GradientCase } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';

/** Matrix products: ranks x broadcasting x transposition; weights on either side. */
export const linearCases: readonly GradientCase[] = [
  {
    op: 'MatMul',
    inputs: [
      [4, 5],
      [5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 6, 5],
      [5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 2, 6, 5],
      [5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [3, 5],
      [4, 5, 6],
    ],
    weights: [0],
  },
  {
    op: 'MatMul',
    inputs: [
      [3, 5],
      [4, 2, 5, 6],
    ],
    weights: [0],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 2, 6, 5],
      [2, 5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 2, 6, 5],
      [1, 2, 5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 2, 6, 5],
      [1, 1, 5, 3],
    ],
    weights: [1],
  },
  {
    op: 'MatMul',
    inputs: [
      [4, 2, 6, 5],
      [4, 2, 5, 3],
    ],
  },
  {
    op: 'MatMul',
    inputs: [
      [1, 2, 6, 5],
      [4, 1, 5, 3],
    ],
  },
  {
    op: 'MatMul',
    inputs: [
      [2, 1, 6, 5],
      [4, 5, 3],
    ],
  },
  { op: 'MatMul', inputs: [[5], [5, 3]] },
  { op: 'MatMul', inputs: [[4, 5], [5]] },
  { op: 'MatMul', inputs: [[5], [5]] },
  { op: 'MatMul', inputs: [[2, 4, 5], [5]] },
  { op: 'MatMul', inputs: [[5], [2, 5, 3]] },
  { op: 'Gemm', inputs: [[4, 5], [5, 3], [3]], weights: [1, 2] },
  {
    op: 'Gemm',
    inputs: [
      [4, 5],
      [5, 3],
    ],
    weights: [1],
  },
  { op: 'Gemm', inputs: [[4, 5], [3, 5], [3]], attrs: { transB: 1 }, weights: [1, 2] },
  {
    op: 'Gemm',
    inputs: [[4, 5], [3, 5], [3]],
    attrs: { transB: 1, alpha: float(0.5), beta: float(2) },
    weights: [1, 2],
  },
  {
    op: 'Gemm',
    inputs: [
      [4, 5],
      [3, 5],
      [1, 3],
    ],
    attrs: { transB: 1, beta: float(-1.5) },
    weights: [1, 2],
  },
  { op: 'Gemm', inputs: [[4, 5], [5, 3], [1]], weights: [1, 2] },
  { op: 'Gemm', inputs: [[4, 5], [5, 3], []], weights: [1, 2] },
  {
    op: 'Gemm',
    inputs: [
      [5, 4],
      [5, 3],
      [4, 1],
    ],
    attrs: { transA: 1 },
  },
  {
    op: 'Gemm',
    inputs: [
      [5, 4],
      [3, 5],
      [4, 3],
    ],
    attrs: { transA: 1, transB: 1, alpha: float(-2) },
  },
];
