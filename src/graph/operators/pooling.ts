import type { OperatorFacts } from './operator.ts';

const POOLS = `AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool`.split(' ');
const SUMS = `ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare`;
const SHARES = ['Softmax', 'LogSoftmax', 'Hardmax', 'CumSum', 'LRN'];

/** Operators that make one number of several along some axes: windows, sums, shares. */
export const pooling: readonly OperatorFacts[] = [
  ...POOLS.map((op): OperatorFacts => ({ op, axes: { rule: 'windowed', passes: [0, 1] } })),
  { op: 'Resize', axes: { rule: 'cut' } },
  ...SUMS.split(' ').map((op): OperatorFacts => ({ op, axes: { rule: 'reduced' } })),
  ...SHARES.map((op): OperatorFacts => ({ op, axes: { rule: 'mixed' } })),
];
