import { integer } from '../figures.ts';
import type { Axis, Quantity } from './chart.ts';

/** A mark on an axis. */
export interface Tick {
  readonly value: number;
  readonly text: string;
}

/** An axis laid out on a length of pixels. */
export interface Scale {
  /** Label and unit. */
  readonly title: string;
  readonly ticks: readonly Tick[];
  /** Where a value lies, in pixels. */
  at(value: number): number;
  /** The value at a place, in pixels: the other way round. */
  valueAt(place: number): number;
}

interface Unit {
  readonly factor: number;
  readonly name: string;
}

const THOUSANDS: Readonly<Partial<Record<Quantity, readonly string[]>>> = {
  bytes: ['bytes', 'kB', 'MB', 'GB'],
  count: ['', 'thousands', 'millions', 'billions'],
};

/** The unit in which values up to `most` read well; values are divided by the factor. */
export function unitFor(quantity: Quantity, most: number): Unit {
  if (quantity === 'share') return { factor: 0.01, name: '%' };
  if (quantity === 'milliseconds') return { factor: 1, name: 'ms' };
  if (quantity === 'seconds') return most > 600 ? { factor: 60, name: 'min' } : { factor: 1, name: 's' };
  const names = THOUSANDS[quantity];
  if (names === undefined) return { factor: 1, name: '' };
  const power = Math.max(0, Math.min(names.length - 1, Math.floor(Math.log10(Math.max(most, 1)) / 3)));
  return { factor: 1000 ** power, name: names[power] as string };
}

/** `Accuracy, %`. */
export function titled(label: string, unit: string): string {
  return unit === '' ? label : `${label}, ${unit}`;
}

/**
 * Lays an axis out.
 *
 * @param values  what has to be visible; those that are not finite (or, on a logarithmic axis, not above zero) do not count
 * @param span    pixels of the lowest and of the highest value
 * @param room    pixels that a tick should have
 */
export function scaleOf(axis: Axis, values: readonly number[], span: readonly [number, number], room: number): Scale {
  const known = (axis.range ?? values).filter((x) => Number.isFinite(x) && (axis.log !== true || x > 0));
  const most = known.reduce((a, b) => Math.max(a, b), axis.log === true ? Number.MIN_VALUE : 0);
  const { factor, name } = unitFor(axis.quantity, most);
  const low = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) / factor;
  const range: [number, number] = known.length === 0 ? [0, 1] : [low, Math.max(...spread(known)) / factor];
  if (axis.fromZero === true && axis.log !== true && axis.range === undefined) range[0] = Math.min(0, range[0]);
  const count = Math.max(2, Math.floor(Math.abs(span[1] - span[0]) / room));
  const wide = axis.log === true ? logMarks(range, count) : linearMarks(range, count, axis.whole === true ? 1 : 0);
  const marks = axis.range === undefined ? wide : within(wide, range);
  const place = axis.log === true ? Math.log10 : (x: number): number => x;
  const [from, to] = [place(marks.from), place(marks.to)];
  return {
    title: titled(axis.label, name),
    ticks: marks.ticks.map((value) => ({ value: value * factor, text: tickText(value, marks.step) })),
    at: (value) => {
      const scaled = value / factor;
      const least = axis.range === undefined ? marks.from : Number.MIN_VALUE;
      const share = (place(axis.log === true ? Math.max(scaled, least) : scaled) - from) / (to - from);
      return span[0] + share * (span[1] - span[0]);
    },
    valueAt: (pixel) => {
      const value = from + ((pixel - span[0]) / (span[1] - span[0])) * (to - from);
      return factor * (axis.log === true ? 10 ** value : value);
    },
  };
}

/** At most this many values are spread into the arguments of a call. */
const SPREAD = 10_000;

function spread(values: readonly number[]): number[] {
  if (values.length <= SPREAD) return [...values];
  return [values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)];
}

interface Marks {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  /** Distance of two ticks; 0 where they are not evenly spaced. */
  readonly step: number;
}

/** The marks of a part of an axis, whose ends need not be ticks. */
function within(marks: Marks, [low, high]: readonly [number, number]): Marks {
  const ticks = marks.ticks.filter((x) => x >= low - 1e-9 * Math.abs(low) && x <= high + 1e-9 * Math.abs(high));
  return {
    from: low,
    to: high > low ? high : low + 1,
    step: marks.step,
    ticks: ticks.length > 0 ? ticks : [low, high],
  };
}

/** Ticks at multiples of 1, 2 or 5 times a power of ten, not nearer than `least`; the range grows to whole steps. */
function linearMarks([low, high]: readonly [number, number], count: number, least: number): Marks {
  const width = high - low || Math.abs(high) || 1;
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, power * (([1, 2, 5].find((x) => x * power >= rough * 0.999) as number) ?? 10));
  const from = Math.floor(low / step + 1e-9) * step;
  const to = Math.max(Math.ceil(high / step - 1e-9) * step, from + step);
  const steps = Math.round((to - from) / step);
  return { from, to, step, ticks: Array.from({ length: steps + 1 }, (_, i) => from + i * step) };
}

/** Ticks at powers of ten, and at 2 and 5 times them where there is room. */
function logMarks([low, high]: readonly [number, number], count: number): Marks {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high * 1.0001))];
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const factors = decades.length * 3 <= count + 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades.length / count));
  const all = decades.filter((_, i) => i % every === 0).flatMap((d) => factors.map((f) => f * 10 ** d));
  const from = all.filter((x) => x <= low * 1.0001).at(-1) ?? (all[0] as number);
  const to = all.find((x) => x >= high * 0.9999) ?? 10 ** last;
  return { from, to: to === from ? from * 10 : to, step: 0, ticks: all.filter((x) => x >= from && x <= to) };
}

function tickText(value: number, step: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(0).replace('e+', 'e');
  if (step === 0) return String(Number(value.toPrecision(2)));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const text = value.toFixed(Math.min(digits, 8));
  return Number(text) === 0 ? '0' : text;
}

/** A value as a tooltip shows it: with its unit. */
export function shown(value: number, quantity: Quantity): string {
  const { factor, name } = unitFor(quantity, Math.abs(value));
  const scaled = value / factor;
  const size = Math.abs(scaled);
  const plain = Number.isInteger(scaled) && size < 1e6;
  const text = plain
    ? integer(scaled)
    : size !== 0 && (size < 1e-3 || size >= 1e6)
      ? scaled.toExponential(2)
      : String(Number(scaled.toPrecision(4)));
  return name === '' ? text : `${text} ${name}`;
}
