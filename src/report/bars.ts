import { percent } from './figures.ts';
import { type Markup, markup } from './markup.ts';

/** The drawn width of a bar's whole, in units of its own; the page stretches it. */
const WIDTH = 200;

/** What is not nothing stays visible. */
const LEAST = 1;

/** A bar of two parts, kept and removed. @param kept  share of the whole, 0 to 1 */
export function keptBar(kept: number): Markup {
  return bar(kept, `${percent(kept, 1)} kept, ${percent(1 - kept, 1)} removed`);
}

/** A bar of one share of a whole. @param label  what a reader who does not see it is told */
export function bar(share: number, label: string): Markup {
  const drawn = share <= 0 ? 0 : Math.min(WIDTH, Math.max(LEAST, share * WIDTH));
  return markup`<svg class="bar" viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="removed" width="${WIDTH}" height="10"/><rect class="kept" width="${drawn.toFixed(2)}" height="10"/></svg>`;
}
