/**
 * A typed array with its elements worked out one by one. The runtime's own `from` makes a plain array of what it maps first: four times
 * the memory, and from 2^27 entries on the end of the process.
 */
export function filled<E, A extends { readonly length: number; [i: number]: E }>(
  array: A,
  element: (i: number) => E,
): A {
  for (let i = 0; i < array.length; i++) array[i] = element(i);
  return array;
}

/** Whole numbers as 64-bit ones. */
export function bigInts(values: ArrayLike<number>): BigInt64Array {
  return filled(new BigInt64Array(values.length), (i) => BigInt(values[i] as number));
}

/** Elements of an array at some places, in their order. */
export function pickedFrom(values: ArrayLike<number>, places: ArrayLike<number>): Int32Array {
  return filled(new Int32Array(places.length), (i) => values[places[i] as number] as number);
}
