import { away, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import type { AttributeLike } from '../../ir/access.ts';
import { float32, int64 } from '../../tensor/tensor.ts';

const flat = int64([2, 0, 1, 2]);
const dense = int64([2, 0, 1, 2, 1, 1], [2, 3]);
const weight = float32([0.3, 1.2, 0.7], [3]);
const REDUCTIONS: readonly Readonly<Record<string, AttributeLike>>[] = [
  {},
  { reduction: 'sum' },
  { reduction: 'none' },
  { ignore_index: 1 },
  { ignore_index: 1, reduction: 'none' },
];

/** Losses in a graph: reductions x weights x ignored classes x positions. */
export const lossCases: readonly GradientCase[] = [
  ...REDUCTIONS.flatMap((attrs) => [
    { op: 'NegativeLogLikelihoodLoss', inputs: [[4, 3], flat], attrs },
    { op: 'NegativeLogLikelihoodLoss', inputs: [[2, 3, 3], dense, weight], attrs },
    { op: 'SoftmaxCrossEntropyLoss', inputs: [[4, 3], flat, weight], attrs },
    { op: 'SoftmaxCrossEntropyLoss', inputs: [[2, 3, 3], dense], attrs },
  ]),
  {
    op: 'NegativeLogLikelihoodLoss',
    inputs: [[4, 3], flat, { dims: [3], draw: away([0]) }],
    attrs: { reduction: 'sum' },
  },
  { op: 'SoftmaxCrossEntropyLoss', inputs: [...shapes('4x3'), flat], outputs: 2 },
  {
    op: 'SoftmaxCrossEntropyLoss',
    inputs: [...shapes('4x3'), flat],
    attrs: { ignore_index: -1 },
    outputs: 2,
    cotangents: [1],
  },
];
