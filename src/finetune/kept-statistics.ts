import type { Captured } from '../graph/captured.ts';
import { statisticsInputs } from '../graph/operators/table.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** Whether a node is a batch normalisation that sees one value of each channel in a run: less its mean it is nothing, and it has no variance. */
export function seesSingleValues(node: Node, captured: Captured): boolean {
  if (statisticsInputs(node).length === 0) return false;
  const dims = captured.get(node.inputs[0] ?? '')?.dims ?? [];
  return sizeOf(dims) < 2 * (dims[1] ?? 1);
}

/** The sentence for normalisations whose statistics stay as they were; undefined where there is none. */
export function keptStatistics(kept: number): string | undefined {
  if (kept === 0) return undefined;
  const [layers, them] = kept === 1 ? ['layer', 'its'] : ['layers', 'their'];
  return `batch statistics of ${kept} normalisation ${layers} are kept as they were: a run has one value of each of ${them} channels, which says nothing about a variance`;
}

/** The same of a graph, by the shapes of one run. */
export function keptStatisticsOf({ nodes }: Graph, captured: Captured): string | undefined {
  return keptStatistics(nodes.filter((node) => seesSingleValues(node, captured)).length);
}
