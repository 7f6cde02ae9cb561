import { byOperator, operatorKey } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { convolutions } from './convolutions.ts';
import { elementwise } from './elementwise.ts';
import { normalisations } from './normalisations.ts';
import type { AxisFacts, OperatorFacts, WeightFacts } from './operator.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { recurrent } from './recurrent.ts';
import { shaping } from './shaping.ts';

/** What is known of operators, by {@link operatorKey}. */
export const OPERATORS: ReadonlyMap<string, OperatorFacts> = byOperator({
  convolutions,
  products,
  recurrent,
  normalisations,
  elementwise,
  shaping,
  pooling,
});

/** An operator by its name and domain: a node is one. */
export type Named = Pick<Node, 'op' | 'domain'>;

const UNKNOWN: Omit<OperatorFacts, 'op'> = {};

/** What is known of a node's operator: nothing of one that the table does not have. */
export function factsOf(node: Named): Omit<OperatorFacts, 'op'> {
  return OPERATORS.get(operatorKey(node)) ?? UNKNOWN;
}

/** How a node uses one of its inputs as a weight; undefined where it does not. */
export function weightAt(node: Named, input: number): WeightFacts | undefined {
  return factsOf(node).weights?.find((weight) => weight.input === input);
}

/** The rule of a node's axes; undefined where none is known. */
export function axisRule(node: Named): AxisFacts['rule'] | undefined {
  return factsOf(node).axes?.rule;
}

/** Whether a node is a convolution in any form. */
export function isConvolution(node: Named): boolean {
  return factsOf(node).weights?.[0]?.axes.form === 'kernels';
}

/** Whether a node's elements are those of its first input in another layout, each once. */
export function isRelayout(node: Named): boolean {
  const rule = axisRule(node);
  return rule === 'permuted' || rule === 'reshaped';
}

/** Whether a node is a relayout, or writes the elements of its first input in another type, or as they are. */
export function isCopy(node: Named): boolean {
  return isRelayout(node) || (axisRule(node) === 'elementwise' && factsOf(node).keepsElements === true);
}

/** The inputs of a node that hold means and variances which were measured, in their order. */
export function statisticsInputs(node: Named): number[] {
  const measured = factsOf(node).parameters?.filter(({ role }) => role === 'mean' || role === 'variance');
  return measured?.map(({ input }) => input) ?? [];
}
