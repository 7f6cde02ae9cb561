import { byOperator, operatorKey } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import type { GradientRule } from './rule.ts';
import { activations } from './rules/activations.ts';
import { arithmetic } from './rules/arithmetic.ts';
import { transposedConvolution } from './rules/conv-transpose.ts';
import { convolution } from './rules/convolution.ts';
import { cutting } from './rules/cutting.ts';
import { einstein } from './rules/einsum.ts';
import { elementary } from './rules/elementary.ts';
import { gathering } from './rules/gathering.ts';
import { gelus } from './rules/gelu.ts';
import { linear } from './rules/linear.ts';
import { normalization } from './rules/normalization.ts';
import { pooling } from './rules/pooling.ts';
import { recurrence } from './rules/recurrent.ts';
import { reductions } from './rules/reductions.ts';
import { resizing } from './rules/resizing.ts';
import { shaping } from './rules/shaping.ts';
import { smoothActivations } from './rules/smooth-activations.ts';

/** The rules by operator family. */
export const FAMILIES: Readonly<Record<string, readonly GradientRule[]>> = {
  convolution: [...convolution, ...transposedConvolution],
  linear: [...linear, ...einstein],
  recurrent: recurrence,
  normalization,
  pooling,
  activations: [...activations, ...smoothActivations, ...gelus],
  elementary,
  arithmetic,
  reductions,
  shaping,
  cutting,
  gathering,
  resizing,
};

/** Every gradient rule, by {@link operatorKey}. */
export const RULES: ReadonlyMap<string, GradientRule> = byOperator(FAMILIES);

/** Operators through which nothing flows back: their outputs are integers, shapes, or constant almost everywhere. */
const ZERO_GRADIENT = new Set(
  `And ArgMax ArgMin Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Constant ConstantOfShape Equal
   EyeLike Floor Greater GreaterOrEqual Hardmax IsInf IsNaN Less LessOrEqual Multinomial NonMaxSuppression NonZero Not
   OneHot Or RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Round Shape Sign Size Xor`.split(
    /\s+/,
  ),
);

/** Whether an operator passes no gradient to any input. */
export function isZeroGradient(node: Node): boolean {
  return node.domain === '' && ZERO_GRADIENT.has(node.op);
}

/** The rule of a node's operator, if there is one. */
export function ruleOf(node: Node): GradientRule | undefined {
  return RULES.get(operatorKey(node));
}
