import { parseNpy } from './npy.ts';
import type { RawArray } from './raw-array.ts';
import { listZip } from './zip.ts';

/**
 * Reads arrays of a numpy archive (`np.savez`, `np.savez_compressed`).
 *
 * @param wanted  names of the arrays to read; others are not even unpacked
 * @returns       the arrays that are there, and the names of all that the archive has
 * @throws DataError  if the archive or one of the wanted arrays is damaged or not of numbers
 */
export function parseNpz(
  bytes: Uint8Array,
  name: string,
  wanted: readonly string[],
): { arrays: Map<string, RawArray>; names: string[] } {
  const arrays = new Map<string, RawArray>();
  const names: string[] = [];
  for (const entry of listZip(bytes, name)) {
    const key = entry.name.replace(/\.npy$/, '');
    names.push(key);
    if (wanted.includes(key)) arrays.set(key, parseNpy(entry.read(), `${name}, ${entry.name}`));
  }
  return { arrays, names };
}
