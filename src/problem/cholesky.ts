import { kernels } from '../engine/kernels/kernels.ts';

/** A factor L of K = L L', lower triangular, row-major in a full [n, n] array. */
export interface Cholesky {
  readonly n: number;
  readonly L: Float64Array;
  /** What had to be added to the diagonal to factor it; 0 as a rule. */
  readonly jitter: number;
}

const MAX_JITTER_TRIES = 12;

/**
 * Factors a symmetric positive definite matrix; where rounding made it indefinite, the diagonal grows by a jitter
 * that starts at 1e-14 of the mean diagonal and is multiplied by ten until it works.
 *
 * @param K  [n, n] f64, only the lower half is read; not changed
 * @returns  null if no jitter up to 1e-3 of the mean diagonal helps, or K has a non-finite entry
 * Cost: n^3 / 6 multiply-adds in f64.
 */
export function cholesky(K: Float64Array, n: number): Cholesky | null {
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (K[i * n + i] as number) / n;
  if (!Number.isFinite(mean)) return null;
  for (let tries = 0, jitter = 0; tries <= MAX_JITTER_TRIES; tries++) {
    const L = kernels.factor(K, n, jitter);
    if (L !== null) return { n, L, jitter };
    jitter = jitter === 0 ? mean * 1e-14 : jitter * 10;
  }
  return null;
}

/** Solves K z = c. Cost: n^2. */
export function solve({ n, L }: Cholesky, c: Float64Array): Float64Array {
  const z = Float64Array.from(c);
  for (let i = 0; i < n; i++) {
    let sum = z[i] as number;
    for (let t = 0; t < i; t++) sum -= (L[i * n + t] as number) * (z[t] as number);
    z[i] = sum / (L[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = (z[i] as number) / (L[i * n + i] as number);
    z[i] = value;
    for (let t = 0; t < i; t++) (z[t] as number) -= (L[i * n + t] as number) * value;
  }
  return z;
}

/** L^-1, lower triangular. Cost: n^3 / 6. */
export function invertLower({ n, L }: Cholesky): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    const pivot = 1 / (L[row + i] as number);
    inverse[row + i] = pivot;
    for (let t = 0; t < i; t++) {
      const scale = -(L[row + t] as number) * pivot;
      if (scale === 0) continue;
      const from = t * n;
      for (let j = 0; j <= t; j++) (inverse[row + j] as number) += scale * (inverse[from + j] as number);
    }
  }
  return inverse;
}
