import type { Code } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import type { Element } from './element.ts';
import { erf } from './scalar-functions.ts';
import { erfOf, expOf, logOf, type Scratch, sigmoidOf, tanhOf } from './transcendental.ts';

/** A function of elements: how vectors of four compute it, and what it is. */
export interface ElementFunction {
  readonly gives: Element;
  /** Whether the code reads its arguments more than once. */
  readonly repeats: boolean;
  readonly code: (args: readonly Code[], scratch: Scratch) => Code;
  /** The definition, in f64 or whole numbers; what kernels are tested against. */
  readonly scalar: (...args: number[]) => number;
}

const ONE = vec.int(1);

function float(code: (a: Code, b: Code) => Code, scalar: (a: number, b: number) => number): ElementFunction {
  return {
    gives: 'f32',
    repeats: false,
    code: ([a = [], b = []]) => code(a, b),
    scalar: (x = 0, y = 0) => scalar(x, y),
  };
}

function int(code: (a: Code, b: Code) => Code, scalar: (a: number, b: number) => number): ElementFunction {
  return {
    gives: 'i32',
    repeats: false,
    code: ([a = [], b = []]) => code(a, b),
    scalar: (x = 0, y = 0) => scalar(x, y) | 0,
  };
}

function truth(code: (a: Code, b: Code) => Code, scalar: (a: number, b: number) => boolean): ElementFunction {
  return int(
    (a, b) => vec.and(code(a, b), ONE),
    (x, y) => Number(scalar(x, y)),
  );
}

function smooth(code: (a: Code, scratch: Scratch) => Code, scalar: (x: number) => number): ElementFunction {
  return { gives: 'f32', repeats: true, code: ([a = []], scratch) => code(a, scratch), scalar: (x = 0) => scalar(x) };
}

/** To the nearest whole number, halves to the even one. */
function nearest(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

const nanFirst =
  (pick: (a: number, b: number) => number) =>
  (a: number, b: number): number =>
    Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : pick(a, b);

/** Functions of f32 and i32 by name. Errors of the smooth ones, relative: see transcendental.ts. */
export const FUNCTIONS = {
  add: float(vec.add, (a, b) => a + b),
  sub: float(vec.sub, (a, b) => a - b),
  mul: float(vec.mul, (a, b) => a * b),
  div: float(vec.div, (a, b) => a / b),
  /** NaN where one of both is. */
  min: float(vec.min, nanFirst(Math.min)),
  max: float(vec.max, nanFirst(Math.max)),
  /** The bound only where a is beyond it: NaN stays. */
  atMost: float(vec.pmin, (a, b) => (b < a ? b : a)),
  atLeast: float(vec.pmax, (a, b) => (a < b ? b : a)),
  neg: float(vec.neg, (a) => -a),
  abs: float(vec.abs, Math.abs),
  sqrt: float(vec.sqrt, Math.sqrt),
  ceil: float(vec.ceil, Math.ceil),
  floor: float(vec.floor, Math.floor),
  round: float(vec.nearest, nearest),
  exp: smooth(expOf, Math.exp),
  log: smooth(logOf, Math.log),
  tanh: smooth(tanhOf, Math.tanh),
  sigmoid: smooth(sigmoidOf, (x) => 1 / (1 + Math.exp(-x))),
  erf: smooth(erfOf, erf),
  less: truth(vec.lt, (a, b) => a < b),
  lessOrEqual: truth(vec.le, (a, b) => a <= b),
  equal: truth(vec.eq, (a, b) => a === b),
  addInt: int(vec.addInt, (a, b) => a + b),
  subInt: int(vec.subInt, (a, b) => a - b),
  mulInt: int(vec.mulInt, Math.imul),
  minInt: int(vec.minInt, Math.min),
  maxInt: int(vec.maxInt, Math.max),
  lessInt: truth(vec.ltInt, (a, b) => a < b),
  lessOrEqualInt: truth(vec.leInt, (a, b) => a <= b),
  equalInt: truth(vec.eqInt, (a, b) => a === b),
  and: int(vec.and, (a, b) => a & b),
  or: int(vec.or, (a, b) => a | b),
  /** 1 for 0, 0 for 1. */
  not: int(
    (a) => vec.xor(a, ONE),
    (a) => a ^ 1,
  ),
  toFloat: float(vec.toFloat, (a) => a),
  /** Towards zero. */
  toInt: int(vec.toInt, (a) => Math.min(Math.max(Math.trunc(a || 0), -(2 ** 31)), 2 ** 31 - 1)),
  /** The second where the first is 1, else the third; floats. */
  select: {
    gives: 'f32',
    repeats: false,
    code: ([c = [], a = [], b = []]) => vec.select(a, b, vec.eqInt(c, ONE)),
    scalar: (c = 0, a = 0, b = 0) => (c === 1 ? a : b),
  },
  selectInt: {
    gives: 'i32',
    repeats: false,
    code: ([c = [], a = [], b = []]) => vec.select(a, b, vec.eqInt(c, ONE)),
    scalar: (c = 0, a = 0, b = 0) => (c === 1 ? a : b),
  },
} as const satisfies Record<string, ElementFunction>;

/** Names of the functions. */
export type FunctionName = keyof typeof FUNCTIONS;
