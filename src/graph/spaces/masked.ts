import { constantOf } from '../../ir/access.ts';
import type { Constant, Model, Node } from '../../ir/model.ts';
import type { DataType } from '../../tensor/tensor.ts';
import type { Atom } from './atoms.ts';
import { keptOf, type Spaces } from './spaces.ts';

/**
 * The model as it is, but for zeros wherever a node sums over positions that are to go: what the model without them has to agree with.
 */
export function masked(model: Model, { walk }: Spaces, gone: ReadonlySet<Atom>): Model {
  const { graph } = model;
  const constants = new Map(graph.constants);
  const masks = new Map<Node, { input: number; mask: string; value: string }[]>();
  for (const [i, { node, input, axis }] of walk.reads.entries()) {
    const value = node.inputs[input] as string;
    const labels = walk.of(value)[axis] ?? null;
    const kept = keptOf(walk, labels, gone);
    if (labels === null || kept === null || kept.length === labels.length) continue;
    const mask = `coppice_mask_${i}`;
    const rank = walk.dims(value)?.length ?? 0;
    constants.set(mask, maskOf(kept, labels.length, { axes: rank - axis, type: walk.type(value) }));
    masks.set(node, [...(masks.get(node) ?? []), { input, mask, value }]);
  }
  const nodes = graph.nodes.flatMap((node) => {
    const own = masks.get(node);
    if (own === undefined) return node;
    const inputs = [...node.inputs];
    const products = own.map(({ input, mask, value }): Node => {
      const name = `${mask}_product`;
      inputs[input] = name;
      return { name: '', op: 'Mul', domain: '', inputs: [value, mask], outputs: [name], attributes: new Map() };
    });
    return [...products, { ...node, inputs }];
  });
  return { ...model, graph: { ...graph, nodes, constants } };
}

/** Ones at the positions that stay, with axes of one element behind them. */
function maskOf(kept: readonly number[], length: number, { axes, type }: { axes: number; type: DataType }): Constant {
  const { make, one } = ONES[type] ?? FLOAT;
  const data = make(length);
  for (const position of kept) data[position] = one;
  return constantOf({ type, dims: [length, ...Array.from({ length: axes - 1 }, () => 1)], data });
}

const FLOAT = { make: (n: number) => new Float32Array(n), one: 1 };
/** One, as it is stored. */
const ONES: Partial<Record<DataType, { make: (n: number) => Float32Array | Float64Array | Uint16Array; one: number }>> =
  {
    float64: { make: (n) => new Float64Array(n), one: 1 },
    float16: { make: (n) => new Uint16Array(n), one: 0x3c00 },
    bfloat16: { make: (n) => new Uint16Array(n), one: 0x3f80 },
  };
