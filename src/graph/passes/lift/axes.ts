import { intAttribute } from '../../../ir/access.ts';
import type { Node } from '../../../ir/model.ts';
import { type Adapter, exactConstant, exactInts, keep, type Lifting, withInput, without } from './lifting.ts';

/** An ints attribute that became the input at a position: Squeeze(x) {axes} -> Squeeze(x, axes). */
function becameInput(op: string, before: number, attribute: string): Adapter {
  return {
    op,
    before,
    lift: (node, lifting) => {
      const values = exactInts(node, attribute);
      if (values === undefined) return keep(lifting, node);
      const inputs = withInput(node.inputs, 1, exactConstant(lifting, values));
      return keep(lifting, node, { inputs, attributes: without(node, [attribute]) });
    },
  };
}

/** Slice(x) {starts, ends, axes} -> Slice(x, starts, ends, axes). */
const slice: Adapter = {
  op: 'Slice',
  before: 10,
  lift: (node, lifting) => {
    const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => exactInts(node, name));
    if (starts === undefined || ends === undefined) return 'it has no starts or no ends';
    const inputs = [
      node.inputs[0] as string,
      ...[starts, ends, axes ?? starts.map((_, i) => i)].map((values) => exactConstant(lifting, values)),
    ];
    return keep(lifting, node, { inputs, attributes: without(node, ['starts', 'ends', 'axes']) });
  },
};

/** TopK(x) {k} -> TopK(x, k). */
const topK: Adapter = {
  op: 'TopK',
  before: 10,
  lift: (node, lifting) => {
    const inputs = [node.inputs[0] as string, lifting.builder.ints([intAttribute(node, 'k', 1)])];
    return keep(lifting, node, { inputs, attributes: without(node, ['k']) });
  },
};

/** Tile(x, tiles, axis), both scalars -> Tile(x, repeats), one for each dimension. */
const tile: Adapter = {
  op: 'Tile',
  before: 6,
  lift: (node, lifting) => {
    const [x, tiles, axis] = node.inputs as [string, string, string];
    const rank = lifting.known.rank(x);
    const [count, at] = [tiles, axis].map((name) => lifting.known.numbers(name)?.[0]);
    if (rank === undefined || count === undefined || at === undefined)
      return 'its rank, tiles or axis are not constant';
    const repeats = Array.from({ length: rank }, (_, i) => (i === at ? count : 1));
    return keep(lifting, node, { inputs: [x, lifting.builder.ints(repeats)] });
  },
};

/**
 * Softmax before opset 13 flattens to two dimensions at `axis` (default 1) and normalises the second.
 * That is the plain form if only ones follow the axis; else Flatten, Softmax, Reshape back.
 */
function flattening(op: string): Adapter {
  return {
    op,
    before: 13,
    lift: (node, lifting) => {
      const x = node.inputs[0] as string;
      const axis = intAttribute(node, 'axis', 1);
      const plain = plainAxis(lifting, x, axis);
      if (plain !== undefined) return keep(lifting, node, { attributes: without(node, ['axis'], { axis: plain }) });
      const { builder } = lifting;
      const flat = builder.emit('Flatten', [x], { axis });
      const y = builder.emit(op, [flat], { axis: 1 });
      return keep(lifting, node, { op: 'Reshape', inputs: [y, builder.emit('Shape', [x])], attributes: new Map() });
    },
  };
}

function plainAxis({ known }: Lifting, x: string, axis: number): number | undefined {
  if (axis === -1) return -1;
  const rank = known.rank(x);
  if (rank === undefined) return undefined;
  const at = axis < 0 ? axis + rank : axis;
  if (at === rank - 1) return -1;
  const later = known.dims(x)?.slice(at + 1);
  return later?.every((d) => d === 1) ? at : undefined;
}

/** An attribute whose default changed is written out. */
function explicit(op: string, before: number, attribute: string, value: string | number): Adapter {
  return {
    op,
    before,
    lift: (node, lifting) =>
      keep(
        lifting,
        node,
        node.attributes.has(attribute) ? {} : { attributes: without(node, [], { [attribute]: value }) },
      ),
  };
}

/** Element types in the order of their ONNX numbers, as Cast named them before opset 6. */
const CAST_NAMES =
  'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128'.split(
    ' ',
  );

const cast: Adapter = {
  op: 'Cast',
  before: 6,
  lift: (node: Node, lifting) => {
    const to = node.attributes.get('to');
    if (to?.kind !== 'string') return keep(lifting, node);
    const number = CAST_NAMES.indexOf(to.value.toUpperCase());
    return number < 1
      ? `its type "${to.value}" is not known`
      : keep(lifting, node, { attributes: without(node, ['to'], { to: number }) });
  },
};

/** Operators whose attributes became inputs, or whose axis means something else now. */
export const AXES: readonly Adapter[] = [
  becameInput('Squeeze', 13, 'axes'),
  becameInput('Unsqueeze', 13, 'axes'),
  becameInput('ReduceSum', 13, 'axes'),
  becameInput('Split', 13, 'split'),
  becameInput('Reshape', 5, 'shape'),
  slice,
  topK,
  tile,
  flattening('Softmax'),
  flattening('LogSoftmax'),
  flattening('Hardmax'),
  explicit('Concat', 4, 'axis', 1),
  explicit('RoiAlign', 16, 'coordinate_transformation_mode', 'output_half_pixel'),
  cast,
];
