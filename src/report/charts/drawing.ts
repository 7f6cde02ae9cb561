import type { Markup } from '../markup.ts';

/** How large a chart is drawn, and what of it stands out. */
export interface Drawing {
  /** Pixels; text stays 12 pixels high whatever this is. */
  readonly width: number;
  /** Key of the point with a ring around it. */
  readonly picked?: string | null;
}

/** A drawn chart: the content of an svg element, and its height in pixels. */
export interface Drawn {
  readonly content: Markup;
  readonly height: number;
}
