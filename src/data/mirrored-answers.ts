import { OptionError } from '../errors/errors.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Augment, View } from './augment.ts';
import type { RowSource } from './rows.ts';

/** Size of the pictures that are augmented. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** Numbers that belong to positions of a picture: how many rows of positions, positions in each, and numbers a position. */
interface Dense {
  readonly outer: number;
  readonly width: number;
  readonly inner: number;
}

/**
 * How answers of a source that belong to positions of its pictures move with them: mirrored where the picture is. One class or a few numbers a
 * picture stay.
 *
 * @returns what moves the answers of a row, [size] in place; null where nothing has to move
 * @throws OptionError  if answers of positions cannot be moved: by a crop, which cuts positions in that have none, or in another shape than
 *                      the picture's
 */
export function answerMover(
  source: Pick<RowSource, 'labelDims' | 'targets'>,
  { augment, picture, address }: { readonly augment: Augment; readonly picture: PictureSize; readonly address: string },
): ((row: Int32Array | Float32Array, view: View) => void) | null {
  if (augment.crop === 0 && !augment.flip) return null;
  const dims = source.labelDims ?? source.targets?.dims ?? [];
  const what = source.labelDims === undefined ? 'targets' : 'labels';
  if (source.labelDims === undefined ? dims.length < 2 : sizeOf(dims) === 1) return null;
  const dense = denseOf(dims, picture);
  if (dense === null)
    throw new OptionError(
      `Cannot augment "${address}": its ${what} of shape [${dims}] a picture cannot be moved with pictures of ${picture.height} x ${picture.width}; do not augment them`,
      { remedies: [{ option: 'augment' }] },
    );
  if (augment.crop > 0)
    throw new OptionError(
      `Cannot augment "${address}" by a crop: its ${what} have one for each position, and those that a crop cuts in from outside have none; mirror them alone`,
      { remedies: [{ option: 'augment' }] },
    );
  return (row, { mirrored }) => {
    if (mirrored) mirror(row, dense);
  };
}

/** [..., H, W, ...], or H x W as one axis. */
function denseOf(dims: readonly number[], { height, width }: PictureSize): Dense | null {
  for (let axis = 0; axis < dims.length; axis++) {
    const flat = dims[axis] === height * width && width > 1;
    if (!flat && !(dims[axis] === height && dims[axis + 1] === width)) continue;
    const inner = sizeOf(dims.slice(axis + (flat ? 1 : 2)));
    return { outer: sizeOf(dims.slice(0, axis)) * height, width, inner };
  }
  return null;
}

function mirror(row: Int32Array | Float32Array, { outer, width, inner }: Dense): void {
  for (let o = 0; o < outer; o++)
    for (let x = 0; 2 * x < width - 1; x++)
      for (let i = 0; i < inner; i++) {
        const [a, b] = [(o * width + x) * inner + i, (o * width + width - 1 - x) * inner + i];
        const kept = row[a] as number;
        row[a] = row[b] as number;
        row[b] = kept;
      }
}
