import { intAttribute, intsAttribute } from '../../ir/access.ts';
import { float32, sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule } from '../rule.ts';
import { type Window, offsets, scatterAttributes, windowOf } from './window.ts';

/** Y = mean over the spatial axes.   dX = dY / size, broadcast */
const globalAveragePool: GradientRule = {
  op: 'GlobalAveragePool', since: [1, 22], linearity: 'linear',
  backward: ({ dy: [dy], shape, emit, scalar, expand }) => [expand(emit('Mul', dy as string, scalar(1 / sizeOf(shape(0).slice(2)))), shape(0))],
};

/** Y[t] = mean of X over window t.   dX = dY / count, scattered over the windows by a transposed convolution with ones */
const averagePool: GradientRule = {
  op: 'AveragePool', since: [1, 7, 10, 11, 19, 22], linearity: 'linear',
  backward: (at) => {
    const [n, c, ...input] = at.shape(0) as [number, number, ...number[]];
    const output = at.outShape(0).slice(2);
    const kernel = intsAttribute(at.node, 'kernel_shape') as number[];
    const window = windowOf(at.node, kernel, input, output);
    const dy = at.dy[0] as string;
    const pads = [...window.padsBegin, ...window.padsEnd];
    if (kernel.every((k, i) => k === input[i]) && pads.every((p) => p === 0) && sizeOf(output) === 1) {
      return [at.expand(at.emit('Mul', dy, at.scalar(1 / sizeOf(kernel))), at.shape(0))];
    }
    const share = at.constant(float32(cellCounts(window, intAttribute(at.node, 'count_include_pad', 0) !== 0).map((x) => 1 / x), [1, 1, ...output]));
    const weighted = at.reshape(at.emit('Mul', dy, share), [n * c, 1, ...output]);
    const ones = at.constant(float32(new Float32Array(sizeOf(kernel)).fill(1), [1, 1, ...kernel]));
    const scattered = at.emit('ConvTranspose', weighted, ones, { kernel_shape: kernel, ...scatterAttributes(window) });
    return [at.reshape(scattered, at.shape(0))];
  },
};

/** Number of cells that each window averages; those beyond the padded input (ceil_mode) never count. */
function cellCounts(window: Window, includePad: boolean): Float32Array {
  const { kernel, strides, dilations, padsBegin, padsEnd, input, output } = window;
  const positions = offsets(output);
  return Float32Array.from(positions, (position) =>
    kernel.reduce((product, k, i) => {
      const start = (position[i] as number) * (strides[i] as number) - (padsBegin[i] as number);
      const end = (input[i] as number) + (includePad ? (padsEnd[i] as number) : 0);
      let count = 0;
      for (let u = 0; u < k; u++) {
        const cell = start + u * (dilations[i] as number);
        if ((includePad || cell >= 0) && cell < end) count++;
      }
      return product * count;
    }, 1),
  );
}

/** Rules of pooling. */
export const pooling: readonly GradientRule[] = [globalAveragePool, averagePool];
