import { operatorKey } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { OPERATORS } from '../operators/table.ts';
import { alone, channelwise, elementwise, quantised } from './rule-elementwise.ts';
import { along, reduced, resized, shapeOnly, unknown, windowed } from './rule-mixing.ts';
import { conv, gemm, matMul } from './rule-products.ts';
import { cut, joined, padded, permuted, picked, rearranged, repeated, reshaped, split } from './rule-shaping.ts';
import type { SpaceRule } from './walk.ts';

/** Operators whose positions are followed by a rule of their own; elementwise ones are known from the operators' facts. */
const RULES: ReadonlyMap<string, SpaceRule> = new Map(
  Object.entries({
    Conv: conv,
    ConvTranspose: conv,
    'com.microsoft.FusedConv': conv,
    Gemm: gemm,
    'com.microsoft.FusedGemm': gemm,
    MatMul: matMul,
    BatchNormalization: channelwise(false),
    InstanceNormalization: channelwise(true),
    Transpose: permuted,
    Reshape: reshaped,
    Flatten: reshaped,
    Squeeze: reshaped,
    Unsqueeze: reshaped,
    Concat: joined,
    Split: split,
    Slice: cut,
    Gather: picked,
    Pad: padded,
    Expand: repeated,
    Tile: repeated,
    DepthToSpace: rearranged,
    SpaceToDepth: rearranged,
    Resize: resized,
    Upsample: resized,
    QuantizeLinear: quantised,
    DequantizeLinear: quantised,
    Clip: alone,
    Dropout: alone,
    Shape: shapeOnly,
    Size: shapeOnly,
    ConstantOfShape: shapeOnly,
    Range: shapeOnly,
    CumSum: along(0, false),
    Softmax: along(-1, false),
    LogSoftmax: along(-1, false),
    Hardmax: along(-1, false),
    LpNormalization: along(-1, false),
    TopK: along(-1, false),
    LRN: along(1, false),
    LayerNormalization: along(-1, true),
    RMSNormalization: along(-1, true),
    SimplifiedLayerNormalization: along(-1, true),
    GroupNormalization: along(1, true),
    ArgMax: reduced,
    ArgMin: reduced,
  }),
);

/** Operators that took all axes from theirs on together before opset 13. */
const ONCE_FLAT: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax', 'Hardmax']);

/** How the positions of a node are followed. */
export function spaceRule(node: Node, opset: number): SpaceRule {
  const key = operatorKey(node);
  if (ONCE_FLAT.has(key) && opset < 13) return along(1, true);
  if (node.attributes.has('broadcast')) return unknown; // of the early days
  const own = RULES.get(key);
  if (own !== undefined) return own;
  const facts = OPERATORS.get(key)?.axes;
  if (facts?.rule === 'elementwise') return elementwise;
  if (facts?.rule === 'reduced') return reduced;
  if (facts?.rule === 'windowed') return windowed;
  return unknown;
}
