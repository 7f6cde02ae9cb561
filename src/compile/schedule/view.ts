import type { Geometry } from './geometry.ts';
import type { Buffer, Walk } from './step.ts';

/** Where a value lies: its elements in a buffer. */
export interface View {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  /** Of whole pictures with their borders. */
  readonly geometry?: Geometry;
}

/** Strides of elements one after another. */
export function rowMajor(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= dims[i] as number;
  }
  return strides;
}

/** A view as loops walk over it: for each the axis that it goes along, or none. */
export function walkOf(view: View, axes: readonly (number | null)[]): Walk {
  return {
    buffer: view.buffer,
    offset: view.offset,
    strides: axes.map((axis) => (axis === null || view.dims[axis] === 1 ? 0 : (view.strides[axis] as number))),
  };
}

/**
 * The same elements under another shape, without moving any.
 *
 * @returns null where the elements of a new axis would not be equally far apart
 */
export function reshaped(view: View, dims: readonly number[]): View | null {
  const old = view.dims.flatMap((d, i) => (d === 1 ? [] : [{ d, stride: view.strides[i] as number }]));
  const strides = new Array<number>(dims.length).fill(0);
  let at = dims.length - 1;
  for (let i = old.length - 1; i >= 0; ) {
    const run = runEndingAt(old, i);
    let [stride, left] = [run.stride, run.size];
    while (left > 1) {
      const d = dims[at] as number;
      if (d === 1) {
        at--;
        continue;
      }
      if (left % d !== 0) return null;
      strides[at--] = stride;
      stride *= d;
      left /= d;
    }
    i = run.next;
  }
  const { geometry: _, ...rest } = view;
  return { ...rest, dims, strides };
}

/** The longest run of axes, up to one of them, that lies like a single axis. */
function runEndingAt(
  axes: readonly { readonly d: number; readonly stride: number }[],
  end: number,
): { readonly size: number; readonly stride: number; readonly next: number } {
  const { d, stride } = axes[end] as { d: number; stride: number };
  let [size, next] = [d, end - 1];
  for (; next >= 0 && axes[next]?.stride === stride * size; next--) size *= axes[next]?.d as number;
  return { size, stride, next };
}
