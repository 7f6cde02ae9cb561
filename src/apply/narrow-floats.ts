import { numberToHalf } from '../data/half.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { widenConstant } from '../graph/passes/widen-floats.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { DataType, TensorData } from '../tensor/tensor.ts';

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

function castConstant(constant: Constant, type: DataType): Constant {
  if (type === constant.type) return constant;
  const { dims, data } = tensorOf(constant);
  return constantOf({ type, dims, data: cast(data as Float32Array, type) });
}

function cast(values: Float32Array, type: DataType): TensorData {
  if (type === 'float64') return new Float64Array(values);
  const bits = new Uint16Array(values.length);
  const bitsOf = type === 'bfloat16' ? numberToBrain : numberToHalf;
  const most = type === 'float16' ? LARGEST_HALF : Number.POSITIVE_INFINITY;
  for (let i = 0; i < bits.length; i++) {
    const x = values[i] as number;
    bits[i] = bitsOf(Number.isFinite(x) ? Math.max(-most, Math.min(most, x)) : x);
  }
  return bits;
}

const SCRATCH = new DataView(new ArrayBuffer(4));

/** The 16 bits of the nearest bfloat16: ties to even. */
function numberToBrain(value: number): number {
  SCRATCH.setFloat32(0, value);
  const bits = SCRATCH.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
