import type { Captured } from '../graph/captured.ts';
import type { AxisFacts } from '../graph/operators/operator.ts';
import { axisRule, factsOf, isCopy, isRelayout } from '../graph/operators/table.ts';
import { intsAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** Where the values of a graph stand among its layers. */
export interface Places {
  /** Whether it depends on an input of the graph through a layer with weights. */
  isBehindLayer(value: string): boolean;
  /** Whether a layer with weights depends on it. */
  isBeforeLayer(value: string): boolean;
  /** Whether it is what a layer with weights gives out, moved at most. */
  isLayerOutput(value: string): boolean;
  /** Whether it is a table of scores on its way into a softmax: products of two values of which neither is constant. */
  isScore(value: string): boolean;
  /** Axis of the channels: 1, or -1 for the last; null where it is not known. */
  channelAxis(value: string): number | null;
}

/** Looks at a graph once in each direction. */
export function placesOf(graph: Graph, captured: Captured): Places {
  const given = new Set(graph.inputs.filter(({ name }) => !graph.constants.has(name)).map(({ name }) => name));
  const dynamic = new Set(given);
  const [behind, outputs, products] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const axes = new Map<string, number | null>();
  const isSmall = (name: string): boolean => sizeOf(captured.get(name)?.dims ?? [2]) === 1;
  for (const node of graph.nodes) {
    const live = node.inputs.filter((name) => dynamic.has(name));
    const isLayer = live.length > 0 && hasWeights(graph, node, live.length);
    for (const y of node.outputs) {
      if (live.length > 0) dynamic.add(y);
      if (isLayer || live.some((name) => behind.has(name))) behind.add(y);
      if (isLayer || (isCopy(node) && outputs.has(node.inputs[0] ?? ''))) outputs.add(y);
      axes.set(y, axisBehind(node, isLayer, axes));
    }
    if (
      isProduct(node, live) ||
      keepsScores(
        node,
        live.filter((name) => !isSmall(name)),
        products,
      )
    )
      products.add(node.outputs[0] ?? '');
  }
  const [before, toSoftmax] = [new Set<string>(), new Set<string>()];
  for (const node of [...graph.nodes].reverse()) {
    const live = node.inputs.filter((name) => dynamic.has(name));
    const isLayer = live.length > 0 && hasWeights(graph, node, live.length);
    const leads = node.op === 'Softmax' || (passes(node) && node.outputs.some((y) => toSoftmax.has(y)));
    for (const x of live) {
      if (isLayer || node.outputs.some((y) => before.has(y))) before.add(x);
      if (leads) toSoftmax.add(x);
    }
  }
  return {
    isBehindLayer: (value) => behind.has(value),
    isBeforeLayer: (value) => before.has(value),
    isLayerOutput: (value) => outputs.has(value),
    isScore: (value) => products.has(value) && toSoftmax.has(value),
    channelAxis: (value) => axes.get(value) ?? null,
  };
}

/**
 * Whether a node mixes its input with weights, so that some of its inputs are no values of the run. Normalisations of channels and
 * tables of embeddings hold what was learnt, too.
 */
function hasWeights({ constants }: Graph, node: Node, live: number): boolean {
  const { weights, axes } = factsOf(node);
  if (axes?.rule === 'picked') return constants.get(node.inputs[0] ?? '')?.type.startsWith('float') ?? false;
  if (weights === undefined && axes?.rule !== 'multiplied' && !isOfChannels(axes)) return false;
  return live < node.inputs.filter((name) => name !== '').length;
}

function isOfChannels(axes: AxisFacts | undefined): boolean {
  return axes?.rule === 'normalised' && axes.channels === 1;
}

function isProduct(node: Node, live: readonly string[]): boolean {
  return axisRule(node) === 'multiplied' && live.length > 1;
}

/** Whether scores stay scores: nothing else that varies, but for scalars, comes into them. */
function keepsScores(node: Node, live: readonly string[], products: ReadonlySet<string>): boolean {
  return passes(node) && live.length > 0 && live.every((name) => products.has(name));
}

function passes(node: Node): boolean {
  return axisRule(node) === 'elementwise' || isRelayout(node);
}

function axisBehind(node: Node, isLayer: boolean, known: ReadonlyMap<string, number | null>): number | null {
  const { axes } = factsOf(node);
  if (axes?.channels !== undefined) return axes.channels;
  if (axes?.rule === 'windowed' && axes.made !== undefined) return axes.made;
  if (isLayer && (axes?.rule === 'multiplied' || axes?.rule === 'picked')) return -1;
  if (axes?.rule === 'reshaped' || axes?.rule === 'multiplied') return null;
  const axis = node.inputs.map((name) => known.get(name)).find((at) => at !== null && at !== undefined) ?? null;
  return axes?.rule === 'permuted' && axis !== null ? moved(axis, intsAttribute(node, 'perm')) : axis;
}

/** Where an axis lies behind a Transpose: as 1 or as the last, else unknown. */
function moved(axis: number, perm: readonly number[] | undefined): number | null {
  if (perm === undefined) return null;
  const at = perm.indexOf((axis + perm.length) % perm.length);
  if (at === perm.length - 1) return -1;
  return at === 1 ? 1 : null;
}
