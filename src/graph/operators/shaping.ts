import type { OperatorFacts } from './operator.ts';

/** Operators that lay the same elements out in another way, or take some of them. */
export const shaping: readonly OperatorFacts[] = [
  { op: 'Transpose', axes: { rule: 'permuted' }, keepsElements: true },
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'].map(
    (op): OperatorFacts => ({ op, axes: { rule: 'reshaped' }, keepsElements: true }),
  ),
  { op: 'Slice', axes: { rule: 'cut' }, keepsElements: true },
  { op: 'Split', axes: { rule: 'cut' }, keepsElements: true },
  { op: 'Tile', axes: { rule: 'cut' }, keepsElements: true },
  { op: 'Pad', axes: { rule: 'cut' } },
  { op: 'DepthToSpace', axes: { rule: 'windowed', passes: [0] } },
  { op: 'SpaceToDepth', axes: { rule: 'windowed', passes: [0] } },
  { op: 'Concat', axes: { rule: 'joined', axis: 0 } },
  { op: 'Gather', axes: { rule: 'picked', axis: 0 }, keepsElements: true },
];
