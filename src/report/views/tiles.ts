import { bytes, integer, milliseconds, percent, points, ratio } from '../figures.ts';
import type { Report } from '../report.ts';

/** A figure that answers first. */
export interface Tile {
  readonly label: string;
  readonly figure: string;
  readonly aside: string;
}

/** The figures that answer first: accuracy, weights, download size, latency; those that are known. */
export function tilesOf(report: Report): Tile[] {
  const all = [accuracyTile(report), weightsTile(report), downloadTile(report), latencyTile(report)];
  return all.filter((tile) => tile !== null);
}

function accuracyTile({ accuracy, recalibrated }: Report): Tile | null {
  if (accuracy.after === null) return null;
  const again = recalibrated?.accuracy ?? null;
  const change =
    accuracy.before === null ? '' : `${points(accuracy.before, accuracy.after)} from ${percent(accuracy.before)}`;
  const aside = [change, again === null ? '' : `recalibrated ${percent(again)}`].filter((text) => text !== '');
  return { label: 'Accuracy', figure: percent(accuracy.after), aside: aside.join('; ') };
}

function weightsTile({ nonzeros, prunable }: Report): Tile {
  const share = prunable === 0 ? 0 : nonzeros / prunable;
  return { label: 'Weights kept', figure: percent(share), aside: `${integer(nonzeros)} of ${integer(prunable)}` };
}

/** By brotli, or by gzip where that is all that is known: browsers measure no other. */
function downloadTile({ bytes: size }: Report): Tile | null {
  const coder = size.after?.brotli == null ? 'gzip' : 'brotli';
  const [before, after] = [size.before?.[coder] ?? null, size.after?.[coder] ?? null];
  if (after === null) return null;
  const aside = before === null ? '' : `${ratio(before, after)}, was ${bytes(before)}`;
  return { label: `Download, ${coder}`, figure: bytes(after), aside };
}

function latencyTile({ latency }: Report): Tile | null {
  const first = latency?.[0];
  if (first?.after == null) return null;
  const before = first.before === null ? '' : `was ${milliseconds(first.before.median)}`;
  return { label: `Latency, batch ${first.batch}`, figure: milliseconds(first.after.median), aside: before };
}
