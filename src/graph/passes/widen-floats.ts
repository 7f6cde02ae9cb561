import { constantOf, tensorOf } from '../../ir/access.ts';
import type { Attribute, Constant, Graph, Model, Node, ValueInfo } from '../../ir/model.ts';
import { halvesAsNumbers } from '../../tensor/half.ts';
import type { DataType } from '../../tensor/tensor.ts';

/** Float types that are rewritten, and their numbers in attributes. */
interface Kinds {
  readonly types: ReadonlySet<DataType | null>;
  readonly numbers: ReadonlySet<number>;
}

const HALVES: Kinds = { types: new Set<DataType | null>(['float16', 'bfloat16']), numbers: new Set([10, 16]) };
const ALL: Kinds = { types: new Set<DataType | null>([...HALVES.types, 'float64']), numbers: new Set([10, 16, 11]) };
const FLOAT32 = 1;
/** Attributes that name an element type. */
const TYPE_ATTRIBUTES = new Set(['to', 'dtype', 'output_dtype']);

/**
 * Rewrites a model of half floats (float16, bfloat16) in float32: constants, inputs and outputs, and the types that
 * nodes name. Gradients need the range: products of half floats vanish below 6e-8.
 *
 * @returns a model that computes the same in more digits, with names unchanged; the same object if it has no half floats
 * Cost: one pass; twice the memory of the constants that were half floats. Idempotent.
 */
export function widenFloats(model: Model): Model {
  const graph = widenGraph(model.graph, HALVES);
  return graph === model.graph ? model : { ...model, graph };
}

/**
 * {@link widenFloats}, and float64 too becomes float32: a model to train, whose weights go back by {@link narrowLike}.
 *
 * @returns the same object if all its floats are float32
 */
export function asFloat32(model: Model): Model {
  const graph = widenGraph(model.graph, ALL);
  return graph === model.graph ? model : { ...model, graph };
}

function widenGraph(graph: Graph, kinds: Kinds): Graph {
  const info = (value: ValueInfo): ValueInfo => widenInfo(value, kinds);
  const [nodes, inputs, outputs, valueInfo] = [
    mapped(graph.nodes, (node) => widenNode(node, kinds)),
    mapped(graph.inputs, info),
    mapped(graph.outputs, info),
    mapped(graph.valueInfo, info),
  ];
  const narrow = [...graph.constants].filter(([, constant]) => kinds.types.has(constant.type));
  const constants =
    narrow.length === 0
      ? graph.constants
      : new Map([...graph.constants, ...narrow.map(([name, c]) => [name, widenConstant(c)] as const)]);
  const same =
    nodes === graph.nodes && inputs === graph.inputs && outputs === graph.outputs && valueInfo === graph.valueInfo;
  return same && constants === graph.constants ? graph : { ...graph, nodes, inputs, outputs, valueInfo, constants };
}

/** The same list where nothing changes. */
function mapped<T>(list: readonly T[], change: (item: T) => T): readonly T[] {
  const changed = list.map(change);
  return changed.some((item, i) => item !== list[i]) ? changed : list;
}

/** What came with the old type in the file is left behind. */
function widenInfo(info: ValueInfo, { types }: Kinds): ValueInfo {
  return types.has(info.type) ? { name: info.name, type: 'float32', shape: info.shape } : info;
}

function widenNode(node: Node, kinds: Kinds): Node {
  const entries = mapped([...node.attributes], (entry): [string, Attribute] => {
    const attribute = widenAttribute(entry[0], entry[1], kinds);
    return attribute === entry[1] ? entry : [entry[0], attribute];
  });
  return entries.every(([name, attribute]) => node.attributes.get(name) === attribute)
    ? node
    : { ...node, attributes: new Map(entries) };
}

function widenAttribute(name: string, attribute: Attribute, kinds: Kinds): Attribute {
  switch (attribute.kind) {
    case 'int':
      return TYPE_ATTRIBUTES.has(name) && kinds.numbers.has(Number(attribute.value))
        ? { kind: 'int', value: FLOAT32 }
        : attribute;
    case 'tensor':
      return kinds.types.has(attribute.value.type)
        ? { kind: 'tensor', value: widenConstant(attribute.value) }
        : attribute;
    case 'graph': {
      const value = widenGraph(attribute.value, kinds);
      return value === attribute.value ? attribute : { kind: 'graph', value };
    }
    case 'graphs': {
      const value = mapped(attribute.value, (graph) => widenGraph(graph, kinds));
      return value === attribute.value ? attribute : { kind: 'graphs', value };
    }
    default:
      return attribute;
  }
}

/** A float constant in float32: exact for half floats, rounded for float64, and no finite number becomes infinite. */
export function widenConstant(constant: Constant): Constant {
  const tensor = tensorOf(constant);
  const data = halvesAsNumbers(tensor) ?? rounded(tensor.data as Float64Array);
  return constantOf({ type: 'float32', dims: tensor.dims, data });
}

const LARGEST = 3.4028234663852886e38;

function rounded(values: Float64Array): Float32Array {
  const single = new Float32Array(values);
  for (let i = 0; i < single.length; i++)
    if (Math.abs(single[i] as number) > LARGEST && Number.isFinite(values[i]))
      single[i] = Math.sign(values[i] as number) * LARGEST;
  return single;
}
