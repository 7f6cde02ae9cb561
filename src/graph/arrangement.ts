import { sizeOf } from '../tensor/tensor.ts';

/** A digit of a position: how many values it takes, and how far apart in the file elements lie that differ by one in it. */
export interface Digit {
  readonly size: number;
  readonly stride: number;
}

/**
 * The elements of a stored tensor as something else reads them, after moves such as Transpose and Reshape: a tensor whose
 * positions, row-major, are numbers of digits, the last one fastest, and each digit says what it adds to the place in the file.
 */
export interface Arrangement {
  /** Of each axis its digits; an axis of length 1 has none. */
  readonly axes: readonly (readonly Digit[])[];
  /** Where the digits lead, if that is not the place itself: after a Reshape across digits. */
  readonly base: Int32Array | null;
}

/** A tensor as it is stored. */
export function storedArrangement(dims: readonly number[]): Arrangement {
  const axes: Digit[][] = [];
  let stride = 1;
  for (const size of [...dims].reverse()) {
    axes.unshift(size === 1 ? [] : [{ size, stride }]);
    stride *= size;
  }
  return { axes, base: null };
}

/** Lengths of the axes. */
export function dimsOf({ axes }: Arrangement): number[] {
  return axes.map((digits) => sizeOf(digits.map(({ size }) => size)));
}

/** The same elements with the axes in another order, as Transpose has it. */
export function transposedArrangement({ axes, base }: Arrangement, perm: readonly number[]): Arrangement {
  return { axes: perm.map((axis) => axes[axis] as readonly Digit[]), base };
}

/** The same elements, row-major, in another shape of the same size. Digits are split where axes end within them. */
export function reshapedArrangement(arrangement: Arrangement, dims: readonly number[]): Arrangement {
  const left = digitsOf(arrangement).reverse();
  const axes: Digit[][] = [];
  for (const length of dims) {
    const digits = takeDigits(left, length);
    if (digits === null) return { ...storedArrangement(dims), base: positionsOf(arrangement) };
    axes.push(digits);
  }
  return { axes, base: arrangement.base };
}

/** Digits for an axis from the end of a list, the last one parted where it is too long; null if none make that length. */
function takeDigits(left: Digit[], length: number): Digit[] | null {
  const taken: Digit[] = [];
  let wanted = length;
  while (wanted > 1) {
    const digit = left.pop();
    if (digit === undefined) return null;
    const { size, stride } = digit;
    if (wanted % size === 0) {
      taken.push(digit);
      wanted /= size;
    } else if (size % wanted === 0) {
      taken.push({ size: wanted, stride: (stride * size) / wanted });
      left.push({ size: size / wanted, stride });
      wanted = 1;
    } else return null;
  }
  return taken;
}

/** The digits of all axes, those that follow on each other in the file as one: the same for all arrangements of the same order. */
export function digitsOf({ axes }: Arrangement): Digit[] {
  const digits: Digit[] = [];
  for (const digit of axes.flat()) {
    const last = digits.at(-1);
    if (digit.size === 1) continue;
    if (last?.stride === digit.size * digit.stride)
      digits[digits.length - 1] = { size: last.size * digit.size, stride: digit.stride };
    else digits.push(digit);
  }
  return digits;
}

/** Whether the elements are read as they are stored. */
export function isStored(arrangement: Arrangement): boolean {
  const digits = digitsOf(arrangement);
  return arrangement.base === null && (digits.length === 0 || (digits.length === 1 && digits[0]?.stride === 1));
}

/** Whether two arrangements of one tensor read its elements in the same order, whatever the axes. */
export function sameOrder(a: Arrangement, b: Arrangement): boolean {
  if (a.base === null && b.base === null) {
    const [x, y] = [digitsOf(a), digitsOf(b)];
    return x.length === y.length && x.every(({ size, stride }, i) => size === y[i]?.size && stride === y[i]?.stride);
  }
  const [p, q] = [positionsOf(a), positionsOf(b)];
  return p.length === q.length && p.every((position, i) => position === q[i]);
}

/** Runs of positions at equal distances: `visit(first, at, step, length)`, the positions from `first` on lie at `at`, `at + step`, ... */
function forEachRun(
  digits: readonly Digit[],
  visit: (first: number, at: number, step: number, length: number) => void,
): void {
  const outer = digits.slice(0, -1);
  const { size: length, stride: step } = digits.at(-1) ?? { size: 1, stride: 0 };
  const counters = outer.map(() => 0);
  const runs = sizeOf(outer.map(({ size }) => size));
  let at = 0;
  for (let run = 0; run < runs; run++) {
    visit(run * length, at, step, length);
    for (let d = outer.length - 1; d >= 0; d--) {
      const { size, stride } = outer[d] as Digit;
      at += stride;
      counters[d] = (counters[d] as number) + 1;
      if ((counters[d] as number) < size) break;
      counters[d] = 0;
      at -= size * stride;
    }
  }
}

/** Where each element lies in the file: [size]. */
export function positionsOf(arrangement: Arrangement): Int32Array {
  const positions = new Int32Array(sizeOf(dimsOf(arrangement)));
  const { base } = arrangement;
  forEachRun(digitsOf(arrangement), (first, at, step, length) => {
    for (let i = 0; i < length; i++) {
      const position = at + i * step;
      positions[first + i] = base === null ? position : (base[position] as number);
    }
  });
  return positions;
}

/** Where element i lies in the file. */
export function positionOf({ axes, base }: Arrangement, i: number): number {
  let [rest, position] = [i, 0];
  for (let a = axes.length - 1; a >= 0; a--) {
    const digits = axes[a] as readonly Digit[];
    for (let d = digits.length - 1; d >= 0; d--) {
      const { size, stride } = digits[d] as Digit;
      position += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
  }
  return base === null ? position : (base[position] as number);
}

/** Any array of numbers that can be written to. */
interface Numbers {
  readonly length: number;
  [i: number]: number;
}

/** Reads stored elements into the order of an arrangement: `into[i] = stored[position of i]`. */
export function gather(arrangement: Arrangement, stored: ArrayLike<number>, into: Numbers): void {
  const { base } = arrangement;
  forEachRun(digitsOf(arrangement), (first, at, step, length) => {
    for (let i = 0, from = at; i < length; i++, from += step)
      into[first + i] = stored[base === null ? from : (base[from] as number)] as number;
  });
}

/** Writes elements in the order of an arrangement to their places in the file: `stored[position of i] = values[i]`. */
export function scatter(arrangement: Arrangement, values: ArrayLike<number>, stored: Numbers): void {
  const { base } = arrangement;
  forEachRun(digitsOf(arrangement), (first, at, step, length) => {
    for (let i = 0, to = at; i < length; i++, to += step)
      stored[base === null ? to : (base[to] as number)] = values[first + i] as number;
  });
}
