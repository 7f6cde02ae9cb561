import { type Markup, markup } from '../markup.ts';
import type { ChartPoint, Series, XyChart } from './chart.ts';
import type { Drawing, Drawn } from './drawing.ts';
import { drawLegend, type LegendEntry } from './legend.ts';
import { dashes, fillClass, lineClass, marker } from './marks.ts';
import { type Scale, scaleOf, shown } from './scale.ts';
import { textWidth } from './text.ts';

/** Pixels. */
const BOTTOM = 44;
const TICK_ROOM = { x: 78, y: 44 };

/** Draws an {@link XyChart}. Cost: linear in its points. */
export function drawXy(chart: XyChart, drawing: Drawing): Drawn {
  const { width, picked = null, hidden, range = null } = drawing;
  const legend = drawLegend(drawing.legend === false ? [] : xyEntries(chart, hidden), width);
  const top = legend.height + 12;
  const bottom = top + Math.max(180, Math.min(320, Math.round(width * 0.45)));
  const series = shownSeries(chart, hidden, range);
  const values = valuesOf(chart, series, range);
  const y = scaleOf(chart.y, values('y'), [bottom, top], TICK_ROOM.y);
  const left = Math.ceil(Math.max(...y.ticks.map(({ text }) => textWidth(text)))) + 32;
  const right = width - 16;
  const x = scaleOf({ ...chart.x, ...(range && { range }) }, values('x'), [left, right], TICK_ROOM.x);
  const box = { left, right, top, bottom };
  const lines = (chart.lines ?? []).filter(({ axis, value }) => axis === 'y' || isWithin(value, range));
  const marked = series.map((one) => ({
    ...one,
    points: thinned(one.points.filter((point) => isWithin(point.x, range))),
  }));
  const inside = markup`${chart.diagonal === undefined ? null : diagonal(x, y)}${lines.map((line) =>
    reference(line, x, y, box),
  )}${series.map((one) => path(one, one.place, { x, y, bottom }))}${marked.map((one) =>
    marks(one, one.place, { x, y, chart, picked }),
  )}`;
  const content = markup`${legend.content}${frame(x, y, box)}${range === null ? inside : clipped(inside, chart.id, box)}`;
  const spots = marked.flatMap(({ points }) => points.map((point) => [x.at(point.x), y.at(point.y)] as const));
  return { content, height: bottom + BOTTOM, plot: { ...box, at: x.at, valueAt: x.valueAt }, spots };
}

/** A series and its place among all, which decides its colour. */
interface PlacedSeries extends Series {
  readonly place: number;
}

/** Of a part of the axis the points in it, and of a line one more on each side: it is cut off at the edge, not before. */
function shownSeries({ series }: XyChart, hidden: Drawing['hidden'], range: Drawing['range']): PlacedSeries[] {
  return series
    .map((one, place) => ({ ...one, place }))
    .filter(({ name }) => hidden?.has(name) !== true)
    .map((one) => {
      if (!range) return one;
      const { points, form } = one;
      const near = (i: number): boolean => isWithin(points[i]?.x ?? Number.NaN, range);
      const isJoined = form !== 'points';
      return { ...one, points: points.filter((_, i) => near(i) || (isJoined && (near(i - 1) || near(i + 1)))) };
    });
}

function isWithin(x: number, range: Drawing['range']): boolean {
  return !range || (x >= range[0] && x <= range[1]);
}

/** What has to be in sight: of a part of the axis what lies in it. */
function valuesOf(
  { lines = [], diagonal: hasDiagonal }: XyChart,
  series: readonly PlacedSeries[],
  range: Drawing['range'],
): (axis: 'x' | 'y') => number[] {
  const points = series.flatMap((one) => one.points.filter(({ x }) => isWithin(x, range)));
  const rules = range ? [] : lines;
  return (axis) => [
    ...points.map((point) => point[axis]),
    ...rules.filter((line) => line.axis === axis).map(({ value }) => value),
    ...(hasDiagonal === undefined || range ? [] : [0, ...(axis === 'y' ? points.map(({ x }) => x) : [])]),
  ];
}

