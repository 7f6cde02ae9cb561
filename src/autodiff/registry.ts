import type { Node } from '../ir/model.ts';
import type { GradientRule } from './rule.ts';
import { activations } from './rules/activations.ts';
import { arithmetic } from './rules/arithmetic.ts';
import { convolution } from './rules/convolution.ts';
import { linear } from './rules/linear.ts';
import { normalization } from './rules/normalization.ts';
import { pooling } from './rules/pooling.ts';
import { shaping } from './rules/shaping.ts';

/** Every gradient rule, by operator of ai.onnx. */
export const RULES: ReadonlyMap<string, GradientRule> = new Map(
  [activations, arithmetic, convolution, linear, normalization, pooling, shaping].flat().map((rule) => [rule.op, rule]),
);

/** Operators through which nothing flows back: their outputs are integers, shapes, or constant almost everywhere. */
const ZERO_GRADIENT = new Set([
  'ArgMax', 'ArgMin', 'Ceil', 'Constant', 'ConstantOfShape', 'Equal', 'EyeLike', 'Floor', 'Greater', 'GreaterOrEqual', 'IsInf', 'IsNaN',
  'Less', 'LessOrEqual', 'NonZero', 'Not', 'OneHot', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Range',
  'Round', 'Shape', 'Sign', 'Size',
]);

/** Whether an operator passes no gradient to any input. */
export function isZeroGradient(node: Node): boolean {
  return node.domain === '' && ZERO_GRADIENT.has(node.op);
}

/** The rule of a node's operator, if there is one. */
export function ruleOf(node: Node): GradientRule | undefined {
  return node.domain === '' ? RULES.get(node.op) : undefined;
}
