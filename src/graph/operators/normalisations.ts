import { MICROSOFT, type OperatorFacts, type ParameterFacts } from './operator.ts';

const SCALE: ParameterFacts = { input: 1, role: 'scale' };
const SCALE_AND_SHIFT: readonly ParameterFacts[] = [SCALE, { input: 2, role: 'shift' }];

/** Parameters along axis 1. */
const OF_CHANNELS = { rule: 'normalised', channels: 1 } as const;
/** Parameters along the last axis, or the last ones. */
const OF_FEATURES = { rule: 'normalised', channels: -1 } as const;
const BARE = { rule: 'normalised' } as const;

/** Operators that bring numbers to one mean, size or range, along axes of theirs. */
export const normalisations: readonly OperatorFacts[] = [
  {
    op: 'BatchNormalization',
    parameters: [...SCALE_AND_SHIFT, { input: 3, role: 'mean' }, { input: 4, role: 'variance' }],
    axes: OF_CHANNELS,
  },
  { op: 'InstanceNormalization', parameters: SCALE_AND_SHIFT, axes: OF_CHANNELS },
  { op: 'GroupNormalization', parameters: SCALE_AND_SHIFT, axes: OF_CHANNELS },
  { op: 'LayerNormalization', parameters: SCALE_AND_SHIFT, axes: OF_FEATURES },
  { op: 'RMSNormalization', parameters: [SCALE], axes: OF_FEATURES },
  { op: 'SimplifiedLayerNormalization', parameters: [SCALE], axes: OF_FEATURES },
  {
    op: 'SkipLayerNormalization',
    domain: MICROSOFT,
    parameters: [
      { input: 2, role: 'scale' },
      { input: 3, role: 'shift' },
      { input: 4, role: 'bias' },
    ],
    axes: OF_FEATURES,
  },
  {
    op: 'SkipSimplifiedLayerNormalization',
    domain: MICROSOFT,
    parameters: [
      { input: 2, role: 'scale' },
      { input: 3, role: 'bias' },
    ],
    axes: OF_FEATURES,
  },
  { op: 'LpNormalization', axes: BARE },
  { op: 'MeanVarianceNormalization', axes: BARE },
];
