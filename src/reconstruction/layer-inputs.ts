import { UnsupportedOpError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { WeightLayer, WeightUse } from '../graph/weights.ts';
import { attributes, intAttribute } from '../ir/access.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** A layer as a matrix for each group of channels: Y [groups, outputs, positions] = W [groups, outputs, inputs] X [groups, inputs, positions]. */
export interface LinearMap {
  readonly layer: WeightLayer;
  readonly groups: number;
  readonly outputs: number;
  /** Weights of one output: channels of a group times cells of the kernel. */
  readonly inputs: number;
}

/** A map of which every so manyth position of a sample is wanted; 1 = all. */
export type Thinned = LinearMap & { readonly step: number };

/**
 * The layers as linear maps.
 *
 * @throws UnsupportedOpError  if some are none: transposed convolutions, weights on the left of a product or of several forms
 */
export function linearMaps(layers: readonly WeightLayer[]): LinearMap[] {
  const maps = layers.map((layer) => ({ layer, map: linearMap(layer) }));
  const odd = maps.filter(({ map }) => map === null).map(({ layer }) => layer.name);
  if (odd.length > 0)
    throw new UnsupportedOpError(
      `Cannot reconstruct the outputs of ${odd.map((name) => `"${name}"`).join(', ')}: wanted weights of Conv, or on the right of Gemm or MatMul; leave them out (--exclude, --skip-blocked)`,
      { fields: { weights: odd } },
    );
  return maps.flatMap(({ map }) => (map === null ? [] : [map]));
}

function linearMap(layer: WeightLayer): LinearMap | null {
  const { dims, size, uses, order } = layer;
  const shapes = uses.map((use): Omit<LinearMap, 'layer'> | null => {
    if (use.input !== 1) return null;
    if (use.node.op === 'Conv') {
      const groups = intAttribute(use.node, 'group', 1);
      const outputs = (dims[0] as number) / groups;
      return dims.length < 3 ? null : { groups, outputs, inputs: size / groups / outputs };
    }
    if (dims.length !== 2 || intAttribute(use.node, 'transA', 0) !== 0) return null;
    const [rows, columns] = dims as [number, number];
    return order === 'transposed'
      ? { groups: 1, outputs: columns, inputs: rows }
      : { groups: 1, outputs: rows, inputs: columns };
  });
  const [first] = shapes;
  if (first === undefined || shapes.some((shape) => shape === null || shape.groups !== first?.groups)) return null;
  return first === null ? null : { layer, ...first };
}

/** Emits what a use of a layer multiplies its weights by: [groups, inputs, positions of all samples]. */
export function emitInputs(builder: GraphBuilder, use: WeightUse, { layer, groups, inputs, step }: Thinned): string {
  const x = use.node.inputs[0] as string;
  if (use.node.op !== 'Conv') return emitColumns(builder, x, { rows: inputs, step });
  const kernel = layer.dims.slice(2);
  const cells = emitPatches(builder, { use, x, kernel, channels: (groups * inputs) / sizeOf(kernel) });
  return emitChannels(builder, cells, { groups, rows: inputs, step });
}

/** Emits what a use of a layer gives, without its bias: [groups, outputs, positions of all samples]. `renamed` maps the names of its values. */
export function emitOutputs(
  builder: GraphBuilder,
  { node }: WeightUse,
  { groups, outputs, step }: Thinned,
  renamed: (value: string) => string,
): string {
  const y = builder.fresh('linear');
  builder.nodes.push({ ...node, name: '', inputs: node.inputs.slice(0, 2).map(renamed), outputs: [y] });
  return node.op === 'Conv'
    ? emitChannels(builder, y, { groups, rows: outputs, step })
    : emitColumns(builder, y, { rows: outputs, step });
}

interface Columns {
  readonly rows: number;
  readonly step: number;
}

/** [..., rows] as [1, rows, every so manyth of all others]. */
function emitColumns(builder: GraphBuilder, x: string, { rows, step }: Columns): string {
  const flat = emitThinned(builder, builder.emit('Reshape', [x, builder.ints([-1, rows])]), { axis: 0, step });
  return builder.emit('Unsqueeze', [builder.emit('Transpose', [flat], { perm: [1, 0] }), builder.ints([0])]);
}

/** [samples, groups x rows, ...positions] as [groups, rows, samples x every so manyth position]. */
function emitChannels(builder: GraphBuilder, x: string, { groups, rows, step }: Columns & { groups: number }): string {
  const parted = builder.emit('Reshape', [x, builder.ints([0, groups, rows, -1])]);
  const few = emitThinned(builder, parted, { axis: 3, step });
  const moved = builder.emit('Transpose', [few], { perm: [1, 2, 0, 3] });
  return builder.emit('Reshape', [moved, builder.ints([groups, rows, -1])]);
}

function emitThinned(builder: GraphBuilder, x: string, { axis, step }: { axis: number; step: number }): string {
  if (step === 1) return x;
  const [from, to] = [builder.ints([0]), builder.ints([2 ** 31 - 1])];
  return builder.emit('Slice', [x, from, to, builder.ints([axis]), builder.ints([step])]);
}

/** Every cell that a kernel sees as a channel of its own: a convolution of each channel by kernels of a single one. */
function emitPatches(
  builder: GraphBuilder,
  { use, x, kernel, channels }: { use: WeightUse; x: string; kernel: readonly number[]; channels: number },
): string {
  const size = sizeOf(kernel);
  const data = new Float32Array(channels * size * size);
  for (let i = 0; i < channels * size; i++) data[i * size + (i % size)] = 1;
  const unit = builder.constant({ type: 'float32', dims: [channels * size, 1, ...kernel], data });
  const output = builder.fresh('patches');
  builder.nodes.push({
    name: '',
    op: 'Conv',
    domain: '',
    inputs: [x, unit],
    outputs: [output],
    attributes: new Map([...use.node.attributes, ...attributes({ group: channels })]),
  });
  return output;
}
