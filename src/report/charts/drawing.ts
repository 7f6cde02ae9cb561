import type { Markup } from '../markup.ts';

/** How large a chart is drawn, and what of it stands out. */
export interface Drawing {
  /** Pixels; text stays 12 pixels high whatever this is. */
  readonly width: number;
  /** Key of the point with a ring around it. */
  readonly picked?: string | null;
  /** Names of series, or of parts of bars, that are left out. The others keep their colours. */
  readonly hidden?: ReadonlySet<string>;
  /** The part of the horizontal axis that is shown; all of it where null. */
  readonly range?: readonly [number, number] | null;
  /** False where the page around it has the legend. */
  readonly legend?: boolean;
}

/** Where the axes of a chart lie, in pixels. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Where a value of the horizontal axis lies; perhaps outside. */
  at(value: number): number;
  /** The value of the horizontal axis at a place. */
  valueAt(x: number): number;
}

/** A drawn chart: the content of an svg element, and its height in pixels. */
export interface Drawn {
  readonly content: Markup;
  readonly height: number;
  readonly plot: Plot;
  /** Middles of what can be pointed at, in the order of the marks. */
  readonly spots: readonly (readonly [x: number, y: number])[];
}
