import { float, floatAttribute, intAttribute, stringAttribute } from '../../../ir/access.ts';
import type { Node } from '../../../ir/model.ts';
import { float32 } from '../../../tensor/tensor.ts';
import {
  type Adapter,
  appendOnes,
  exactConstant,
  exactInts,
  floatLike,
  floatsAttribute,
  keep,
  type Lifting,
  withInput,
  without,
} from './lifting.ts';

/** Clip(x) {min, max} -> Clip(x, min, max); a bound that is not given is left out. */
const clip: Adapter = {
  op: 'Clip',
  before: 11,
  lift: (node, lifting) => {
    let inputs = [node.inputs[0] as string];
    for (const [i, name] of ['min', 'max'].entries()) {
      const bound = node.attributes.get(name);
      if (bound?.kind === 'float')
        inputs = withInput(inputs, i + 1, floatLike(lifting, node.inputs[0] as string, [bound.value]));
    }
    return keep(lifting, node, { inputs, attributes: without(node, ['min', 'max']) });
  },
};

/** Pad(x) {pads, value} -> Pad(x, pads, value). Opset 1 said `paddings`. */
const pad: Adapter = {
  op: 'Pad',
  before: 11,
  lift: (node, lifting) => {
    const x = node.inputs[0] as string;
    const pads = exactInts(node, 'pads') ?? exactInts(node, 'paddings');
    if (pads === undefined) return 'it has no pads';
    const value = floatAttribute(node, 'value', 0);
    const inputs = [x, exactConstant(lifting, pads), ...(value === 0 ? [] : [floatLike(lifting, x, [value])])];
    return keep(lifting, node, { inputs, attributes: without(node, ['pads', 'paddings', 'value']) });
  },
};

/** Dropout at inference is the identity. What its mask held then changed with the opset, so a mask that is read is refused. */
const dropout: Adapter = {
  op: 'Dropout',
  before: 12,
  lift: (node, lifting) => {
    const [y, mask = ''] = node.outputs as [string, string?];
    if (lifting.isRead(mask)) return 'its mask is read';
    return keep(lifting, node, { op: 'Identity', outputs: [y], attributes: new Map() });
  },
};

/** Inference form: statistics are inputs, one output. */
const batchNormalization: Adapter = {
  op: 'BatchNormalization',
  before: 14,
  lift: (node, lifting) => {
    if (intAttribute(node, 'spatial', 1) === 0)
      return 'spatial = 0 (statistics for each activation) has no form at opset 17';
    if (node.outputs.slice(1).some((name) => lifting.isRead(name))) return 'its training outputs are read';
    return keep(lifting, node, {
      outputs: node.outputs.slice(0, 1),
      attributes: without(node, ['spatial', 'is_test']),
    });
  },
};

/** Elementwise operators before opset 7: B lies along A's dimensions from `axis` on. */
function oldBroadcast(op: string): Adapter {
  return {
    op,
    before: 7,
    lift: (node, lifting) => {
      const [a, b] = node.inputs as [string, string];
      const axis = node.attributes.get('axis');
      const attributes = without(node, ['broadcast', 'axis']);
      if (axis?.kind !== 'int' || intAttribute(node, 'broadcast', 0) === 0) return keep(lifting, node, { attributes });
      const [rankA, rankB] = [a, b].map((name) => lifting.known.rank(name));
      if (rankA === undefined || rankB === undefined)
        return 'it broadcasts along an axis and the ranks of its inputs are not known';
      const start = Number(axis.value) < 0 ? Number(axis.value) + rankA : Number(axis.value);
      const ones = rankB === 0 ? 0 : Math.max(0, rankA - start - rankB);
      return keep(lifting, node, { inputs: [a, appendOnes(lifting, b, rankB, ones)], attributes });
    },
  };
}

/** PRelu before opset 7: a slope [C] belongs to dimension 1 of x. */
const prelu: Adapter = {
  op: 'PRelu',
  before: 7,
  lift: (node, lifting) => {
    const [x, slope] = node.inputs as [string, string];
    const dims = lifting.known.dims(slope);
    const rank = lifting.known.rank(x);
    if (dims === undefined) return 'the shape of its slope is not known';
    if (dims.length !== 1 || dims[0] === 1) return keep(lifting, node);
    if (rank === undefined) return 'the rank of its input is not known';
    return keep(lifting, node, { inputs: [x, appendOnes(lifting, slope, 1, Math.max(0, rank - 2))] });
  },
};

