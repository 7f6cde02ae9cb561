import { intAttribute, stringAttribute } from '../../../ir/access.ts';
import { sizeOf } from '../../../tensor/tensor.ts';
import { type Lowering, type LoweringContext, MICROSOFT, times } from './lowering.ts';

/** One spatial axis of the picture: positions in pixels, [N, P, 1], and the axis' length. */
interface Axis {
  readonly at: string;
  readonly size: number;
}

const plus = ({ emit, scalar }: LoweringContext, value: string, constant: number): string =>
  emit('Add', value, scalar(constant));

/** -1 and 1 are the centres of the outermost pixels (align_corners), or their outer edges. */
function inPixels(at: LoweringContext, grid: string, size: number, aligned: boolean): string {
  return aligned ? times(at, plus(at, grid, 1), (size - 1) / 2) : times(at, plus(at, grid, 1 - 1 / size), size / 2);
}

/** Positions outside are moved to the edge, or mirrored back; `zeros` leaves them. */
function padded(at: LoweringContext, position: string, size: number, aligned: boolean): string {
  const mode = stringAttribute(at.node, 'padding_mode', 'zeros');
  if (mode === 'zeros') return position;
  const bounds = [at.scalar(0), at.scalar(size - 1)];
  if (mode === 'border') return at.emit('Clip', position, ...bounds);
  const [low, range] = aligned ? [0, size - 1] : [-0.5, size];
  if (range === 0) return times(at, position, 0);
  const from = plus(at, position, -low);
  const folds = at.emit('Floor', times(at, from, 1 / (2 * range)));
  const folded = at.emit('Sub', from, times(at, folds, 2 * range));
  const back = at.emit('Sub', at.scalar(range), at.emit('Abs', plus(at, folded, -range)));
  return at.emit('Clip', plus(at, back, low), ...bounds);
}

/** A pixel along one axis: its number, and what it counts, both [N, P, 1]. */
interface Tap {
  readonly pixel: string;
  readonly weight: string | undefined;
}

/** The one or two pixels that a position reads. */
function tapsOf(at: LoweringContext, axis: Axis, nearest: boolean): Tap[] {
  if (nearest) return [within(at, axis, { pixel: at.emit('Round', axis.at), weight: undefined })];
  const below = at.emit('Floor', axis.at);
  const share = at.emit('Sub', axis.at, below);
  return [
    within(at, axis, { pixel: below, weight: at.emit('Sub', at.scalar(1), share) }),
    within(at, axis, { pixel: plus(at, below, 1), weight: share }),
  ];
}

/** Pixels outside count nothing. */
function within(at: LoweringContext, { size }: Axis, { pixel, weight }: Tap): Tap {
  const inside = at.emit('Clip', pixel, at.scalar(0), at.scalar(size - 1));
  const counts = at.emit('CastLike', at.emit('Equal', inside, pixel), pixel);
  return { pixel: inside, weight: weight === undefined ? counts : at.emit('Mul', weight, counts) };
}

/** All combinations of one tap of each axis: the pixel's number in the flat picture, and the product of the weights. */
function corners(at: LoweringContext, axes: readonly { taps: readonly Tap[]; stride: number }[]): Tap[] {
  let all: Tap[] = [];
  for (const { taps, stride } of axes) {
    const own = taps.map(({ pixel, weight }) => ({ pixel: times(at, pixel, stride), weight }));
    all =
      all.length === 0
        ? own
        : all.flatMap((a) =>
            own.map((b) => ({
              pixel: at.emit('Add', a.pixel, b.pixel),
              weight: at.emit('Mul', a.weight as string, b.weight as string),
            })),
          );
  }
  return all;
}

/** Y[n, c, p] = X[n, c, .] read at the place grid[n, p], from the nearest pixel or weighted between neighbours. */
function gridSample(domain?: string): Lowering {
  return {
    op: 'GridSample',
    ...(domain !== undefined && { domain }),
    since: domain === undefined ? [16, 20, 22] : [1],
    linearity: 'piecewise',
    refuses: ({ node }) => {
      const mode = stringAttribute(node, 'mode', 'linear');
      return ['bilinear', 'linear', 'nearest'].includes(mode)
        ? undefined
        : `mode must be "linear", "bilinear" or "nearest", current value is "${mode}"`;
    },
    lower: (at) => {
      const [N, C, ...size] = at.shape(0) as [number, number, ...number[]];
      const out = at.outShape(0).slice(2);
      const [cells, places] = [sizeOf(size), sizeOf(out)];
      const aligned = intAttribute(at.node, 'align_corners', 0) !== 0;
      const nearest = stringAttribute(at.node, 'mode', 'linear') === 'nearest';
      const grid = at.reshape(at.x[1] as string, [N, places, size.length]);
      const axes = size.map((length, d) => {
        const column = size.length - 1 - d;
        const raw = at.slice(grid, { starts: [column], ends: [column + 1], axes: [2] });
        const position = padded(at, inPixels(at, raw, length, aligned), length, aligned);
        return { taps: tapsOf(at, { at: position, size: length }, nearest), stride: sizeOf(size.slice(d + 1)) };
      });
      const pixels = at.transpose(at.reshape(at.x[0] as string, [N, C, cells]), [0, 2, 1]);
      const read = corners(at, axes).map(({ pixel, weight }) => {
        const found = at.emit('GatherND', pixels, at.emit('Cast', pixel, { to: 7 }), { batch_dims: 1 });
        return at.emit('Mul', found, weight as string);
      });
      const total = read.length === 1 ? (read[0] as string) : at.emit('Sum', ...read);
      return [at.reshape(at.transpose(total, [0, 2, 1]), [N, C, ...out])];
    },
  };
}

/** The grid of an affine map theta of the output's pixels: base theta', base with -1 and 1 at the edges or the outermost centres. */
const affineGrid: Lowering = {
  op: 'AffineGrid',
  since: [20],
  linearity: 'linear',
  refuses: ({ numbers }) => (numbers(1) === undefined ? 'its size must be constant' : undefined),
  lower: (at) => {
    const [N, , ...size] = at.numbers(1) as [number, number, ...number[]];
    const aligned = intAttribute(at.node, 'align_corners', 0) !== 0;
    const place = (i: number, n: number): number =>
      aligned ? (n === 1 ? 0 : (2 * i) / (n - 1) - 1) : (2 * i + 1) / n - 1;
    const base = Array.from({ length: sizeOf(size) }, (_, p) => {
      const digits = size.map((n, d) => place(Math.floor(p / sizeOf(size.slice(d + 1))) % n, n));
      return [...digits.reverse(), 1];
    });
    const k = size.length;
    const grid = at.emit(
      'MatMul',
      at.floats(base.flat(), [base.length, k + 1]),
      at.transpose(at.x[0] as string, [0, 2, 1]),
    );
    return [at.reshape(grid, [N, ...size, k])];
  },
};

/** Operators that read pictures at computed places. */
export const sampling: readonly Lowering[] = [gridSample(), gridSample(MICROSOFT), affineGrid];
