import { skippedByAutoPad } from '../../graph/auto-pad.ts';
import { offsets, scatterAttributes, type Window, windowOf } from '../../graph/window.ts';
import { intAttribute, intsAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule } from '../rule.ts';
import { times } from './elementwise.ts';

/** Y = mean over the spatial axes.   dX = dY / size, broadcast */
const globalAveragePool: GradientRule = {
  op: 'GlobalAveragePool',
  since: [1, 22],
  linearity: 'linear',
  backward: (at) => [at.expand(times(at, at.dy[0] as string, 1 / sizeOf(at.shape(0).slice(2))), at.shape(0))],
};

/** Y = max over the spatial axes.   dX = dY / ties where X = Y, else 0: elements that tie share equally */
const globalMaxPool: GradientRule = {
  op: 'GlobalMaxPool',
  since: [1, 22],
  linearity: 'piecewise',
  backward: (at) => {
    const mask = at.emit('Equal', at.x[0] as string, at.y[0] as string);
    const axes = [...at.shape(0).keys()].slice(2);
    const ties = at.sum(at.emit('Where', mask, at.scalar(1), at.scalar(0)), axes, true);
    return [at.emit('Where', mask, at.emit('Div', at.dy[0] as string, ties), at.scalar(0))];
  },
};

/** Y[t] = mean of X over window t.   dX = dY / count, scattered over the windows by a transposed convolution with ones */
const averagePool: GradientRule = {
  op: 'AveragePool',
  since: [1, 7, 10, 11, 19, 22],
  linearity: 'linear',
  refuses: skippedByAutoPad,
  backward: (at) => {
    const [n, c, ...input] = at.shape(0) as [number, number, ...number[]];
    const output = at.outShape(0).slice(2);
    const kernel = intsAttribute(at.node, 'kernel_shape') as number[];
    const window = windowOf(at.node, kernel, input, output);
    const dy = at.dy[0] as string;
    if (coversAll(window)) return [at.expand(times(at, dy, 1 / sizeOf(kernel)), at.shape(0))];
    const shares = cellCounts(window, intAttribute(at.node, 'count_include_pad', 0) !== 0).map((count) =>
      count === 0 ? 0 : 1 / count,
    );
    const weighted = at.reshape(at.emit('Mul', dy, at.floats(shares, [1, 1, ...output])), [n * c, 1, ...output]);
    const ones = at.floats(new Float32Array(sizeOf(kernel)).fill(1), [1, 1, ...kernel]);
    const scattered = at.emit('ConvTranspose', weighted, ones, { kernel_shape: kernel, ...scatterAttributes(window) });
    return [at.reshape(scattered, at.shape(0))];
  },
};

function coversAll({ kernel, input, output, padsBegin, padsEnd }: Window): boolean {
  return (
    kernel.every((k, i) => k === input[i]) && [...padsBegin, ...padsEnd].every((p) => p === 0) && sizeOf(output) === 1
  );
}

/** Number of cells that each window averages; those beyond the padded input (ceil_mode) never count. */
function cellCounts(
  { kernel, strides, dilations, padsBegin, padsEnd, input, output }: Window,
  includePad: boolean,
): number[] {
  return offsets(output).map((position) =>
    kernel.reduce((product, k, i) => {
      const start = (position[i] as number) * (strides[i] as number) - (padsBegin[i] as number);
      const end = (input[i] as number) + (includePad ? (padsEnd[i] as number) : 0);
      const cells = Array.from({ length: k }, (_, u) => start + u * (dilations[i] as number));
      return product * cells.filter((cell) => (includePad || cell >= 0) && cell < end).length;
    }, 1),
  );
}

/**
 * Y[t] = max of X over window t.   dX[i] = sum of dY[t] over the windows whose maximum is element i
 * The pooling is run again for the index of each maximum (the first one where elements tie), and dY scattered there.
 */
const maxPool: GradientRule = {
  op: 'MaxPool',
  since: [8, 10, 11, 12, 22],
  linearity: 'piecewise',
  refuses: skippedByAutoPad,
  backward: (at) => {
    const attrs = Object.fromEntries([...at.node.attributes].filter(([name]) => name !== 'storage_order'));
    const [, indices] = at.emitAll('MaxPool', 2, at.x[0] as string, attrs) as [string, string];
    const [size, count] = [sizeOf(at.shape(0)), sizeOf(at.outShape(0))];
    const flat = at.emit(
      'ScatterElements',
      at.zeros([size]),
      at.reshape(indices, [count]),
      at.reshape(at.dy[0] as string, [count]),
      { axis: 0, reduction: 'add' },
    );
    return [at.reshape(flat, at.shape(0)), null];
  },
};

/** Rules of pooling. */
export const pooling: readonly GradientRule[] = [globalAveragePool, globalMaxPool, averagePool, maxPool];
