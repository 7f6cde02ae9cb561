import type { Kept } from '../progress/recall.ts';
import type { ChosenSupports } from './supports.ts';

/** What was chosen, as it is kept: the weights are solved further. */
export function keptSupports({ supports, weights, errors }: ChosenSupports): Kept {
  return new Map<string, Float32Array | Float64Array>([
    ...supports.map((support, i) => [`support ${i}`, Float32Array.from(support)] as const),
    ...weights.map((W, i) => [`weights ${i}`, W] as const),
    ['errors', Float64Array.from(errors)],
  ]);
}

/** What was kept so. */
export function supportsIn(kept: Kept, layers: number): ChosenSupports {
  const all = <T>(read: (i: number) => T): T[] => Array.from({ length: layers }, (_, i) => read(i));
  return {
    supports: all((i) => Uint8Array.from(kept.get(`support ${i}`) as Float32Array)),
    weights: all((i) => (kept.get(`weights ${i}`) as Float32Array).slice()),
    errors: [...(kept.get('errors') as Float64Array)],
  };
}
