import type { GradientCase } from '../../test/gradient-check.ts';
import { convolutionCases } from './rules/convolution.cases.ts';
import { linearCases } from './rules/linear.cases.ts';

/** The gradient table over the registry; gradients.test.ts runs it. */
export const CASES: readonly GradientCase[] = [...convolutionCases, ...linearCases];
