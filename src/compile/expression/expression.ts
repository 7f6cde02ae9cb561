import type { Element } from './element.ts';
import type { FunctionName } from './functions.ts';

/** What is computed of one element of each operand. Shared parts are the same object. */
export type Expression =
  | { readonly kind: 'operand'; readonly index: number }
  | { readonly kind: 'number'; readonly value: number; readonly element: Element }
  | { readonly kind: 'apply'; readonly fn: FunctionName; readonly args: readonly Expression[] }
  /** The element of an operand that lies `index * stride` elements on, index held within [0, count). */
  | {
      readonly kind: 'pick';
      readonly operand: number;
      readonly index: Expression;
      readonly count: number;
      /** Axis of the operand that the index goes along, from the end: -1 is the last. Resolved to a stride by the schedule. */
      readonly stride: number;
    };

/** The element of an operand. */
export function operand(index: number): Expression {
  return { kind: 'operand', index };
}

/** A float constant. */
export function number(value: number): Expression {
  return { kind: 'number', value, element: 'f32' };
}

/** An integer constant. */
export function integer(value: number): Expression {
  return { kind: 'number', value, element: 'i32' };
}

/** A function of expressions. */
export function apply(fn: FunctionName, ...args: readonly Expression[]): Expression {
  return { kind: 'apply', fn, args };
}

/** Rewrites operands; parts that were shared stay shared. */
export function replaceOperands(
  expression: Expression,
  replace: (index: number) => Expression,
  pickFrom: (index: number) => number,
): Expression {
  const done = new Map<Expression, Expression>();
  const visit = (part: Expression): Expression => {
    const found = done.get(part) ?? rewritten(part);
    done.set(part, found);
    return found;
  };
  const rewritten = (part: Expression): Expression => {
    if (part.kind === 'operand') return replace(part.index);
    if (part.kind === 'apply') return { ...part, args: part.args.map(visit) };
    if (part.kind === 'pick') return { ...part, operand: pickFrom(part.operand), index: visit(part.index) };
    return part;
  };
  return visit(expression);
}

/** All different parts of an expression, itself last. */
export function partsOf(expression: Expression): ReadonlySet<Expression> {
  const seen = new Set<Expression>();
  const visit = (part: Expression): void => {
    if (seen.has(part)) return;
    if (part.kind === 'apply') part.args.forEach(visit);
    if (part.kind === 'pick') visit(part.index);
    seen.add(part);
  };
  visit(expression);
  return seen;
}

/** Whether an operand is read by an index. */
export function isPicked(expression: Expression, index: number): boolean {
  return [...partsOf(expression)].some((part) => part.kind === 'pick' && part.operand === index);
}

/** Text for people: `max(x0 * x1, 0)`. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'operand':
      return `x${expression.index}`;
    case 'number':
      return String(expression.value);
    case 'pick':
      return `x${expression.operand}[${printExpression(expression.index)}]`;
    case 'apply':
      return `${expression.fn}(${expression.args.map(printExpression).join(', ')})`;
  }
}
