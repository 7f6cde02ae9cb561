import { type Markup, markup } from '../markup.ts';
import { textWidth } from './text.ts';

/** An entry: how its sign is drawn around a middle, and what it means. */
export interface LegendEntry {
  readonly text: string;
  /** The series or the part of bars that it stands for; null for lines across. */
  readonly part: string | null;
  sign(x: number, y: number): Markup;
}

/** Pixels of a sign, of a line, and between entries. */
const SIGN = 26;
const LINE = 20;
const GAP = 18;

/** A legend that breaks into lines where it does not fit. */
export function drawLegend(entries: readonly LegendEntry[], width: number): { content: Markup[]; height: number } {
  let [x, y] = [0, 0];
  const content = entries.map(({ text, sign }) => {
    const needed = SIGN + textWidth(text);
    if (x > 0 && x + needed > width) [x, y] = [0, y + LINE];
    const drawn = markup`${sign(x + SIGN / 2 - 3, y + 8)}<text class="name" x="${x + SIGN}" y="${y + 12}">${text}</text>`;
    x += needed + GAP;
    return drawn;
  });
  return { content, height: entries.length === 0 ? 0 : y + LINE + 4 };
}
