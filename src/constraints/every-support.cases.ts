import fc from 'fast-check';
import { random } from '../tensor/random.ts';

/** All supports of p weights. */
export function* everySupport(p: number): Generator<Uint8Array> {
  for (let mask = 0; mask < 2 ** p; mask++) yield Uint8Array.from({ length: p }, (_, i) => (mask >> i) & 1);
}

/** Importance that a support keeps. */
export function keptBy(importance: ArrayLike<number>, support: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < support.length; i++) if (support[i] === 1) value += importance[i] as number;
  return value;
}

/** The most importance that a support which passes a test keeps. */
export function bestOfAll(importance: Float64Array, passes: (support: Uint8Array) => boolean): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const support of everySupport(importance.length))
    if (passes(support)) best = Math.max(best, keptBy(importance, support));
  return best;
}

/** Weights kept of each list. */
export function countsOf(lists: readonly (readonly number[])[], support: Uint8Array): number[] {
  return lists.map((list) => list.reduce((sum, i) => sum + (support[i] as number), 0));
}

/** The groups of a matrix as lists of places, written down the slow way: by row and column of each element. */
export function listsOf(
  {
    groups,
    outputs,
    inputs,
    places,
  }: {
    readonly groups: number;
    readonly outputs: number;
    readonly inputs: number;
    readonly places: Int32Array | null;
  },
  { height, width }: { readonly height: number; readonly width: number },
  start = 0,
): number[][] {
  const lists = new Map<string, number[]>();
  for (let g = 0; g < groups; g++)
    for (let r = 0; r < outputs; r++)
      for (let c = 0; c < inputs; c++) {
        const key = `${g} ${Math.floor(r / height)} ${Math.floor(c / width)}`;
        const k = (g * outputs + r) * inputs + c;
        lists.set(key, [...(lists.get(key) ?? []), start + (places?.[k] ?? k)]);
      }
  return [...lists.values()];
}

/** Small matrices of at most so many weights, their elements in any order. */
export function smallMatrices(most: number): fc.Arbitrary<{
  groups: number;
  outputs: number;
  inputs: number;
  places: Int32Array | null;
}> {
  return fc
    .record({
      groups: fc.integer({ min: 1, max: 2 }),
      outputs: fc.integer({ min: 1, max: 4 }),
      inputs: fc.integer({ min: 1, max: most }),
      seed: fc.option(fc.nat(1000)),
    })
    .filter(({ groups, outputs, inputs }) => groups * outputs * inputs <= most)
    .map(({ groups, outputs, inputs, seed }) => {
      const size = groups * outputs * inputs;
      const places = Int32Array.from({ length: size }, (_, i) => i);
      const rng = random(seed ?? 0);
      for (let i = size - 1; i > 0; i--) {
        const j = rng.integer(i + 1);
        [places[i], places[j]] = [places[j] as number, places[i] as number];
      }
      return { groups, outputs, inputs, places: seed === null ? null : places };
    });
}
