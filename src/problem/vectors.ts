/** Sum of squares, and of what was summed before. */
export function squaredNorm(v: Float64Array, before = 0): number {
  let sum = before;
  for (let i = 0; i < v.length; i++) sum += (v[i] as number) * (v[i] as number);
  return sum;
}

/** |a - b|^2 */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

/** a'b */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** a + t b */
export function along(a: Float64Array, b: Float64Array, t: number): Float64Array {
  return a.map((x, i) => x + t * (b[i] as number));
}

/** Where a vector is not zero. */
export function nonzeros(v: Float64Array | Uint8Array): Int32Array {
  const found = new Int32Array(v.length);
  let count = 0;
  for (let i = 0; i < v.length; i++) if (v[i] !== 0) found[count++] = i;
  return found.subarray(0, count);
}
