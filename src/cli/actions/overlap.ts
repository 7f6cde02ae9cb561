import { parseAddress, type RowRange } from '../../data/address.ts';
import { isMadeUp, type OpenedData } from '../../pipeline/opened-data.ts';

/** How many rows two addresses have in common, as far as the addresses tell: the same files, ranges from the start. */
export function sharedRows(
  a: Pick<OpenedData, 'address' | 'source'>,
  b: Pick<OpenedData, 'address' | 'source'>,
): number {
  if (isMadeUp(a.address) || isMadeUp(b.address)) return 0;
  const [x, y] = [parseAddress(a.address), parseAddress(b.address)];
  if (x.kind !== y.kind || x.paths[0] !== y.paths[0]) return 0;
  if (a.address === b.address) return a.source.count;
  if ([x, y].some(({ range }) => (range.start ?? 0) < 0)) return 0;
  const rows = new Set(rowsOf(x.range, a.source.count));
  return rowsOf(y.range, b.source.count).filter((row) => rows.has(row)).length;
}

function rowsOf({ start = 0, step = 1 }: RowRange, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i * step);
}
