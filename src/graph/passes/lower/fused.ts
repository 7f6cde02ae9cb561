import { float, floatAttribute, intAttribute, stringAttribute } from '../../../ir/access.ts';
import type { NodeForm } from '../../node-form.ts';
import { floatsAttribute } from '../lift/lifting.ts';
import { attributesOf, hasOutput, type Lowering, type LoweringContext, MICROSOFT, times } from './lowering.ts';

/** Activations that onnxruntime fuses, with what their parameters are called. */
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Tanh: [],
  Sigmoid: [],
  LeakyRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  Clip: ['min', 'max'],
};

function refusedActivation({ node }: NodeForm): string | undefined {
  const activation = stringAttribute(node, 'activation', '');
  return activation === '' || activation in ACTIVATIONS
    ? undefined
    : `activation must be one of ${Object.keys(ACTIVATIONS).join(', ')}, current value is "${activation}"`;
}

/** f(value), f named by the attribute `activation`; its parameters come in order. */
function activated(at: LoweringContext, value: string, parameters: readonly (number | undefined)[]): string {
  const activation = stringAttribute(at.node, 'activation', '');
  if (activation === '') return value;
  if (activation === 'Clip') return at.emit('Clip', value, ...parameters.map((bound) => at.scalar(bound as number)));
  const stated = (ACTIVATIONS[activation] ?? []).flatMap((name, i) =>
    parameters[i] === undefined ? [] : [[name, float(parameters[i])] as const],
  );
  return at.emit(activation, value, Object.fromEntries(stated));
}

const CONVOLUTION = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'];

/** Y = f(Conv(X, W, B) + Z) */
const fusedConv: Lowering = {
  op: 'FusedConv',
  domain: MICROSOFT,
  since: [1],
  anyBatch: true,
  linearity: 'piecewise',
  refuses: refusedActivation,
  lower: (at) => {
    const [x, w, b, z] = at.x as [string, string, string?, string?];
    const y = at.emit('Conv', ...[x, w, ...(b ? [b] : [])], attributesOf(at, CONVOLUTION));
    return [activated(at, z ? at.emit('Add', y, z) : y, floatsAttribute(at.node, 'activation_params') ?? [])];
  },
};

/** Y = f(Gemm(A, B, C)) */
const fusedGemm: Lowering = {
  op: 'FusedGemm',
  domain: MICROSOFT,
  since: [1],
  anyBatch: true,
  linearity: 'piecewise',
  refuses: refusedActivation,
  lower: (at) => {
    const inputs = at.x.filter((name) => name !== '');
    const y = at.emit('Gemm', ...inputs, attributesOf(at, ['alpha', 'beta', 'transA', 'transB']));
    const parameters = ['activation_alpha', 'activation_beta'].map((name) =>
      at.node.attributes.has(name) ? floatAttribute(at.node, name, 0) : undefined,
    );
    return [activated(at, y, parameters)];
  },
};

/** [0, ..., rank - 1] with the last two swapped, or the first but one axes moved behind: as FusedMatMul reads its operands. */
function operandOrder(rank: number, { last, batch }: { last: boolean; batch: boolean }): number[] {
  const order = Array.from({ length: rank }, (_, i) => i);
  if (batch) order.splice(rank - 2, 0, ...order.splice(0, 1));
  if (last) order.push(...order.splice(rank - 2, 1));
  return order;
}

/** Y = alpha op(A) op(B): with transBatch, the first axis stands before the last two */
function fusedMatMul(op: string): Lowering {
  return {
    op,
    domain: MICROSOFT,
    since: [1],
    anyBatch: true,
    linearity: 'multilinear',
    lower: (at) => {
      const [a, b] = ['A', 'B'].map((side, i) => {
        const rank = at.shape(i).length;
        const asked = (name: string): boolean => rank > 1 && intAttribute(at.node, name + side, 0) !== 0;
        const order = operandOrder(rank, { last: asked('trans'), batch: asked('transBatch') });
        return at.transpose(at.x[i] as string, order);
      }) as [string, string];
      return [times(at, at.emit('MatMul', a, b), floatAttribute(at.node, 'alpha', 1))];
    },
  };
}

/** S = X + skip + bias; Y = the normalised S. Outputs: Y, mean, 1 / deviation, S */
function skipNormalization(op: string, norm: 'LayerNormalization' | 'SimplifiedLayerNormalization'): Lowering {
  return {
    op,
    domain: MICROSOFT,
    since: [1],
    linearity: 'smooth',
    lower: (at) => {
      const [x, skip, gamma, ...rest] = at.x as [string, string, string, ...string[]];
      const simple = norm === 'SimplifiedLayerNormalization';
      const [beta, bias] = simple ? ['', rest[0] ?? ''] : [rest[0] ?? '', rest[1] ?? ''];
      const plain = at.emit('Add', x, skip);
      const total = bias ? at.emit('Add', plain, bias) : plain;
      const attrs = { axis: -1, epsilon: float(floatAttribute(at.node, 'epsilon', 1e-12)) };
      const count = hasOutput(at, 2) ? 3 : hasOutput(at, 1) ? 2 : 1;
      const outputs = at.emitAll(norm, simple ? 1 : count, total, gamma, ...(beta ? [beta] : []), attrs);
      return [outputs[0] as string, outputs[1] ?? '', outputs[2] ?? '', hasOutput(at, 3) ? total : ''];
    },
    refuses: (form) =>
      norm === 'SimplifiedLayerNormalization' && (hasOutput(form, 1) || hasOutput(form, 2))
        ? 'its outputs mean and inv_std_var must not be read'
        : undefined,
  };
}

/** Operators that onnxruntime fuses, and its own names for standard ones. */
export const fused: readonly Lowering[] = [
  fusedConv,
  fusedGemm,
  fusedMatMul('FusedMatMul'),
  fusedMatMul('TransposeMatMul'),
  skipNormalization('SkipLayerNormalization', 'LayerNormalization'),
  skipNormalization('SkipSimplifiedLayerNormalization', 'SimplifiedLayerNormalization'),
];
