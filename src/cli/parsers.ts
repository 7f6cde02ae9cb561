import { InvalidArgumentError } from 'commander';
import type { LayerBound } from '../budget/budget.ts';
import { patternOf } from '../budget/pattern.ts';
import { messageOf } from '../errors/errors.ts';

/** A number as a flag's value: `0.9`, `1e-3`, `1/255`. */
export function number(text: string): number {
  const parts = text.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const value =
    parts.length === 2
      ? (parts[0] as number) / (parts[1] as number)
      : parts.length === 1
        ? (parts[0] as number)
        : Number.NaN;
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Wanted a number.');
  return value;
}

/** A whole number from 0. */
export function whole(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('Wanted a whole number from 0.');
  return value;
}

/** A whole number from 1. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Wanted a whole number above 0.');
  return value;
}

const SUFFIXES = { '': 1, k: 1e3, M: 1e6, G: 1e9 } as const;

/** A count of things with a decimal suffix: `100k`, `1.5M`, `32360`. */
export function amount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text.trim());
  const value = match === null ? Number.NaN : Number(match[1]) * SUFFIXES[match[2] as keyof typeof SUFFIXES];
  if (!Number.isInteger(value)) throw new InvalidArgumentError('Wanted a whole number, such as 32360, 100k or 1.5M.');
  return value;
}

/** Bytes: `4GB`, `800MB`, `4GiB`. */
export function byteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kMG])(i?)B?$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('Wanted an amount of memory, such as 4GB or 800MB.');
  const power = { k: 1, M: 2, G: 3 }[match[2] as 'k' | 'M' | 'G'];
  return Math.round(Number(match[1]) * (match[3] === 'i' ? 1024 : 1000) ** power);
}

/** A share, also as a percentage: `0.01`, `1%`. */
export function share(text: string): number {
  return text.trim().endsWith('%') ? number(text.trim().slice(0, -1)) / 100 : number(text);
}

/** How much of some layers is kept: `conv1:keep=1.0`, `*fc*:keep=0.2..0.8`, `fc:keep=0.5..`. */
export function boundOf(text: string): LayerBound {
  const match = /^(.+):keep=([^:]+?)(?:(\.\.)([^:]*))?$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('Wanted GLOB:keep=SHARE or GLOB:keep=LEAST..MOST.');
  const least = share(match[2] as string);
  const most = match[3] === undefined ? least : match[4] === '' ? 1 : share(match[4] as string);
  return { layer: match[1] as string, least, most };
}

/** Bounds as they were written, each checked; a flag that is given again adds to them. */
export function layerBounds(text: string, before?: readonly string[]): string[] {
  const words = list(text, before);
  for (const word of words) boundOf(word);
  return words;
}

/** A pattern as it was written, checked: `2:4`, `block:4x1`. */
export function pattern(text: string): string {
  try {
    patternOf(text);
  } catch (thrown) {
    throw new InvalidArgumentError(messageOf(thrown));
  }
  return text.trim();
}

/** A number, or the word `auto`. */
export function numberOrAuto(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : number(text);
}

/** Words parted by commas; a flag that is given again adds to them. */
export function list(text: string, before?: readonly string[]): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (words.length === 0) throw new InvalidArgumentError('Wanted at least one name.');
  return [...(before ?? []), ...words];
}

/** Whole numbers parted by commas: `1,2,3`. */
export function wholes(text: string): number[] {
  return list(text).map(whole);
}

/** How many values a range of {@link shares} may have. */
const MOST_VALUES = 1000;

/** Numbers parted by commas, and ranges with a step: `0.5,0.9`, `50%`, `0.5..0.9:0.05`; the step is 0.1 unless given. */
export function shares(text: string): number[] {
  return list(text).flatMap((word) => {
    const range = /^(.+?)\.\.(.+?)(?::(.+))?$/.exec(word);
    if (range === null) return [share(word)];
    const [from, to, step] = [range[1] as string, range[2] as string, range[3] ?? '0.1'].map(share) as [
      number,
      number,
      number,
    ];
    const steps = Math.floor((to - from) / step + 1e-9);
    if (!(step > 0) || steps < 0 || steps > MOST_VALUES)
      throw new InvalidArgumentError('Wanted from..to:step with a step above 0.');
    return Array.from({ length: steps + 1 }, (_, i) => Number((from + i * step).toPrecision(12)));
  });
}

/** One of some words, with the nearest one suggested for a wrong one. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    if ((words as readonly string[]).includes(text)) return text as T;
    const near = nearest(text, words);
    throw new InvalidArgumentError(
      `Wanted ${words.join(', ')}${near === undefined ? '' : `; did you mean ${near}`}${near === undefined ? '.' : '?'}`,
    );
  };
}

/** The word that differs from a wrong one by the fewest letters, where these are few enough for a slip. */
export function nearest(wrong: string, words: readonly string[]): string | undefined {
  const scored = words
    .map((word) => ({ word, slips: slips(wrong.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.slips - b.slips);
  const best = scored[0];
  return best !== undefined && best.slips <= Math.max(1, Math.floor(Math.max(wrong.length, best.word.length) * 0.4))
    ? best.word
    : undefined;
}

/** Letters to insert, delete, replace (Levenshtein's distance). */
function slips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