/** Attributes that mean nothing at opset 17. */
function drops(op: string, before: number, names: readonly string[]): Adapter {
  return { op, before, lift: (node, lifting) => keep(lifting, node, { attributes: without(node, names) }) };
}

/** A float attribute whose default changed in its later digits. */
const selu: Adapter = {
  op: 'Selu',
  before: 6,
  lift: (node, lifting) => {
    const values = {
      alpha: float(floatAttribute(node, 'alpha', 1.6732)),
      gamma: float(floatAttribute(node, 'gamma', 1.0507)),
    };
    return keep(lifting, node, { attributes: without(node, ['alpha', 'gamma'], values) });
  },
};

/** The exponent of Lp pooling was a float in opset 1. */
function integerP(op: string): Adapter {
  return {
    op,
    before: 2,
    lift: (node, lifting) => {
      const p = floatAttribute(node, 'p', 2);
      return Number.isInteger(p)
        ? keep(lifting, node, { attributes: without(node, ['p'], { p }) })
        : `p = ${p} is not a whole number`;
    },
  };
}

/** Upsample -> Resize with the same sample positions: asymmetric, rounded down. */
const upsample: Adapter = {
  op: 'Upsample',
  before: 10,
  lift: (node, lifting) => {
    const scales = node.inputs[1] ?? upsampleScales(node, lifting);
    return scales === undefined ? 'it has no scales' : resizeTo(node, lifting, scales, 'floor');
  },
};

function upsampleScales(node: Node, { builder }: Lifting): string | undefined {
  const [height, width] = ['height_scale', 'width_scale'].map((name) => floatAttribute(node, name, 0));
  const scales = floatsAttribute(node, 'scales') ?? (height && width ? [1, 1, height, width] : undefined);
  return scales === undefined ? undefined : builder.constant(float32([...scales], [scales.length]), 'scales');
}

/** Resize of opset 10 = Upsample, except that onnxruntime rounds up where it shrinks. */
const resize: Adapter = {
  op: 'Resize',
  before: 11,
  lift: (node, lifting) => {
    const scales = lifting.known.numbers(node.inputs[1] as string);
    const shrinks = scales?.some((s) => s < 1) ?? false;
    const nearest = stringAttribute(node, 'mode', 'nearest') === 'nearest';
    if (nearest && shrinks && scales?.some((s) => s > 1)) return 'it grows one dimension and shrinks another';
    return resizeTo(node, lifting, node.inputs[1] as string, shrinks ? 'ceil' : 'floor');
  },
};

function resizeTo(node: Node, lifting: Lifting, scales: string, rounding: 'floor' | 'ceil'): undefined {
  const mode = stringAttribute(node, 'mode', 'nearest') === 'nearest' ? 'nearest' : 'linear';
  const values = { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: rounding };
  const attributes = without(node, ['mode', 'scales', 'height_scale', 'width_scale'], values);
  return keep(lifting, node, { op: 'Resize', inputs: [node.inputs[0] as string, '', scales], attributes });
}

/** Layers and elementwise operators. */
export const LAYERS: readonly Adapter[] = [
  clip,
  pad,
  dropout,
  batchNormalization,
  prelu,
  selu,
  upsample,
  resize,
  ...'Add Sub Mul Div Pow And Or Xor Equal Greater Less'.split(' ').map(oldBroadcast),
  drops('Gemm', 7, ['broadcast']),
  ...['LSTM', 'GRU', 'RNN'].map((op) => drops(op, 7, ['output_sequence'])),
  ...['LpPool', 'GlobalLpPool'].map(integerP),
  { op: 'Scatter', before: 11, lift: (node, lifting) => keep(lifting, node, { op: 'ScatterElements' }) },
  { op: 'Scan', before: 9, lift: () => 'Scan of opset 8 runs over a batch, which has no form at opset 17' },
];
