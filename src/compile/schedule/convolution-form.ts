import { type ConvOperation, type Operation, readBy, type Value } from '../operation.ts';
import { type Border, NO_BORDER, widest } from './geometry.ts';
import { halvingBorder, isHalving } from './halving.ts';

/** How the taps of one axis read: which phase of the input, and how far from the output's own place. */
export interface AxisTap {
  readonly phase: number;
  readonly shift: number;
}

/** Phase and shift of each tap along an axis: 0 is the height, 1 the width. */
export function axisTaps({ kernel, strides, dilations, pads }: ConvOperation, axis: 0 | 1): AxisTap[] {
  return Array.from({ length: kernel[axis] }, (_, k) => {
    const at = k * dilations[axis] - pads[axis];
    const shift = Math.floor(at / strides[axis]);
    return { phase: at - shift * strides[axis], shift };
  });
}

/** Height and width of a phase, the largest of them. */
export function phaseSize({ x, strides }: ConvOperation): [number, number] {
  return [Math.ceil((x.dims[2] as number) / strides[0]), Math.ceil((x.dims[3] as number) / strides[1])];
}

/** The border that a convolution reads around its input, or around the phases of its input where it has strides. */
export function borderOf(conv: ConvOperation): Border {
  if (isHalving(conv)) return halvingBorder(conv);
  const [height, width] = phaseSize(conv);
  const [top, bottom] = reach(axisTaps(conv, 0), conv.out.dims[2] as number, height);
  const [left, right] = reach(axisTaps(conv, 1), conv.out.dims[3] as number, width);
  return { top, left, bottom, right };
}

function reach(taps: readonly AxisTap[], outputs: number, size: number): [before: number, behind: number] {
  const shifts = taps.map(({ shift }) => shift);
  return [Math.max(0, -Math.min(...shifts)), Math.max(0, Math.max(...shifts) + outputs - size)];
}

/** Whether the input is split into phases. */
export function isPhased(conv: ConvOperation): boolean {
  return (conv.strides[0] > 1 || conv.strides[1] > 1) && !isHalving(conv);
}

/** Whether each output is made of inputs at its own place. */
export function isPointwise({ kernel, strides, pads }: ConvOperation): boolean {
  return [...kernel, ...strides].every((k) => k === 1) && pads.every((pad) => pad === 0);
}

/** Pictures from this many places on are worth a layout of their own. */
const LEAST_PLACES = 32;

/**
 * What convolutions make and pointwise ones alone read: the same tile of all planes may lie together there, so that the inputs of a tile
 * are few pages and whole lines.
 *
 * @param outputs  values that callers see
 */
export function tilesTogether(operations: readonly Operation[], outputs: ReadonlySet<Value>): ReadonlySet<Value> {
  const isFree = ({ dims }: Value): boolean => (dims[2] as number) * (dims[3] as number) >= LEAST_PLACES;
  const made = operations.filter(
    (operation): operation is ConvOperation =>
      operation.kind === 'conv' && operation.epilogue.beside.every(({ constant }) => constant !== undefined),
  );
  const chosen = new Set(made.map(({ out }) => out).filter((out) => !outputs.has(out) && isFree(out)));
  for (const operation of operations) {
    const isPoint = operation.kind === 'conv' && isPointwise(operation);
    const others = isPoint ? operation.epilogue.beside : readBy(operation);
    for (const value of others) chosen.delete(value);
  }
  return chosen;
}

/** Borders that pictures of each size need: `HxW`, and those of phases by value and strides. */
export interface Borders {
  readonly sizes: ReadonlyMap<string, Border>;
  readonly phases: ReadonlyMap<Value, ReadonlyMap<string, Border>>;
}

/** Looks through all convolutions for how far they read beyond their inputs. */
export function bordersOf(operations: readonly Operation[]): Borders {
  const sizes = new Map<string, Border>();
  const phases = new Map<Value, Map<string, Border>>();
  const note = (key: string, border: Border): unknown => sizes.set(key, widest(sizes.get(key) ?? NO_BORDER, border));
  for (const operation of operations) {
    if (operation.kind !== 'conv') continue;
    note(sizeKey(operation.out), NO_BORDER);
    if (!isPhased(operation)) {
      note(sizeKey(operation.x), borderOf(operation));
      continue;
    }
    const own = phases.get(operation.x) ?? new Map<string, Border>();
    const key = operation.strides.join('x');
    phases.set(operation.x, own.set(key, widest(own.get(key) ?? NO_BORDER, borderOf(operation))));
  }
  return { sizes, phases };
}

/** Height and width of a picture as a key. */
export function sizeKey({ dims }: Pick<Value, 'dims'>): string {
  return `${dims[2]}x${dims[3]}`;
}
