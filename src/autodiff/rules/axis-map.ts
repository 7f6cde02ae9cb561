import { int64, sizeOf } from '../../tensor/tensor.ts';
import type { RuleContext } from '../rule.ts';

/** One element that every position of a result takes: element picks[i], times weights[i] (1 unless given). */
export interface Tap {
  readonly picks: readonly number[];
  readonly weights?: readonly number[];
}

/** A linear map along one axis, y = M x: y[i] is the sum of its taps. */
export interface AxisMap {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly taps: readonly Tap[];
}

/** Matrices up to this many elements are written out and multiplied; larger maps are scattered tap by tap. */
const DENSE_ELEMENTS = 2 ** 20;

/** dX = M' dY along each of the axes. Cost: size * from multiplications an axis as one matrix product, or a scatter a tap. */
export function applyTransposed(at: RuleContext, dy: string, maps: readonly AxisMap[]): string {
  const dims = [...at.outShape(0)];
  return maps.reduce((value, map) => {
    const place = { before: sizeOf(dims.slice(0, map.axis)), after: sizeOf(dims.slice(map.axis + 1)) };
    dims[map.axis] = map.from;
    const moved =
      map.from * map.to <= DENSE_ELEMENTS ? multiplied(at, value, map, place) : scattered(at, value, map, place);
    return at.reshape(moved, dims);
  }, dy);
}

interface Place {
  readonly before: number;
  readonly after: number;
}

function multiplied(at: RuleContext, value: string, { from, to, taps }: AxisMap, { before, after }: Place): string {
  const matrix = new Float64Array(to * from);
  for (const { picks, weights } of taps) {
    picks.forEach((pick, i) => {
      (matrix[i * from + pick] as number) += weights?.[i] ?? 1;
    });
  }
  const M = at.floats(matrix, [to, from]);
  if (after === 1) return at.emit('MatMul', at.reshape(value, [before, to]), M);
  return at.emit('MatMul', at.transpose(M, [1, 0]), at.reshape(value, [before, to, after]));
}

function scattered(at: RuleContext, value: string, { from, to, taps }: AxisMap, { before, after }: Place): string {
  const rows = at.transpose(at.reshape(value, [before, to, after]), [1, 0, 2]);
  const sum = taps.reduce(
    (total, { picks, weights }) => {
      const updates = weights === undefined ? rows : at.emit('Mul', rows, at.floats(weights, [to, 1, 1]));
      return at.emit('ScatterND', total, at.constant(int64(picks, [to, 1])), updates, { reduction: 'add' });
    },
    at.zeros([from, before, after]),
  );
  return at.transpose(sum, [1, 0, 2]);
}
