import { type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';

/** Matrix products: ranks x broadcasting x transposition; weights on either side. */
export const linearCases: readonly GradientCase[] = [
  { op: 'MatMul', inputs: shapes('4x5 5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('4x6x5 5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('4x2x6x5 5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('3x5 4x5x6'), weights: [0] },
  { op: 'MatMul', inputs: shapes('3x5 4x2x5x6'), weights: [0] },
  { op: 'MatMul', inputs: shapes('4x2x6x5 2x5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('4x2x6x5 1x2x5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('4x2x6x5 1x1x5x3'), weights: [1] },
  { op: 'MatMul', inputs: shapes('4x2x6x5 4x2x5x3') },
  { op: 'MatMul', inputs: shapes('1x2x6x5 4x1x5x3') },
  { op: 'MatMul', inputs: shapes('2x1x6x5 4x5x3') },
  { op: 'MatMul', inputs: shapes('5 5x3') },
  { op: 'MatMul', inputs: shapes('4x5 5') },
  { op: 'MatMul', inputs: shapes('5 5') },
  { op: 'MatMul', inputs: shapes('2x4x5 5') },
  { op: 'MatMul', inputs: shapes('5 2x5x3') },
  { op: 'Gemm', inputs: shapes('4x5 5x3 3'), weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('4x5 5x3'), weights: [1] },
  { op: 'Gemm', inputs: shapes('4x5 3x5 3'), attrs: { transB: 1 }, weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('4x5 3x5 3'), attrs: { transB: 1, alpha: float(0.5), beta: float(2) }, weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('4x5 3x5 1x3'), attrs: { transB: 1, beta: float(-1.5) }, weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('4x5 5x3 1'), weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('4x5 5x3 ()'), weights: [1, 2] },
  { op: 'Gemm', inputs: shapes('5x4 5x3 4x1'), attrs: { transA: 1 } },
  { op: 'Gemm', inputs: shapes('5x4 3x5 4x3'), attrs: { transA: 1, transB: 1, alpha: float(-2) } },
];

/** Einstein sums: contraction, batch, outer product, sums of one term alone, one and three terms, no arrow. */
export const einsumCases: readonly GradientCase[] = (
  [
    ['ij,jk->ik', '3x4 4x5'],
    ['bij, bjk -> bik', '2x3x4 2x4x5'],
    ['bhid,bhjd->bhij', '2x2x3x4 2x2x5x4'],
    ['i,j->ij', '3 4'],
    ['ij,k->ik', '3x4 5'],
    ['ij->ji', '3x4'],
    ['ij->i', '3x4'],
    ['ij,jk,kl->il', '3x4 4x2 2x5'],
    ['ij,jk', '3x4 4x5'],
    ['ij,ij->', '3x4 3x4'],
    ['...ij,...jk->...ik', '2x3x3x4 2x3x4x5'],
    ['...ij,...jk->...ik', '2x1x3x4 1x3x4x5'],
    ['...ij,jk->...ik', '2x3x3x4 4x5'],
    ['b...i,oi->b...o', '2x3x2x4 5x4'],
    ['...,...->...', '2x3 2x3'],
    ['...i,...i', '2x1x4 2x3x4'],
    ['i...j->...ji', '3x2x4x5'],
    ['...ij->...', '2x3x4'],
    ['ii->i', '4x4'],
    ['bii,bj->bij', '2x3x3 2x4'],
    ['iji,j->i', '3x4x3 4'],
  ] as const
).map(([equation, text]) => ({ op: 'Einsum', inputs: shapes(text), attrs: { equation } }));
