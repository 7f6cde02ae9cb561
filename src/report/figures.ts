/** How a figure that is not known reads. */
export const UNKNOWN = 'n/a';

/** Made once: a formatter takes far longer to make than to use. */
const GROUPED = new Intl.NumberFormat('en-US');

/** `12,345`. */
export function integer(value: number | null): string {
  return value === null ? UNKNOWN : GROUPED.format(Math.round(value));
}

/** A share of 1 as a percentage: `91.44 %`. */
export function percent(share: number | null, digits = 2): string {
  return value(share === null ? null : share * 100, digits, ' %');
}

/** A number with the significant digits that a reader can use: `0.001234`, `12.35`, `1.235e+7`. */
export function number(figure: number | null, significant = 4): string {
  if (figure === null) return UNKNOWN;
  if (figure === 0) return '0';
  const size = Math.abs(figure);
  return size >= 1e6 || size < 1e-4 ? figure.toExponential(significant - 1) : figure.toPrecision(significant);
}

/** Bytes in decimal units: `1.23 MB`. */
export function bytes(count: number | null): string {
  return scaled(count, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** A large count in short: `41.2 M`. */
export function short(count: number | null): string {
  return scaled(count, ['', 'k', 'M', 'G', 'T']);
}

/** Milliseconds: `0.123 ms`, `12.3 ms`. */
export function milliseconds(ms: number | null): string {
  return ms === null ? UNKNOWN : `${number(ms, 3)} ms`;
}

/** Seconds: `0.12 s`, `75.3 s`, `2 h 5 min`. */
export function duration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 120) return value(seconds, seconds < 10 ? 2 : 1, ' s');
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The difference of two shares in percentage points, signed: `+1.25 points`. */
export function points(before: number | null, after: number | null): string {
  return before === null || after === null ? '' : `${signed((after - before) * 100, 2)} points`;
}

/** The difference of two figures, signed. */
export function difference(before: number | null, after: number | null): string {
  if (before === null || after === null) return '';
  const text = number(after - before);
  return after > before ? `+${text}` : text;
}

/** The words of a {@link ratio}. */
export interface RatioWords {
  readonly less: string;
  readonly more: string;
}

const SIZE_WORDS: RatioWords = { less: 'smaller', more: 'larger' };

/** How many times smaller or larger a figure became: `6.6x smaller`, `unchanged`. */
export function ratio(before: number | null, after: number | null, words: RatioWords = SIZE_WORDS): string {
  if (before === null || after === null || before <= 0) return '';
  if (after === 0) return 'gone';
  const times = before / after;
  if (Math.abs(times - 1) < 0.005) return 'unchanged';
  const shown = (factor: number): string => (factor < 2 ? factor.toFixed(2) : number(factor, factor < 10 ? 2 : 3));
  return times > 1 ? `${shown(times)}x ${words.less}` : `${shown(1 / times)}x ${words.more}`;
}

function value(figure: number | null, digits: number, unit: string): string {
  return figure === null ? UNKNOWN : figure.toFixed(digits) + unit;
}

function signed(figure: number, digits: number): string {
  const text = figure.toFixed(digits);
  if (Number(text) === 0) return text.replace('-', '');
  return Number(text) > 0 ? `+${text}` : text;
}

/** Powers of 1000, three significant digits. */
function scaled(count: number | null, units: readonly string[]): string {
  if (count === null) return UNKNOWN;
  let at = 0;
  let rest = count;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at += 1;
  }
  return `${at === 0 ? rest : rest.toPrecision(3)} ${units[at]}`.trim();
}
