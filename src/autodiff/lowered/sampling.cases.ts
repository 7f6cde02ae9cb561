import type { GradientCase, Sampled } from '../../../test/gradient-check.ts';
import { random } from '../../tensor/random.ts';
import { float32, int64, sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Places on a grid of `size` pixels, away from the lines between them and from mirrors: at a third of a pixel, a tenth to either side. */
function places(dims: readonly number[], size: readonly number[], { aligned = false, wide = 1 } = {}): Sampled {
  const k = size.length;
  const draw: Sampled['draw'] = (rng, i) => {
    const n = size[k - 1 - (i % k)] as number;
    const pixel = Math.floor(rng.uniform() * (n + 2 * wide)) - wide + 0.25 + 0.1 * rng.uniform();
    return aligned ? (2 * pixel) / (n - 1) - 1 : (2 * pixel + 1) / n - 1;
  };
  return { dims, draw };
}

function fixed({ dims, draw }: Sampled): Tensor {
  const rng = random('grid');
  return float32(
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => draw?.(rng, i) ?? 0),
    dims,
  );
}

const size = [4, 5];
const x = [2, 3, ...size];
/** From opset 20 on there are kernels for doubles; before, steps of the difference quotient would cross the lines. */
const plain = { op: 'GridSample', opsets: [20, 24] };

/** Sampling: modes x paddings x alignment x ranks. Nearest pixels have no gradient to the grid, which stays constant there. */
export const samplingCases: readonly GradientCase[] = [
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode): GradientCase[] =>
    [0, 1].map((align_corners) => ({
      ...plain,
      inputs: [x, places([2, 3, 2, 2], size, { aligned: align_corners === 1 })],
      attrs: { padding_mode, align_corners },
    })),
  ),
  ...['zeros', 'border', 'reflection'].map(
    (padding_mode): GradientCase => ({
      ...plain,
      inputs: [x, places([2, 3, 2, 2], size)],
      attrs: { mode: 'nearest', padding_mode },
    }),
  ),
  {
    op: 'GridSample',
    inputs: [[1, 2, 3, 2, 4], places([1, 2, 2, 3, 3], [3, 2, 4])],
    attrs: { mode: 'linear', padding_mode: 'zeros' },
    opsets: [20, 24],
  },
  { op: 'GridSample', inputs: [x, fixed(places([2, 3, 2, 2], size))], attrs: { mode: 'bilinear' }, opsets: [17] },
  { op: 'GridSample', domain: 'com.microsoft', inputs: [x, fixed(places([2, 3, 2, 2], size))] },
  { op: 'AffineGrid', inputs: [[2, 2, 3], int64([2, 3, 4, 5])], opsets: [20, 24] },
  { op: 'AffineGrid', inputs: [[2, 3, 4], int64([2, 3, 2, 4, 5])], attrs: { align_corners: 1 }, opsets: [20, 24] },
];
