import { parseAddress } from '../../data/address.ts';
import { isMadeUp, type OpenedData } from '../opening.node.ts';

/** How many rows two addresses have in common, as far as the addresses tell: the same files, ranges from the start. */
export function sharedRows(
  a: Pick<OpenedData, 'address' | 'source'>,
  b: Pick<OpenedData, 'address' | 'source'>,
): number {
  if (isMadeUp(a.address) || isMadeUp(b.address)) return 0;
  const [x, y] = [parseAddress(a.address), parseAddress(b.address)];
  if (x.kind !== y.kind || x.paths[0] !== y.paths[0]) return 0;
  if (a.address === b.address) return a.source.count;
  const starts = [x.range.start ?? 0, y.range.start ?? 0] as const;
  if (starts.some((start) => start < 0)) return 0;
  const [p, q] = [starts[0] + a.source.count, starts[1] + b.source.count];
  return Math.max(0, Math.min(p, q) - Math.max(...starts));
}
