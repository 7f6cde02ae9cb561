import { sizeOf } from '../tensor/tensor.ts';
import type { HeldAgainst } from './held-against.ts';
import { tableOf } from './numbers.ts';
import type { Outputs } from './outputs.ts';

/** What one sample's output comes to. */
export interface Verdict {
  /** The largest of each position's classes, ties to the lower; or of each number whether it says yes; empty for a regression. */
  readonly predictions: Int32Array;
  /** Share of them that are right; null without answers. */
  readonly right: number | null;
  /** Of the sample; null without answers. */
  readonly loss: number | null;
}

/** The judge of a model's samples. */
export interface Judge {
  /** Predictions of one sample. */
  readonly predictions: number;
  /**
   * @param y     one sample's numbers of the judged output
   * @param held  the answers of its batch, and which of its samples this is
   */
  (y: ArrayLike<number>, held: HeldAgainst | null, sample: number): Verdict;
}

/** Probabilities below the smallest normal f32 count as that. */
const LEAST_PROBABILITY = 1.18e-38;

/** What tells, sample by sample, how right the judged output is. */
export function judgeOf(outputs: Outputs): Judge {
  const { task } = outputs.reading;
  return task === 'numbers' ? ofNumbers(outputs) : task === 'classes' ? ofClasses(outputs) : ofBits(outputs);
}

function judgeWith(predictions: number, judge: (...given: Parameters<Judge>) => Verdict): Judge {
  return Object.assign(judge, { predictions });
}

function ofNumbers({ judged }: Outputs): Judge {
  const size = sizeOf(judged.dims);
  return judgeWith(0, (y, held, sample) => {
    const predictions = new Int32Array(0);
    if (held?.kind !== 'numbers') return { predictions, right: null, loss: null };
    let sum = 0;
    for (let j = 0; j < size; j++) sum += ((y[j] as number) - (held.numbers[sample * size + j] as number)) ** 2;
    return { predictions, right: null, loss: sum / size };
  });
}

function ofClasses({ judged, reading }: Outputs): Judge {
  const { rows, columns } = tableOf(judged.dims, reading.axes);
  const positions = rows.length;
  return judgeWith(positions, (y, held, sample) => {
    const predictions = new Int32Array(positions);
    let [right, loss] = [0, 0];
    for (let i = 0; i < positions; i++) {
      const row = Float64Array.from(columns, (column) => y[(rows[i] as number) + column] as number);
      predictions[i] = argmax(row);
      if (held?.kind !== 'classes') continue;
      const label = held.classes[sample * positions + i] as number;
      right += predictions[i] === label ? 1 : 0;
      loss += crossEntropy(row, label, judged.kind);
    }
    return held?.kind === 'classes'
      ? { predictions, right: right / positions, loss: loss / positions }
      : { predictions, right: null, loss: null };
  });
}

/** Numbers that each say yes or no; where one class was held against them, the largest is the prediction. */
function ofBits({ judged, reading }: Outputs): Judge {
  const size = sizeOf(judged.dims);
  const oneClass = reading.form === 'classes';
  const { rows, columns } = tableOf(judged.dims, oneClass ? reading.axes : []);
  const says = judged.kind === 'sigmoids' ? 0.5 : 0;
  return judgeWith(rows.length, (y, held, sample) => {
    const predictions = Int32Array.from(rows, (row) =>
      oneClass
        ? argmax(Float64Array.from(columns, (column) => y[row + column] as number))
        : (y[row] as number) > says
          ? 1
          : 0,
    );
    if (held?.kind !== 'numbers') return { predictions, right: null, loss: null };
    const wanted = held.numbers.subarray(sample * size, (sample + 1) * size);
    let loss = 0;
    for (let j = 0; j < size; j++) loss += binaryCrossEntropy(y[j] as number, wanted[j] as number, judged.kind);
    const right = rows.reduce((sum, row, i) => {
      const prediction = predictions[i] as number;
      return (
        sum + ((oneClass ? wanted[row + (columns[prediction] as number)] === 1 : wanted[row] === prediction) ? 1 : 0)
      );
    }, 0);
    return { predictions, right: right / rows.length, loss: loss / size };
  });
}

function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let j = 1; j < row.length; j++) if ((row[j] as number) > (row[best] as number)) best = j;
  return best;
}

type Kind = Outputs['judged']['kind'];

function crossEntropy(row: Float64Array, label: number, kind: Kind): number {
  if (kind === 'log-probabilities') return -(row[label] as number);
  if (kind === 'probabilities') return -Math.log(Math.max(row[label] as number, LEAST_PROBABILITY));
  const z = kind === 'sigmoids' ? row.map(logit) : row;
  let [top, sum] = [Number.NEGATIVE_INFINITY, 0];
  for (let j = 0; j < z.length; j++) top = Math.max(top, z[j] as number);
  for (let j = 0; j < z.length; j++) sum += Math.exp((z[j] as number) - top);
  return top + Math.log(sum) - (z[label] as number);
}

/** -y log p - (1 - y) log(1 - p); of a logit z: log(1 + exp(-|z|)) + max(z, 0) - y z. */
function binaryCrossEntropy(x: number, y: number, kind: Kind): number {
  if (kind === 'values') return Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0) - y * x;
  const log = (p: number): number => Math.log(Math.max(p, LEAST_PROBABILITY));
  return -(y === 0 ? 0 : y * log(x)) - (y === 1 ? 0 : (1 - y) * log(1 - x));
}

function logit(p: number): number {
  return Math.log(Math.max(p, LEAST_PROBABILITY)) - Math.log(Math.max(1 - p, LEAST_PROBABILITY));
}
