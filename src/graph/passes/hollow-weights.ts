import { attributes, constantOf } from '../../ir/access.ts';
import type { Constant, Model, Node } from '../../ir/model.ts';
import { float32, float64, int64, type Tensor } from '../../tensor/tensor.ts';

/** Constants of all the model together from which on it is worth it, and of one of them: bytes. */
const HOLLOW = { model: 2 ** 28, constant: 2 ** 24 } as const;
/** The first opset with ConstantOfShape. */
const SINCE = 9;
/** Operators whose outputs have shapes that depend on floats. */
const STEERED = new Set(['NonZero', 'NonMaxSuppression', 'Unique', 'Compress', 'If', 'Loop', 'Scan', 'SequenceMap']);
const ZEROS: Readonly<Record<string, Tensor>> = {
  float32: float32([0], [1]),
  float64: float64([0], [1]),
  float16: { type: 'float16', dims: [1], data: new Uint16Array(1) },
};

/**
 * The same model with its largest float weights all zero, made when it runs: for runs of which only the shapes are wanted. The
 * runtime then neither reads nor keeps them.
 *
 * @returns  the model itself where it is small, or where shapes depend on what is computed
 */
export function hollowWeights(model: Model, least: { model: number; constant: number } = HOLLOW): Model {
  const { graph } = model;
  const bytes = [...graph.constants.values()].reduce((sum, constant) => sum + bytesOf(constant), 0);
  const isSteered = graph.nodes.some(({ op }) => STEERED.has(op));
  if (bytes < least.model || isSteered || (model.opsets.get('') ?? 0) < SINCE) return model;
  const constants = new Map(graph.constants);
  const makers: Node[] = [];
  for (const [name, constant] of graph.constants) {
    const zero = ZEROS[constant.type];
    if (zero === undefined || bytesOf(constant) < least.constant) continue;
    const shape = freshName(`${name}~shape`, constants);
    constants.delete(name);
    constants.set(shape, constantOf(int64(constant.dims)));
    makers.push(zerosOf(name, shape, zero));
  }
  const inputs = graph.inputs.filter(({ name }) => constants.has(name) || !graph.constants.has(name));
  return { ...model, graph: { ...graph, nodes: [...makers, ...graph.nodes], inputs, constants } };
}

function zerosOf(name: string, shape: string, zero: Tensor): Node {
  const value = { kind: 'tensor', value: constantOf(zero) } as const;
  return {
    name: '',
    op: 'ConstantOfShape',
    domain: '',
    inputs: [shape],
    outputs: [name],
    attributes: attributes({ value }),
  };
}

function bytesOf({ raw }: Constant): number {
  return raw instanceof Uint8Array ? raw.byteLength : 0;
}

function freshName(name: string, taken: ReadonlyMap<string, Constant>): string {
  let fresh = name;
  while (taken.has(fresh)) fresh += '~';
  return fresh;
}
