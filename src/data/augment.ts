import { OptionError } from '../errors/errors.ts';
import type { Random } from '../tensor/random.ts';

/** Which augmentation a data set's pictures get. */
export interface Augment {
  /** Pixels of black padding on each side, of which a window of the picture's own size is cut at random. */
  readonly crop: number;
  /** Mirrors left and right, every second time. */
  readonly flip: boolean;
}

/** No augmentation. The CIFAR protocol is a crop of 4 and the flip. */
export const AUGMENT_DEFAULTS: Augment = { crop: 0, flip: false };

/** One draw: the output's pixel (y, x) is the picture's (y + down, x + right), black outside it, mirrored after that. */
export interface View {
  readonly down: number;
  readonly right: number;
  readonly mirrored: boolean;
}

/** The picture as it is. */
export const PLAIN_VIEW: View = { down: 0, right: 0, mirrored: false };

/** Checks the options and fills in the defaults. @throws OptionError if the crop is not a whole number of pixels */
export function resolveAugment(options: Partial<Augment>): Augment {
  const { crop, flip } = { ...AUGMENT_DEFAULTS, ...options };
  if (!Number.isInteger(crop) || crop < 0) {
    throw new OptionError(
      `Cannot augment: the crop's padding must be a whole number of pixels, current value is ${crop}`,
    );
  }
  return { crop, flip };
}

/**
 * Draws one view; each picture of a batch gets its own, in the order of the batch. As torchvision's
 * `RandomCrop(size, padding)` then `RandomHorizontalFlip` (the numbers drawn are this library's).
 */
export function drawView(augment: Augment, rng: Random): View {
  const { crop, flip } = augment;
  const down = crop > 0 ? rng.integer(2 * crop + 1) - crop : 0;
  const right = crop > 0 ? rng.integer(2 * crop + 1) - crop : 0;
  return { down, right, mirrored: flip && rng.uniform() < 0.5 };
}
