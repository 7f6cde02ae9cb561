import { OptionError } from '../errors/errors.ts';
import { AUGMENT_DEFAULTS, type Augment, resolveAugment } from './augment.ts';

/** Numbers as a user gives them: `0.5`, `"1/255"`, `[0.4914, 0.4822, 0.4465]` or `"0.4914,0.4822,0.4465"`. */
export type Numbers = number | string | readonly number[];

/** A picture's size as a user gives it: 224, "224", [224, 192] or "224x192" (height first). */
export type Size = number | string | readonly number[];

/** What becomes of a pixel (or an array's element) on its way to the model. */
export interface PreprocessOptions {
  /** Multiplies the stored value, first of all; fractions may be written "1/255". */
  readonly scale?: number | string;
  /** Subtracted after scaling: one number, or one for each channel of the output, in its order. */
  readonly mean?: Numbers;
  /** Divides at last: one number, or one for each channel of the output, in its order. */
  readonly std?: Numbers;
  /** Height and width of a picture for the model; absent = as stored (`images:` takes it from the model's input). */
  readonly size?: Size;
  /**
   * What a picture is scaled to before the centre crop to `size`: one number = its shorter side, two = both sides.
   * Absent = see framing.ts. A picture that has the output's size already is never scaled.
   */
  readonly resize?: Size;
  /** How pictures are scaled; widened when shrinking, so that nothing aliases. */
  readonly interpolation?: Interpolation;
  /** Order of a picture's dimensions for the model; arrays (npz, npy) stay as they are, this says how they lie. */
  readonly layout?: Layout;
  /** Colours for the model. `stored`: colour pictures as rgb, others with their one channel. */
  readonly channels?: Channels;
  /** What augmentation does when a batch asks for it. */
  readonly augment?: Partial<Augment>;
}

/** Kernels for scaling pictures. */
export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
/** Channels before or after height and width. */
export type Layout = 'nchw' | 'nhwc';
/** Which colours, in which order; gray is ITU-R 601 luma, rounded. */
export type Channels = 'stored' | 'rgb' | 'bgr' | 'gray';

/** The defaults of {@link PreprocessOptions}: values as stored. */
export const PREPROCESS_DEFAULTS = {
  scale: 1,
  mean: 0,
  std: 1,
  size: undefined,
  resize: undefined,
  interpolation: 'bilinear',
  layout: 'nchw',
  channels: 'stored',
  augment: AUGMENT_DEFAULTS,
} as const satisfies PreprocessOptions;

/** Preprocessing with every option checked and filled in: value = (stored * scale - mean) / std. */
export interface Preprocess {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly size: readonly [number, number] | undefined;
  /** One number = the shorter side. */
  readonly resize: readonly number[] | undefined;
  readonly interpolation: Interpolation;
  readonly layout: Layout;
  readonly channels: Channels;
  readonly augment: Augment;
}

/** Checks the options and fills in the defaults. @throws OptionError naming the option, what it takes and its value */
export function resolvePreprocess(options: PreprocessOptions = {}): Preprocess {
  const given = { ...PREPROCESS_DEFAULTS, ...withoutUndefined(options) };
  const scale = parseNumbers('scale', given.scale);
  const std = parseNumbers('std', given.std);
  if (scale.length !== 1) throw new OptionError(`Cannot use scale: wanted one number, current value is ${given.scale}`);
  if (std.includes(0)) throw new OptionError(`Cannot divide by std: wanted no zero, current value is ${given.std}`);
  const size = parseSize('size', given.size);
  return {
    scale: scale[0] as number,
    mean: parseNumbers('mean', given.mean),
    std,
    size: size === undefined ? undefined : [size[0] as number, size[1] ?? (size[0] as number)],
    resize: parseSize('resize', given.resize),
    interpolation: oneOf('interpolation', given.interpolation, ['nearest', 'bilinear', 'bicubic', 'lanczos']),
    layout: oneOf('layout', given.layout, ['nchw', 'nhwc']),
    channels: oneOf('channels', given.channels, ['stored', 'rgb', 'bgr', 'gray']),
    augment: resolveAugment(given.augment),
  };
}

function withoutUndefined(options: PreprocessOptions): PreprocessOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function parseNumbers(option: string, value: Numbers): readonly number[] {
  const parts = typeof value === 'string' ? value.split(',') : typeof value === 'number' ? [value] : value;
  const numbers = parts.map(parseNumber);
  if (numbers.length > 0 && numbers.every(Number.isFinite)) return numbers;
  throw new OptionError(`Cannot use ${option}: wanted numbers such as 0.5 or 1/255, current value is "${value}"`, {
    fields: { option, value },
  });
}

/** A number or a fraction of two; NaN for anything else. */
function parseNumber(part: string | number): number {
  if (typeof part === 'number') return part;
  const [above, below, ...rest] = part.split('/').map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  if (rest.length > 0 || above === undefined) return Number.NaN;
  return below === undefined ? above : above / below;
}

function parseSize(option: string, value: Size | undefined): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const parts =
    typeof value === 'string' ? value.split(/[x,]/).map(parseNumber) : typeof value === 'number' ? [value] : value;
  const whole = parts.every((side) => Number.isInteger(side) && side >= 1 && side <= 65535);
  if (whole && (parts.length === 1 || parts.length === 2)) return parts;
  throw new OptionError(`Cannot use ${option}: wanted pixels such as 224 or 224x192, current value is "${value}"`, {
    fields: { option, value },
  });
}

function oneOf<T extends string>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw new OptionError(`Cannot use ${option}: wanted ${choices.join(', ')}, current value is "${value}"`, {
    fields: { option, value },
  });
}
