import type { GraphBuilder } from '../graph/builder.ts';
import { factsOf } from '../graph/operators/table.ts';
import { hasInputsFirst } from '../graph/use-matrix.ts';
import { attributes, floatAttribute, intAttribute } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { MatrixUse, Thinned } from './linear-map.ts';

/** The end of any axis, for Slice. */
const END = 2 ** 31 - 1;

/** Emits what a use of a layer multiplies its weights by: [groups, inputs, positions of all samples]. */
export function emitInputs(builder: GraphBuilder, use: MatrixUse, { groups, inputs, step }: Thinned): string {
  const { node, input, matrix, operand } = use;
  const x = node.inputs[operand.input] as string;
  switch (operand.form) {
    case 'steps': {
      const columns = emitColumns(builder, x, { rows: inputs, step, across: true });
      return groups === 1 ? columns : builder.emit('Expand', [columns, builder.ints([groups, 1, 1])]);
    }
    case 'columns': {
      const isTransposed = operand.swappedBy !== undefined && intAttribute(node, operand.swappedBy, 0) !== 0;
      const columns = emitColumns(builder, x, { rows: inputs, step, across: (input === 0) === isTransposed });
      const factor = operand.scaledBy === undefined ? 1 : floatAttribute(node, operand.scaledBy, 1);
      return factor === 1 ? columns : builder.emit('Mul', [columns, builder.scalar(factor)]);
    }
    case 'batch':
      return emitOperand(builder, x, { use, rows: inputs, step });
    case 'patches': {
      const kernel = matrix.dims.slice(2);
      const cells = emitPatches(builder, { use, x, kernel, channels: (groups * inputs) / sizeOf(kernel) });
      return emitChannels(builder, cells, { groups, rows: inputs, step });
    }
  }
}

/** Emits what a use of a layer gives, without its bias: [groups, outputs, positions of all samples]. `renamed` maps the names of its values. */
export function emitOutputs(
  builder: GraphBuilder,
  use: MatrixUse,
  { groups, outputs, inputs, step }: Thinned,
  renamed: (value: string) => string,
): string {
  const { node, input, operand } = use;
  const operands = node.inputs.slice(0, 2).map(renamed);
  if (operand.form === 'steps') return emitGates(builder, operands, { inputs, step });
  const y = builder.fresh('linear');
  builder.nodes.push({ ...withoutActivation(node), inputs: operands, outputs: [y] });
  if (operand.form === 'columns') return emitColumns(builder, y, { rows: outputs, step, across: input === 1 });
  if (use.matrix.dims.length === 1) return emitColumns(builder, y, { rows: 1, step, across: true });
  if (operand.form === 'batch') return emitOperand(builder, y, { use, rows: outputs, step });
  return emitChannels(builder, y, { groups, rows: outputs, step });
}

/** What a recurrent layer's gates get from its input: [directions, gates, every so manyth position]. */
function emitGates(
  builder: GraphBuilder,
  [x, w]: string[],
  { inputs, step }: { inputs: number; step: number },
): string {
  const columns = emitColumns(builder, x as string, { rows: inputs, step, across: true });
  return builder.emit('MatMul', [w as string, columns]);
}

/** The operator without the activation that it may be fused with. */
function withoutActivation(node: Node): Node {
  const op = factsOf(node).activates;
  if (op === undefined) return { ...node, name: '' };
  const own = [...node.attributes].filter(([name]) => !name.startsWith('activation'));
  return { ...node, name: '', op, domain: '', attributes: new Map(own) };
}

interface Columns {
  readonly rows: number;
  readonly step: number;
}

/** A matrix [positions, rows] (`across`) or [rows, positions] as [1, rows, every so manyth position]. */
function emitColumns(builder: GraphBuilder, x: string, { rows, step, across }: Columns & { across: boolean }): string {
  if (!across) return emitThinned(builder, builder.emit('Unsqueeze', [x, builder.ints([0])]), { axis: 2, step });
  const flat = emitThinned(builder, builder.emit('Reshape', [x, builder.ints([-1, rows])]), { axis: 0, step });
  return builder.emit('Unsqueeze', [builder.emit('Transpose', [flat], { perm: [1, 0] }), builder.ints([0])]);
}

/**
 * What a weight multiplies in MatMul, or the product: [..., n, rows] where the weight is on the right, [..., rows, n] where it is on the
 * left, as [groups, rows, every so manyth position]. Axes of the batch along which the weight differs are its groups; all others are positions.
 */
function emitOperand(builder: GraphBuilder, x: string, { use, rows, step }: Columns & { use: MatrixUse }): string {
  const { input, matrix } = use;
  const batch = matrix.dims.slice(0, -2);
  if (input === 1 && matrix.groups === 1) return emitColumns(builder, x, { rows, step, across: true });
  const whole = use.isVector ? builder.emit('Unsqueeze', [x, builder.ints([input === 1 ? -2 : -1])]) : x;
  const wide = batch.length === 0 ? whole : builder.emit('Expand', [whole, builder.ints([...batch, 1, 1])]);
  const lengths = builder.emit('Slice', [
    builder.emit('Shape', [wide]),
    builder.ints([-batch.length - 2]),
    builder.ints([END]),
  ]);
  const shape = builder.emit('Concat', [builder.ints([-1]), lengths], { axis: 0 });
  const parted = builder.emit('Reshape', [wide, shape]);
  const axes = batch.map((_, i) => i + 1);
  const [row, other] = input === 1 ? [axes.length + 2, axes.length + 1] : [axes.length + 1, axes.length + 2];
  const own = axes.filter((axis) => batch[axis - 1] !== 1);
  const rest = axes.filter((axis) => batch[axis - 1] === 1);
  const moved = builder.emit('Transpose', [parted], { perm: [...own, row, 0, ...rest, other] });
  return emitThinned(builder, builder.emit('Reshape', [moved, builder.ints([matrix.groups, rows, -1])]), {
    axis: 2,
    step,
  });
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
  return builder.emit('Slice', [x, builder.ints([0]), builder.ints([END]), builder.ints([axis]), builder.ints([step])]);
}

/**
 * Every cell that a kernel sees as a channel of its own: a convolution, transposed where the layer is, of each channel by kernels of a
 * single one.
 */
function emitPatches(
  builder: GraphBuilder,
  { use, x, kernel, channels }: { use: MatrixUse; x: string; kernel: readonly number[]; channels: number },
): string {
  const { op, attributes: own } = withoutActivation(use.node);
  const size = sizeOf(kernel);
  const data = new Float32Array(channels * size * size);
  for (let i = 0; i < channels * size; i++) data[i * size + (i % size)] = 1;
  const dims = hasInputsFirst(use.node, use.input) ? [channels, size, ...kernel] : [channels * size, 1, ...kernel];
  const unit = builder.constant({ type: 'float32', dims, data });
  const output = builder.fresh('patches');
  builder.nodes.push({
    name: '',
    op,
    domain: '',
    inputs: [x, unit],
    outputs: [output],
    attributes: new Map([...own, ...attributes({ group: channels })]),
  });
  return output;
}
