/** What an axis measures: it decides the unit and how ticks read. Shares are of 1, bytes decimal. */
export type Quantity = 'share' | 'count' | 'bytes' | 'milliseconds' | 'seconds' | 'number';

/** One axis of a chart. */
export interface Axis {
  /** Without the unit, which the drawing adds. */
  readonly label: string;
  readonly quantity: Quantity;
  readonly log?: boolean;
  /** Whether there is nothing between whole numbers: stages, epochs. */
  readonly whole?: boolean;
  /** Whether the axis begins at zero whatever the values are. */
  readonly fromZero?: boolean;
  /** The part that is shown; all values where absent. */
  readonly range?: readonly [number, number];
}

/** A point of a series. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** What the point is, beside its two values. */
  readonly note?: string;
  /** What a pick of the point is told by. */
  readonly key?: string;
  /** Drawn filled and larger: on the Pareto front. */
  readonly strong?: boolean;
}

/** How a series is drawn: points alone, joined, as steps, or as steps that are filled. */
export type SeriesForm = 'points' | 'line' | 'steps' | 'area';

/** Points of one kind; their colour, marker and dashes follow from the place among the series. */
export interface Series {
  readonly name: string;
  readonly form: SeriesForm;
  readonly points: readonly ChartPoint[];
}

/** A line across the chart, at one value of one axis. */
export interface ReferenceLine {
  readonly axis: 'x' | 'y';
  readonly value: number;
  readonly label: string;
}

/** Points in a plane. */
export interface XyChart {
  readonly kind: 'xy';
  /** Unique on a page; the name of its files. */
  readonly id: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly lines?: readonly ReferenceLine[];
  /** The diagonal x = y. */
  readonly diagonal?: string;
}

/** One part of each bar. */
export interface BarStack {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** What is kept is drawn in full colour (or tinted), what is removed pale. */
  readonly look: 'kept' | 'removed';
}

/** How strongly the kept part of each bar is coloured. */
export interface BarTint {
  readonly label: string;
  readonly quantity: Quantity;
  readonly values: readonly (number | null)[];
}

/** Horizontal bars, one a category, each of several parts. */
export interface BarChart {
  readonly kind: 'bars';
  readonly id: string;
  readonly title: string;
  readonly categories: readonly string[];
  readonly categoryLabel: string;
  readonly value: Axis;
  readonly stacks: readonly BarStack[];
  readonly tint?: BarTint;
}

/** A chart as data: what it shows, not how large. */
export type Chart = XyChart | BarChart;
