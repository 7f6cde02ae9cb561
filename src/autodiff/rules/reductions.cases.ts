import { away, between, distinct, type GradientCase, type Sampled } from '../../../test/gradient-check.ts';
import { type AttributeLike, intsAttribute, node } from '../../ir/access.ts';
import { int64 } from '../../tensor/tensor.ts';

const SAMPLES: Readonly<Record<string, (dims: readonly number[]) => Sampled>> = {
  ReduceSum: (dims) => ({ dims }),
  ReduceMean: (dims) => ({ dims }),
  ReduceMax: distinct,
  ReduceMin: distinct,
  ReduceProd: (dims) => ({ dims, draw: between(0.5, 1.5) }),
  ReduceL1: (dims) => ({ dims, draw: away([0]) }),
  ReduceL2: (dims) => ({ dims }),
  ReduceSumSquare: (dims) => ({ dims }),
  ReduceLogSum: (dims) => ({ dims, draw: between(0.5, 3) }),
  ReduceLogSumExp: (dims) => ({ dims }),
};

const FORMS: readonly { dims: readonly number[]; attrs: Readonly<Record<string, AttributeLike>> }[] = [
  { dims: [3, 4, 5], attrs: { axes: [1] } },
  { dims: [3, 4, 5], attrs: { axes: [-1, 0], keepdims: 0 } },
  { dims: [3, 4, 5], attrs: {} },
  { dims: [3, 4], attrs: { keepdims: 0 } },
];

/** The same node with axes as an attribute, and as an input; ReduceSum has taken an input since 13, the others since 18. */
function forms(op: string, { dims, attrs }: (typeof FORMS)[number]): GradientCase[] {
  const data = (SAMPLES[op] as (typeof SAMPLES)[string])(dims);
  const axes = intsAttribute(node(op, [], [], attrs), 'axes');
  if (axes === undefined) return [{ op, inputs: [data], attrs }];
  const rest = Object.fromEntries(Object.entries(attrs).filter(([name]) => name !== 'axes'));
  const newer: GradientCase = {
    op,
    inputs: [data, int64(axes)],
    attrs: rest,
    opsets: op === 'ReduceSum' ? [17, 24] : [18, 24],
  };
  return op === 'ReduceSum' ? [newer] : [newer, { op, inputs: [data], attrs, opsets: [17] }];
}

/** Reductions: operators x axes (attribute, input, all, none) x keepdims. */
export const reductionCases: readonly GradientCase[] = [
  ...Object.keys(SAMPLES).flatMap((op) => FORMS.flatMap((form) => forms(op, form))),
  { op: 'ReduceSum', inputs: [[3, 4]], attrs: { noop_with_empty_axes: 1 } },
  { op: 'ReduceSum', inputs: [[3, 4], int64([])], attrs: { noop_with_empty_axes: 1 } },
  { op: 'ReduceSum', inputs: [[3, 4], int64([])] },
  { op: 'ReduceMean', inputs: [[3, 4], int64([])], attrs: { noop_with_empty_axes: 1 }, opsets: [18, 24] },
  { op: 'ReduceMax', inputs: [distinct([3, 4])], attrs: { noop_with_empty_axes: 1 }, opsets: [18, 24] },
];
