import type { GradientCase } from '../../test/gradient-check.ts';
import { attentionCases } from './lowered/attention.cases.ts';
import { framingCases } from './lowered/framing.cases.ts';
import { fusedCases } from './lowered/fused.cases.ts';
import { lossCases } from './lowered/losses.cases.ts';
import { regionCases } from './lowered/regions.cases.ts';
import { samplingCases } from './lowered/sampling.cases.ts';
import { transformCases } from './lowered/transforms.cases.ts';
import { activationCases } from './rules/activations.cases.ts';
import { arithmeticCases } from './rules/arithmetic.cases.ts';
import { convTransposeCases } from './rules/conv-transpose.cases.ts';
import { convolutionCases } from './rules/convolution.cases.ts';
import { cuttingCases } from './rules/cutting.cases.ts';
import { elementaryCases } from './rules/elementary.cases.ts';
import { gatheringCases } from './rules/gathering.cases.ts';
import { einsumCases, linearCases } from './rules/linear.cases.ts';
import { normalizationCases } from './rules/normalization.cases.ts';
import { poolingCases } from './rules/pooling.cases.ts';
import { recurrentCases } from './rules/recurrent.cases.ts';
import { reductionCases } from './rules/reductions.cases.ts';
import { resizingCases } from './rules/resizing.cases.ts';
import { shapingCases } from './rules/shaping.cases.ts';

/** The gradient table over the registry; gradients.test.ts runs it. */
export const CASES: readonly GradientCase[] = [
  ...convolutionCases,
  ...convTransposeCases,
  ...linearCases,
  ...einsumCases,
  ...recurrentCases,
  ...normalizationCases,
  ...poolingCases,
  ...activationCases,
  ...elementaryCases,
  ...arithmeticCases,
  ...reductionCases,
  ...shapingCases,
  ...cuttingCases,
  ...gatheringCases,
  ...resizingCases,
  ...fusedCases,
  ...attentionCases,
  ...samplingCases,
  ...transformCases,
  ...regionCases,
  ...framingCases,
  ...lossCases,
];
