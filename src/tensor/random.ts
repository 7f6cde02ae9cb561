/** A seeded stream of random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
  /** A stream of its own, fixed by this stream's seed and the label: drawing from one never moves the other. */
  fork(label: string | number): Random;
}

/** Cost: a few integer operations a draw. Source: xoshiro128** by Blackman and Vigna, state filled by splitmix32. */
export function random(seed: number | string): Random {
  return stream(hash(String(seed)));
}

function stream(origin: number): Random {
  let state = origin;
  const split = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [split(), split(), split(), split()];
  const next = (): number => {
    const r = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return r;
  };
  let spare: number | undefined;
  const self: Random = {
    uniform: () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992,
    integer: (below) => Math.floor(self.uniform() * below),
    normal: () => {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - self.uniform()));
      const angle = 2 * Math.PI * self.uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    fork: (label) => stream(hash(`${origin}/${label}`)),
  };
  return self;
}

function rotl(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** FNV-1a with a final mix, so that seeds 1, 2, 3 give unrelated streams. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  return (h ^ (h >>> 15)) | 0;
}

/** `count` distinct integers of [0, below) in random order (a partial Fisher-Yates shuffle). */
export function sampleWithoutReplacement(rng: Random, below: number, count: number): Int32Array {
  const all = Int32Array.from({ length: below }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + rng.integer(below - i);
    const swap = all[i] as number;
    all[i] = all[j] as number;
    all[j] = swap;
  }
  return all.slice(0, count);
}
