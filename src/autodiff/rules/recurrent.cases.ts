import type { GradientCase, Sampled } from '../../../test/gradient-check.ts';
import type { Attribute } from '../../ir/model.ts';
import type { Tensor } from '../../tensor/tensor.ts';

const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };
const [T, B, I, H] = [5, 4, 3, 2];

/** Numbers about half as wide as the standard normal: gates are not saturated. */
const half = (...dims: number[]): Sampled => ({ dims, draw: (rng) => rng.normal() / 2 });
const lengths = (...values: number[]): Tensor => ({
  type: 'int32',
  dims: [values.length],
  data: Int32Array.from(values),
});
const strings = (...value: string[]): Attribute => ({ kind: 'strings', value });
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value });

interface Layer {
  readonly D?: number;
  readonly steps?: number;
  readonly inputs?: readonly (Sampled | Tensor | null)[];
}

/** X, W, R and further inputs. */
function layer(op: string, { D = 1, steps = T, inputs = [] }: Layer): GradientCase['inputs'] {
  const gates = (GATES[op] as number) * H;
  return [half(steps, B, I), half(D, gates, I), half(D, gates, H), ...inputs];
}

const sampleAxes = { inputs: { 0: 1, 5: 1, 6: 1 }, outputs: [2, 1, 1] };
const outputsOf = (op: string): number => (op === 'LSTM' ? 3 : 2);
const bias = (op: string, D = 1): Sampled => half(D, 2 * (GATES[op] as number) * H);
const starts = (op: string, D = 1): Sampled[] => Array.from({ length: outputsOf(op) - 1 }, () => half(D, B, H));

/** Directions x starts x lengths x functions x outputs that are read. */
const cases: readonly GradientCase[] = [
  ...['LSTM', 'GRU', 'RNN'].flatMap((op): GradientCase[] => {
    const [attrs, weights] = [{ hidden_size: H }, [1, 2]];
    const two = { ...attrs, direction: 'bidirectional' };
    return [
      { op, inputs: layer(op, {}), attrs, weights, sampleAxes },
      { op, inputs: layer(op, { steps: 1, inputs: [bias(op)] }), attrs },
      {
        op,
        inputs: layer(op, { inputs: [bias(op), null, ...starts(op)] }),
        attrs: { ...attrs, direction: 'reverse' },
        outputs: outputsOf(op),
        weights: [1, 2, 3],
        sampleAxes,
      },
      {
        op,
        inputs: layer(op, { D: 2, inputs: [bias(op, 2), null, ...starts(op, 2)] }),
        attrs: two,
        outputs: outputsOf(op),
        weights: [1, 2, 3],
        sampleAxes,
      },
      { op, inputs: layer(op, { D: 2 }), attrs: two, outputs: 2, cotangents: [1] },
      {
        op,
        inputs: layer(op, { D: 2, inputs: [bias(op, 2), lengths(5, 2, 1, 4), ...starts(op, 2)] }),
        attrs: two,
        outputs: outputsOf(op),
      },
    ];
  }),
  {
    op: 'GRU',
    inputs: layer('GRU', { D: 2, inputs: [bias('GRU', 2), lengths(3, 5, 4, 1), ...starts('GRU', 2)] }),
    attrs: { hidden_size: H, direction: 'bidirectional', linear_before_reset: 1 },
    outputs: 2,
  },
  {
    op: 'GRU',
    inputs: layer('GRU', { inputs: [bias('GRU')] }),
    attrs: { hidden_size: H, linear_before_reset: 1 },
    weights: [1, 2, 3],
    sampleAxes,
  },
  {
    op: 'LSTM',
    inputs: layer('LSTM', { inputs: [bias('LSTM')] }),
    attrs: {
      hidden_size: H,
      activations: strings('HardSigmoid', 'Tanh', 'ScaledTanh'),
      activation_alpha: floats(0.1, 1.5),
      activation_beta: floats(0.5, 0.7),
    },
    outputs: 3,
  },
  {
    op: 'GRU',
    inputs: layer('GRU', { D: 2 }),
    attrs: {
      hidden_size: H,
      direction: 'bidirectional',
      activations: strings('sigmoid', 'softplus', 'Affine', 'Tanh'),
      activation_alpha: floats(0.5),
      activation_beta: floats(0.25),
    },
  },
  ...['Relu', 'LeakyRelu', 'Elu', 'Softsign'].map(
    (name): GradientCase => ({
      op: 'RNN',
      inputs: [
        half(2, B, I),
        half(1, H, I),
        { dims: [1, H, H], draw: (_, i) => i / 10 },
        { dims: [1, 2 * H], draw: () => 1.25 },
      ],
      attrs: { hidden_size: H, activations: strings(name) },
    }),
  ),
];

/** The kernels of recurrent layers take float32 alone. */
export const recurrentCases: readonly GradientCase[] = cases.map((row) => ({ ...row, single: true }));
