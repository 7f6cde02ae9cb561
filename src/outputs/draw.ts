import { filled } from '../tensor/filled.ts';
import type { Random } from '../tensor/random.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { HeldAgainst } from './held-against.ts';
import { tableOf } from './numbers.ts';
import type { Outputs } from './outputs.ts';

/**
 * Answers drawn from what a model itself predicts: classes by the softmax of its logits, yes or no by their sigmoids, numbers
 * from a normal distribution around its own of variance 1/2, whose negative logarithm is the squared error.
 *
 * @param raw  the judged head's raw values of a batch
 */
export function drawAnswers({ judged, loss, reading }: Outputs, raw: Float32Array, rng: Random): HeldAgainst {
  if (loss === 'mse') return { kind: 'numbers', numbers: raw.map((y) => y + Math.SQRT1_2 * rng.normal()) };
  if (loss === 'binary-cross-entropy')
    return {
      kind: 'numbers',
      numbers: raw.map((z) => (rng.uniform() < 1 / (1 + Math.exp(-z)) ? 1 : 0)),
    };
  const { rows, columns } = tableOf(judged.dims, reading.axes);
  const size = sizeOf(judged.dims);
  const classes = Int32Array.from({ length: (raw.length / size) * rows.length }, (_, i) => {
    const start = Math.floor(i / rows.length) * size + (rows[i % rows.length] as number);
    return drawClass(
      filled(new Float32Array(columns.length), (c) => raw[start + (columns[c] as number)] as number),
      rng,
    );
  });
  return { kind: 'classes', classes };
}

function drawClass(logits: Float32Array, rng: Random): number {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = new Float64Array(logits).map((z) => Math.exp(z - top));
  let left = rng.uniform() * weights.reduce((a, b) => a + b, 0);
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return found < 0 ? logits.length - 1 : found;
}