function clipped(inside: Markup, id: string, { left, right, top, bottom }: Box): Markup {
  const around = 7; // markers at the edge are whole
  return markup`<clipPath id="part-of-${id}"><rect x="${left - around}" y="${top - around}" width="${right - left + 2 * around}" height="${bottom - top + around}"/></clipPath><g clip-path="url(#part-of-${id})">${inside}</g>`;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The legend of an {@link XyChart}, without what is hidden. */
export function xyEntries({ series, lines = [], diagonal }: XyChart, hidden?: Drawing['hidden']): LegendEntry[] {
  const rule = (text: string): LegendEntry => ({
    text,
    part: null,
    sign: (x, y) => markup`<path class="reference" d="M${x - 10} ${y}h20"/>`,
  });
  return [
    ...series
      .map(({ name, form }, i): LegendEntry => ({ text: name, part: name, sign: (x, y) => sign(form, i, x, y) }))
      .filter(({ text }) => hidden?.has(text) !== true),
    ...lines.filter(({ label }) => label !== '').map(({ label }) => rule(label)),
    ...(diagonal === undefined ? [] : [rule(diagonal)]),
  ];
}

function sign(form: Series['form'], i: number, x: number, y: number): Markup {
  if (form === 'area')
    return markup`<rect class="area ${fillClass(i)}" x="${x - 9}" y="${y - 6}" width="18" height="12"/><path class="path ${lineClass(i)}" d="M${x - 9} ${y - 6}h18"/>`;
  const line =
    form === 'points'
      ? null
      : markup`<path class="path ${lineClass(i)}" stroke-dasharray="${dashes(i)}" d="M${x - 11} ${y}h22"/>`;
  return markup`${line}${form === 'steps' ? null : marker(i, x, y, true)}`;
}

function frame(x: Scale, y: Scale, { left, right, top, bottom }: Box): Markup {
  const columns = x.ticks.map(({ value, text }) => {
    const at = x.at(value).toFixed(1);
    return markup`<path class="grid" d="M${at} ${top}V${bottom}"/><text x="${at}" y="${bottom + 17}" text-anchor="middle">${text}</text>`;
  });
  const rows = y.ticks.map(({ value, text }) => {
    const at = y.at(value);
    return markup`<path class="grid" d="M${left} ${at.toFixed(1)}H${right}"/><text x="${left - 7}" y="${(at + 4).toFixed(1)}" text-anchor="end">${text}</text>`;
  });
  const middle = (top + bottom) / 2;
  return markup`${columns}${rows}<path class="axis" d="M${left} ${top}V${bottom}H${right}"/><text class="name" x="${(left + right) / 2}" y="${bottom + 37}" text-anchor="middle">${x.title}</text><text class="name" transform="translate(12 ${middle}) rotate(-90)" text-anchor="middle">${y.title}</text>`;
}

function reference({ axis, value }: { axis: 'x' | 'y'; value: number }, x: Scale, y: Scale, box: Box): Markup {
  const d =
    axis === 'x'
      ? `M${x.at(value).toFixed(1)} ${box.top}V${box.bottom}`
      : `M${box.left} ${y.at(value).toFixed(1)}H${box.right}`;
  return markup`<path class="reference" d="${d}"/>`;
}

function diagonal(x: Scale, y: Scale): Markup {
  const ends = [...x.ticks.map(({ value }) => value), ...y.ticks.map(({ value }) => value)];
  const low = Math.max(x.ticks[0]?.value ?? 0, y.ticks[0]?.value ?? 0);
  const high = Math.min(x.ticks.at(-1)?.value ?? 1, y.ticks.at(-1)?.value ?? 1);
  const [a, b] = low < high ? [low, high] : [Math.min(...ends), Math.max(...ends)];
  return markup`<path class="reference" d="M${x.at(a)} ${y.at(a)}L${x.at(b)} ${y.at(b)}"/>`;
}

function path(series: Series, i: number, at: { x: Scale; y: Scale; bottom: number }): Markup | null {
  const { form, points } = series;
  if (form === 'points' || points.length === 0) return null;
  const places = points.map((point) => [at.x.at(point.x).toFixed(1), at.y.at(point.y).toFixed(1)] as const);
  const joined = places.map(([px, py], k) =>
    k === 0 ? `M${px} ${py}` : form === 'line' ? `L${px} ${py}` : `H${px}V${py}`,
  );
  const d = joined.join('');
  const first = places[0]?.[0] ?? '0';
  const area = form === 'area' ? markup`<path class="area ${fillClass(i)}" d="${d}V${at.bottom}H${first}Z"/>` : null;
  const dash = form === 'area' ? '' : dashes(i);
  return markup`${area}<path class="path ${lineClass(i)}" stroke-dasharray="${dash}" d="${d}"/>`;
}

/** Beyond this many points, lines have no markers and only some points can be pointed at. */
const MANY = 400;

function thinned(points: readonly ChartPoint[]): ChartPoint[] {
  const every = Math.ceil(points.length / MANY);
  return points.filter((_, k) => k % every === 0);
}

function marks(
  { name, form, points }: Series,
  i: number,
  { x, y, chart, picked }: { x: Scale; y: Scale; chart: XyChart; picked: string | null },
): Markup[] {
  return points.map((point) => {
    const [px, py] = [x.at(point.x), y.at(point.y)];
    const isStepped = form === 'steps' || form === 'area';
    const drawn = isStepped
      ? markup`<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="5" fill="transparent"/>`
      : marker(i, px, py, point.strong ?? form === 'line');
    const ring =
      point.key !== undefined && point.key === picked
        ? markup`<circle class="picked" cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="9"/>`
        : null;
    const key = point.key === undefined ? null : markup` data-key="${point.key}"`;
    return markup`<g data-tip="${tip(name, point, chart)}"${key}>${ring}${drawn}</g>`;
  });
}

function tip(name: string, point: ChartPoint, { x, y }: XyChart): string {
  const values = [`${x.label} ${shown(point.x, x.quantity)}`, `${y.label} ${shown(point.y, y.quantity)}`];
  return [point.note === undefined ? name : `${name}, ${point.note}`, ...values].join('\n');
}
