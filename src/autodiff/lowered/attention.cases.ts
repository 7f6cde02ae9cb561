import { type GradientCase, type Sampled, shapes } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';
import { float32, int64, sizeOf, type Tensor } from '../../tensor/tensor.ts';

const domain = 'com.microsoft';
const opsets = [24];
const bits = (type: 'bool' | 'int32', ...dims: number[]): Tensor => {
  const pattern = (i: number): number => ((i * 7) % 5 === 3 ? 0 : 1);
  const length = sizeOf(dims);
  const data =
    type === 'bool'
      ? Uint8Array.from({ length }, (_, i) => pattern(i))
      : Int32Array.from({ length }, (_, i) => pattern(i));
  return { type, dims, data };
};
const table = (rows: number, columns: number, of: (x: number) => number): Tensor =>
  float32(
    Array.from({ length: rows * columns }, (_, i) => of(i / 3 + 0.2)),
    [rows, columns],
  );

/** Small enough that the softmax stays smooth over the steps of the difference quotient. */
const half = (...dims: number[]): Sampled => ({ dims, draw: (rng) => rng.normal() / 2 });

/** Attention: ranks x shared heads x masks x past x bounds; its fused forms; rotary embeddings. */
const cases: readonly GradientCase[] = [
  { op: 'Attention', inputs: shapes('2x3x4x2 2x3x5x2 2x3x5x3'), opsets: [23, 24] },
  {
    op: 'Attention',
    inputs: shapes('2x4x6 2x5x6 2x5x6'),
    attrs: { q_num_heads: 3, kv_num_heads: 3 },
    opsets: [23, 24],
  },
  { op: 'Attention', inputs: shapes('2x4x8 2x5x4 2x5x6'), attrs: { q_num_heads: 4, kv_num_heads: 2 }, opsets },
  { op: 'Attention', inputs: shapes('2x4x3x2 2x2x3x2 2x2x3x2'), attrs: { is_causal: 1, scale: float(0.3) }, opsets },
  { op: 'Attention', inputs: shapes('2x2x3x2 2x2x5x2 2x2x5x2 3x5'), attrs: { softcap: float(2) }, opsets },
  { op: 'Attention', inputs: [...shapes('2x2x3x2 2x2x5x2 2x2x5x2'), bits('bool', 2, 1, 3, 5)], opsets },
  {
    op: 'Attention',
    inputs: [...shapes('2x2x3x2 2x2x3x2 2x2x3x2'), null, ...shapes('2x2x2x2 2x2x2x2')],
    attrs: { is_causal: 1 },
    outputs: 3,
    opsets,
  },
  { op: 'Attention', domain, inputs: [half(2, 3, 4), half(4, 12), half(12)], attrs: { num_heads: 2 } },
  {
    op: 'Attention',
    domain,
    inputs: [half(2, 3, 4), half(4, 12), half(12)],
    attrs: { num_heads: 2, unidirectional: 1 },
  },
  {
    op: 'Attention',
    domain,
    inputs: [half(2, 3, 4), half(4, 12), half(12), bits('int32', 2, 3)],
    attrs: { num_heads: 2, scale: float(0.4) },
  },
  {
    op: 'Attention',
    domain,
    inputs: [half(2, 3, 4), half(4, 10), half(10), bits('int32', 2, 3, 3), null, [2, 2, 3, 3]],
    attrs: { num_heads: 2, qkv_hidden_sizes: [4, 4, 2] },
  },
  { op: 'MultiHeadAttention', domain, inputs: shapes('2x3x4 2x5x4 2x5x6'), attrs: { num_heads: 2 } },
  {
    op: 'MultiHeadAttention',
    domain,
    inputs: [...shapes('2x3x4 2x5x4 2x5x4 12'), bits('int32', 2, 5), [2, 2, 3, 5]],
    attrs: { num_heads: 2, scale: float(0.3) },
  },
  { op: 'MultiHeadAttention', domain, inputs: shapes('2x3x4 2x3x4 2x3x4'), attrs: { num_heads: 2, unidirectional: 1 } },
  {
    op: 'RotaryEmbedding',
    inputs: [[2, 2, 3, 4], table(5, 2, Math.cos), table(5, 2, Math.sin), int64([0, 1, 2, 4, 1, 3], [2, 3])],
    opsets: [23, 24],
  },
  {
    op: 'RotaryEmbedding',
    inputs: shapes('2x3x8 2x3x1 2x3x1'),
    attrs: { num_heads: 2, rotary_embedding_dim: 2, interleaved: 1 },
    opsets,
  },
  {
    op: 'RotaryEmbedding',
    domain,
    inputs: [[2, 3, 8], int64([0, 1, 2, 4, 1, 3], [2, 3]), table(5, 2, Math.cos), table(5, 2, Math.sin)],
  },
];

/** Their kernels compute in float32. */
export const attentionCases: readonly GradientCase[] = cases.map((row) => ({ ...row, single: true }));
