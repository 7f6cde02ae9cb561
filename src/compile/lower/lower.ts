import { UnsupportedOpError } from '../../errors/errors.ts';
import { byOperator, feedsOf, operatorKey } from '../../ir/access.ts';
import type { Frozen } from '../frozen.ts';
import type { Operation, Value } from '../operation.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LINEAR } from './linear.ts';
import { elementOf, Lowering, labelOf, NotCovered } from './lowering.ts';
import { QUANTISED } from './quantised.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTIONS } from './reductions.ts';
import { RESIZING } from './resizing.ts';
import { SHAPE } from './shape.ts';

const LOWERINGS = byOperator({ LINEAR, ELEMENTWISE, REDUCTIONS, SHAPE, RESIZING, RECURRENT, QUANTISED });

/** Operators that can be compiled, in the order of the alphabet. */
export const COVERED_OPERATORS: readonly string[] = [...LOWERINGS.keys()].sort();

/** A graph as operations, and the values that callers feed and get. */
export interface Lowered {
  readonly operations: readonly Operation[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

interface Problem {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/**
 * Writes a graph in the few operations that kernels are made for.
 *
 * @throws UnsupportedOpError  naming every node that is not covered, all at once
 */
export function lower({ model: { graph }, captured }: Frozen): Lowered {
  const to = new Lowering(graph, captured);
  const problems: Problem[] = [];
  const inputs = feedsOf(graph).flatMap(({ name }) => {
    const found = captured.get(name);
    try {
      if (found === undefined) throw new NotCovered('its shape is not known');
      const value: Value = { name, element: elementOf(found.type), dims: found.dims };
      to.define(name, value);
      return [value];
    } catch (cause) {
      problems.push({ node: name, op: 'input', reason: reasonOf(cause) });
      return [];
    }
  });
  const broken = new Set<string>(problems.map(({ node }) => node));
  for (const node of graph.nodes) {
    const lowering = LOWERINGS.get(operatorKey(node));
    const reason = lowering === undefined ? 'the operator is not covered' : undefined;
    if (reason === undefined && node.inputs.some((name) => broken.has(name))) {
      for (const name of node.outputs) broken.add(name);
      continue;
    }
    try {
      if (reason !== undefined) throw new NotCovered(reason);
      lowering?.lower(node, to);
    } catch (cause) {
      problems.push({ node: labelOf(node), op: operatorKey(node), reason: reasonOf(cause) });
      for (const name of node.outputs) broken.add(name);
    }
  }
  if (problems.length > 0) throw refusal(problems);
  return { operations: to.operations, inputs, outputs: graph.outputs.map(({ name }) => to.value(name)) };
}

function reasonOf(cause: unknown): string {
  if (cause instanceof NotCovered) return cause.message;
  throw cause;
}

function refusal(problems: readonly Problem[]): UnsupportedOpError {
  const list = problems.map(({ node, op, reason }) => `node "${node}" (${op}): ${reason}`).join('; ');
  return new UnsupportedOpError(`Cannot compile the model: ${list}`, { fields: { nodes: problems } });
}
