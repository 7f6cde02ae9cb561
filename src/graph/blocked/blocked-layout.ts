import type { Model, Node } from '../../ir/model.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Captured } from '../captured.ts';
import { BlockedGraph, type BlockedRequest } from './blocked-graph.ts';
import { HANDLERS } from './handlers.ts';

/**
 * Writes a graph's convolutions, and what lies between them, in onnxruntime's blocked operators.
 *
 * onnxruntime does this itself for filters that are constants and for a few operators in between. Here filters may be
 * inputs (training), and all elementwise operators, batch normalisation in both forms, its gradient and sums over channels
 * stay blocked: in gradient graphs two thirds of the time went into other layouts and the ways between them.
 * Factors and shifts of channels, a residual and Relu become part of the convolution before them where nothing else reads it.
 *
 * Same values up to rounding. A value keeps its name where it is read in plain order. Idempotent. Graphs with subgraphs
 * are left as they are. Cost: one pass over the nodes.
 */
export function blockedLayout(model: Model, request: BlockedRequest): Model {
  const { nodes } = model.graph;
  const nested = nodes.some((node) => [...node.attributes.values()].some((a) => a.kind.startsWith('graph')));
  if (request.block <= 1 || nested || !nodes.some(isConvolution)) return model;
  const at = new BlockedGraph(model, request);
  for (const node of nodes) {
    const handled = node.domain === '' && HANDLERS.get(node.op)?.(node, at) === true;
    if (!handled) at.keep(node);
  }
  return at.build();
}

/** Shapes of a graph's own values, and of the gradients that a builder knows. */
export function knownShapes(
  captured: Captured,
  { shapes }: Pick<GraphBuilder, 'shapes'>,
): Map<string, readonly number[]> {
  return new Map([...[...captured].map(([name, { dims }]) => [name, dims] as const), ...shapes]);
}

function isConvolution({ op, domain }: Node): boolean {
  return op === 'Conv' && domain === '';
}
