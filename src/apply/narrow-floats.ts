import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { widenConstant } from '../graph/passes/widen-floats.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { DataType } from '../tensor/tensor.ts';
import { constantLike } from './stored-numbers.ts';

/** The largest half float. */
const LARGEST_HALF = 65504;

/**
 * The weights of a float32 model in the types of the model that it was made from ({@link asFloat32}), so that the file keeps its
 * types: rounded to the nearest, zeros kept, what is beyond the range of half floats at its end. Constants that were
 * added and inputs that nodes were given with them come along, in the type of the weight beside them.
 *
 * @param original  the model as it was
 * @param single    the same graph in float32, with other weights
 */
export function narrowLike(original: Model, single: Model): Model {
  if (original === single) return single;
  const made = constantsOf(single.graph);
  const kept = constantsOf(original.graph);
  const makers = new Map(single.graph.nodes.map((node) => [node.outputs[0], node]));
  const added = new Map<string, Constant>();
  const nodes = original.graph.nodes.map((node) => {
    const inputs = makers.get(node.outputs[0])?.inputs ?? node.inputs;
    for (const name of inputs.filter((input) => made.has(input) && !kept.has(input)))
      added.set(name, castConstant(made.get(name) as Constant, kept.get(node.inputs[1] ?? '')?.type ?? 'float32'));
    return inputs === node.inputs ? node : { ...node, inputs };
  });
  const replacements = new Map<string, Constant>();
  for (const [name, constant] of kept) {
    const now = made.get(name);
    if (now?.type === 'float32' && now.raw !== constant.raw && !isSame(now, constant))
      replacements.set(name, castConstant(now, constant.type));
  }
  const graph = replaceConstants({ ...original.graph, nodes }, replacements);
  return { ...original, graph: { ...graph, constants: new Map([...graph.constants, ...added]) } };
}

/** Whether a constant is what the original became in float32: then its own digits stay. */
function isSame(now: Constant, constant: Constant): boolean {
  if (constant.type === 'float32') return false;
  const was = tensorOf(widenConstant(constant)).data as Float32Array;
  return (tensorOf(now).data as Float32Array).every((x, i) => Object.is(x, was[i]));
}

/** In another float type; what is finite stays so. */
function castConstant(constant: Constant, type: DataType): Constant {
  if (type === constant.type) return constant;
  const numbers = tensorOf(constant).data as Float32Array;
  return constantLike({ ...constant, type }, type === 'float16' ? withinHalf(numbers) : numbers);
}

function withinHalf(numbers: Float32Array): Float32Array {
  return numbers.map((x) => (Number.isFinite(x) ? Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, x)) : x));
}
