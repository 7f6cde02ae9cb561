import { sizeOf } from '../../tensor/tensor.ts';
import type { RuleContext } from '../rule.ts';

/** A linear map along one axis: y = M x, M: [to, from], row-major. */
export interface AxisMap {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly matrix: Float64Array;
}

/** The map that copies element picks[i] to position i. */
export function pickMap(axis: number, from: number, picks: readonly number[]): AxisMap {
  const matrix = new Float64Array(picks.length * from);
  picks.forEach((pick, i) => {
    matrix[i * from + pick] = 1;
  });
  return { axis, from, to: picks.length, matrix };
}

/** dX = M' dY along each of the axes. Cost: size * from multiplications an axis, as one matrix product. */
export function applyTransposed(at: RuleContext, dy: string, maps: readonly AxisMap[]): string {
  const dims = [...at.outShape(0)];
  return maps.reduce((value, { axis, from, to, matrix }) => {
    const [before, after] = [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis + 1))];
    dims[axis] = from;
    const M = at.floats(matrix, [to, from]);
    if (after === 1) return at.reshape(at.emit('MatMul', at.reshape(value, [before, to]), M), dims);
    return at.reshape(at.emit('MatMul', at.transpose(M, [1, 0]), at.reshape(value, [before, to, after])), dims);
  }, dy);
}
