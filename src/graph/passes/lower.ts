import { byOperator, operatorKey } from '../../ir/access.ts';
import type { Model, Node } from '../../ir/model.ts';
import { GraphBuilder } from '../builder.ts';
import type { Captured } from '../captured.ts';
import { formOf, type NodeForm } from '../node-form.ts';
import { vocabulary } from '../vocabulary.ts';
import { attentions } from './lower/attention.ts';
import { framing } from './lower/framing.ts';
import { fused } from './lower/fused.ts';
import { losses } from './lower/losses.ts';
import type { Lowering, LoweringContext } from './lower/lowering.ts';
import { regions } from './lower/regions.ts';
import { sampling } from './lower/sampling.ts';
import { transforms } from './lower/transforms.ts';

/** The rewritings by family. */
export const LOWERING_FAMILIES: Readonly<Record<string, readonly Lowering[]>> = {
  fused,
  attention: attentions,
  sampling,
  regions,
  transforms,
  framing,
  losses,
};

/** Every rewriting, by {@link operatorKey}. */
export const LOWERINGS: ReadonlyMap<string, Lowering> = byOperator(LOWERING_FAMILIES);

/** Why a node of a composite operator is not rewritten by {@link lowerComposites}; undefined = it is, or is no such operator. */
export function loweringRefusal(form: NodeForm): string | undefined {
  return LOWERINGS.get(operatorKey(form.node))?.refuses?.(form);
}

/**
 * Rewrites composite operators (fused ones of onnxruntime, attention, sampling, spectra) as plain ones of ai.onnx, for which gradient
 * rules exist. Names of inputs, outputs and constants stay, so weights stay weights. Forms that a rewriting refuses, nodes
 * inside subgraphs, and nodes of half floats are left as they are.
 *
 * @param model     of ai.onnx 17 or later (see liftOpset)
 * @param captured  shapes and types of a run of this model
 * @param anyBatch  rewrites only what then holds for other batch sizes than that of the run; default: all
 * @returns         a model that computes the same up to rounding; the same object if nothing is rewritten
 * Cost: one pass over the nodes; weights are shared. Idempotent.
 */
export function lowerComposites(model: Model, captured: Captured, anyBatch = false): Model {
  const { graph } = model;
  const at = { captured, constants: graph.constants };
  const lowerable = (node: Node): Lowering | undefined => {
    const lowering = LOWERINGS.get(operatorKey(node));
    if (lowering === undefined || typeOf(captured, node) === undefined) return undefined;
    if (anyBatch && lowering.anyBatch !== true) return undefined;
    return lowering.refuses?.(formOf(at, node)) === undefined ? lowering : undefined;
  };
  if (!graph.nodes.some(lowerable)) return model;
  const builder = new GraphBuilder(graph);
  builder.nodes.length = 0;
  for (const node of graph.nodes) {
    const lowering = lowerable(node);
    if (lowering === undefined) builder.nodes.push(node);
    else {
      const type = typeOf(captured, node) as 'float32' | 'float64';
      const opset = model.opsets.get('') ?? 17;
      lowerNode(builder, lowering, {
        ...vocabulary({ builder, type }),
        ...formOf(at, node),
        opset,
        type,
        typeOf: (value) => graph.constants.get(value)?.type ?? captured.get(value)?.type,
      });
    }
  }
  return { ...model, graph: { ...graph, nodes: builder.nodes, constants: builder.constants } };
}

function typeOf(captured: Captured, node: Node): 'float32' | 'float64' | undefined {
  const type = captured.get(node.outputs[0] ?? '')?.type;
  return type === 'float32' || type === 'float64' ? type : undefined;
}

/** Emits a node's plain form; what it yields gets the names of the node's outputs. */
function lowerNode(builder: GraphBuilder, lowering: Lowering, at: LoweringContext): void {
  const start = builder.nodes.length;
  const values = lowering.lower(at);
  const emitted = builder.nodes.splice(start);
  const made = new Set(emitted.flatMap(({ outputs }) => outputs));
  const names = new Map<string, string>();
  at.y.forEach((y, i) => {
    const value = values[i] ?? '';
    if (y === '' || value === '') return;
    if (made.has(value) && !names.has(value)) names.set(value, y);
    else emitted.push({ name: '', op: 'Identity', domain: '', inputs: [value], outputs: [y], attributes: new Map() });
  });
  const renamed = (list: readonly string[]): string[] => list.map((name) => names.get(name) ?? name);
  for (const node of emitted) {
    const own = { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    builder.nodes.push({ ...own, name: own.outputs.includes(at.y[0] as string) ? at.node.name : '' });
  }
}
