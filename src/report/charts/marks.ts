import { type Markup, markup } from '../markup.ts';
import { SERIES_COLOURS } from './palette.ts';

/** Outlines of the markers around 0, one a series, then from the first again. */
const SHAPES: readonly ((r: number) => string)[] = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
  (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
  (r) => `M0 ${-1.25 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
  (r) => `M0 ${-1.4 * r}L${1.4 * r} 0L0 ${1.4 * r}L${-1.4 * r} 0Z`,
  (r) => `M${-1.2 * r} ${-r}H${1.2 * r}L0 ${1.25 * r}Z`,
];

const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 4'];

/** The class of a series' lines. */
export function lineClass(series: number): string {
  return `line-${series % SERIES_COLOURS}`;
}

/** The class of a series' surfaces. */
export function fillClass(series: number): string {
  return `fill-${series % SERIES_COLOURS}`;
}

/** The dashes of a series' lines. */
export function dashes(series: number): string {
  return DASHES[series % DASHES.length] as string;
}

/** The marker of a series, filled where it is strong. */
export function marker(series: number, x: number, y: number, strong: boolean): Markup {
  const shape = SHAPES[series % SHAPES.length] as (r: number) => string;
  const look = strong ? fillClass(series) : 'hollow';
  return markup`<path class="mark ${lineClass(series)} ${look}" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})" d="${shape(strong ? 4.5 : 3.5)}"/>`;
}
