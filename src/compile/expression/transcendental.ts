import { type Code, op } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';

/** Vectors that a piece of code may keep values in. */
export interface Scratch {
  /** A local of a function, never given twice. */
  fresh(): number;
}

const { get, set } = op;
const f = vec.float;

/** Puts a value in a local of its own. */
function kept(scratch: Scratch, value: Code): { readonly code: Code; readonly read: Code } {
  const local = scratch.fresh();
  return { code: set(local, value), read: get(local) };
}

/** c0 + x (c1 + x (c2 + ...)) */
function polynomial(x: Code, coefficients: readonly number[]): Code {
  return coefficients
    .slice(0, -1)
    .reduceRight<Code>((sum, c) => vec.add(f(c), vec.mul(x, sum)), f(coefficients.at(-1) ?? 0));
}

/** From here down e^x is taken for 0, so that exponents do not leave their field. */
const EXP_LOWEST = -87.33;
/** From here on e^x is infinite. */
const EXP_HIGHEST = 89;
/** e^r for |r| <= ln 2 / 2: the polynomial of degree 5 whose largest relative error is least, 7.6e-8. */
const EXP_TERMS = [
  1.0000000718663786, 0.9999996910696336, 0.4999889266123275, 0.16667576542837845, 0.041915629246972896,
  0.00829761939707433,
];
/** ln 2 in two parts, the first with few bits, so that its product with a small whole number is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = Math.LN2 - LN2_HIGH;
/** Added to a small number, it leaves the nearest whole number n in the lowest bits, as n + 126: the exponent of 2^(n - 1). */
const ROUNDING = 1.5 * 2 ** 23 + 126;

/**
 * e^x = 2^(n - 1) 2 e^r, |r| <= ln 2 / 2, e^r by a polynomial. Relative error at most 2.5e-7; infinity beyond the range; 0 below e^-86.99,
 * a little above where normal numbers end, with those below which processors are slow; NaN stays.
 */
export function expOf(x: Code, scratch: Scratch): Code {
  const held = kept(scratch, vec.pmin(vec.pmax(x, f(EXP_LOWEST)), f(EXP_HIGHEST)));
  const rounded = kept(scratch, vec.add(vec.mul(held.read, f(Math.LOG2E)), f(ROUNDING)));
  const n = kept(scratch, vec.sub(rounded.read, f(ROUNDING)));
  const r = kept(scratch, vec.sub(vec.sub(held.read, vec.mul(n.read, f(LN2_HIGH))), vec.mul(n.read, f(LN2_LOW))));
  const square = kept(scratch, vec.mul(r.read, r.read));
  // by pairs of terms, which do not wait for each other
  const pair = (i: number): Code =>
    polynomial(r.read, [2 * (EXP_TERMS[i] as number), 2 * (EXP_TERMS[i + 1] as number)]);
  const upper = vec.add(pair(2), vec.mul(square.read, pair(4)));
  return [
    [held, rounded, n, r, square].map(({ code }) => code),
    vec.mul(vec.add(pair(0), vec.mul(square.read, upper)), vec.shiftLeft(rounded.read, 23)),
  ];
}

/** ln x = e ln 2 + 2 artanh((m - 1) / (m + 1)), x = 2^e m, m about 1. Absolute error 1e-7 near 1, else relative 2e-7. */
export function logOf(x: Code, scratch: Scratch): Code {
  const isSmall = vec.lt(x, f(2 ** -126));
  const scaled = kept(scratch, vec.select(vec.mul(x, f(2 ** 23)), x, isSmall));
  // the exponent such that m lies in [sqrt(1/2), sqrt(2))
  const bits = vec.subInt(scaled.read, vec.int(0x3f3504f3));
  const e = kept(scratch, vec.shiftRight(bits, 23));
  const m = kept(scratch, vec.subInt(scaled.read, vec.shiftLeft(e.read, 23)));
  const s = kept(scratch, vec.div(vec.sub(m.read, f(1)), vec.add(m.read, f(1))));
  const square = kept(scratch, vec.mul(s.read, s.read));
  const power = kept(scratch, vec.sub(vec.toFloat(e.read), vec.and(isSmall, f(23))));
  const series = vec.mul(vec.mul(s.read, f(2)), polynomial(square.read, [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11]));
  const finite = vec.add(vec.mul(power.read, f(Math.LN2)), series);
  const positive = vec.select(finite, x, vec.lt(x, f(Number.POSITIVE_INFINITY))); // infinity and NaN stay
  const atZero = vec.select(f(Number.NEGATIVE_INFINITY), positive, vec.eq(x, f(0)));
  return [[scaled, e, m, s, square, power].map(({ code }) => code), vec.select(f(Number.NaN), atZero, vec.lt(x, f(0)))];
}

/** 1 / (1 + e^-x). Relative error 4e-7. */
export function sigmoidOf(x: Code, scratch: Scratch): Code {
  return vec.div(f(1), vec.add(f(1), expOf(vec.neg(x), scratch)));
}

/** Series of tanh below 1/4, 1 - 2 / (e^2x + 1) above. Relative error 5e-7. */
export function tanhOf(x: Code, scratch: Scratch): Code {
  const square = kept(scratch, vec.mul(x, x));
  const near = kept(
    scratch,
    vec.mul(x, polynomial(square.read, [1, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925])),
  );
  const far = vec.sub(f(1), vec.div(f(2), vec.add(f(1), expOf(vec.add(x, x), scratch))));
  return [square.code, near.code, vec.select(near.read, far, vec.lt(vec.abs(x), f(0.25)))];
}

const ERF_TERMS = Array.from({ length: 11 }, (_, n) => {
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return ((n % 2 === 0 ? 1 : -1) * 2) / Math.sqrt(Math.PI) / (factorial * (2 * n + 1));
});
/** Source: Abramowitz and Stegun, 7.1.26. */
const ERFC = { p: 0.3275911, terms: [0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] } as const;

/** The series of erf below 1, a rational bound of erfc above. Relative error 4e-7. */
export function erfOf(x: Code, scratch: Scratch): Code {
  const a = kept(scratch, vec.abs(x));
  const square = kept(scratch, vec.mul(x, x));
  const near = kept(scratch, vec.mul(x, polynomial(square.read, ERF_TERMS)));
  const t = kept(scratch, vec.div(f(1), vec.add(f(1), vec.mul(a.read, f(ERFC.p)))));
  const rest = vec.mul(polynomial(t.read, ERFC.terms), expOf(vec.neg(square.read), scratch));
  const signed = vec.or(vec.sub(f(1), rest), vec.and(x, f(-0)));
  return [[a, square, near, t].map(({ code }) => code), vec.select(signed, near.read, vec.lt(f(1), a.read))];
}
