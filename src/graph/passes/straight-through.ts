import type { Graph, Model, Node } from '../../ir/model.ts';
import { GraphBuilder } from '../builder.ts';
import type { Captured } from '../captured.ts';
import { dequantisation, isLinearOperator, WHOLE_RANGES } from '../quantised.ts';

/** Parts of a step that the distance from the unrounded value is told in: so fine that float32 has no more digits. */
const PARTS = 2 ** 22;

/**
 * Writes activations that QuantizeLinear and DequantizeLinear round so that gradients pass: as the value between the ends of the range, plus
 * its distance to the rounded one by way of a Round, which ends gradients. Values stay what they are; their gradient is that of the
 * value without rounding, and 0 beyond the ends (the straight-through estimate; Bengio et al. 2013, with saturation).
 *
 * @param captured  types of a run of this model
 * @returns         the same object where nothing is rounded, or not by one constant scale
 * Cost: six nodes for each DequantizeLinear.
 */
export function straightThrough(model: Model, captured: Captured): Model {
  const found = roundedActivations(model.graph, captured);
  if (found.size === 0) return model;
  const builder = new GraphBuilder(model.graph);
  builder.nodes.length = 0;
  for (const node of model.graph.nodes) {
    const rounding = found.get(node);
    if (rounding === undefined) builder.nodes.push(node);
    else emit(builder, node, rounding);
  }
  return { ...model, graph: { ...model.graph, nodes: builder.nodes, constants: builder.constants } };
}

interface Rounding {
  /** The value before it is rounded. */
  readonly x: string;
  readonly least: number;
  readonly most: number;
  readonly scale: number;
}

/** The nodes that make real numbers of what was rounded by the same scale just before, of values that data changes. */
function roundedActivations(graph: Graph, captured: Captured): Map<Node, Rounding> {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
  const found = new Map<Node, Rounding>();
  for (const node of graph.nodes) {
    const [whole = '', scale, zero] = node.inputs;
    const rounder = makers.get(whole);
    if (
      !isLinearOperator(node, 'DequantizeLinear') ||
      rounder === undefined ||
      !isLinearOperator(rounder, 'QuantizeLinear')
    )
      continue;
    const [x = '', sameScale, sameZero] = rounder.inputs;
    if (scale !== sameScale || zero !== sameZero || graph.constants.has(x)) continue;
    const rounding = roundingOf(graph, node, captured);
    if (rounding !== undefined) found.set(node, { x, ...rounding });
  }
  return found;
}

function roundingOf(graph: Graph, node: Node, captured: Captured): Omit<Rounding, 'x'> | undefined {
  const stored = captured.get(node.inputs[0] ?? '');
  const quantisation = stored && dequantisation(node, stored, (name) => graph.constants.get(name));
  const range = stored && WHOLE_RANGES[stored.type];
  const isSingle = captured.get(node.outputs[0] ?? '')?.type === 'float32';
  if (quantisation?.scale.length !== 1 || range === undefined || !isSingle) return undefined;
  const [scale, zero] = [quantisation.scale[0] as number, quantisation.zero[0] as number];
  return { scale, least: (range[0] - zero) * scale, most: (range[1] - zero) * scale };
}

function emit(builder: GraphBuilder, node: Node, { x, least, most, scale }: Rounding): void {
  const [y = ''] = node.outputs;
  const rounded = builder.fresh(`${y}~rounded`);
  builder.nodes.push({ ...node, outputs: [rounded] });
  const inside = builder.emit('Clip', [x, builder.scalar(least), builder.scalar(most)]);
  const parts = builder.scalar(PARTS / scale);
  const distance = builder.emit('Mul', [builder.emit('Sub', [rounded, inside]), parts]);
  const still = builder.emit('Div', [builder.emit('Round', [distance]), parts]);
  builder.nodes.push({ name: '', op: 'Add', domain: '', inputs: [inside, still], outputs: [y], attributes: new Map() });
}
