import { type Code, op, simd } from './assembler.ts';

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [a, b, simd(opcode)];
const unary =
  (opcode: number) =>
  (a: Code): Code => [a, simd(opcode)];
const shift =
  (opcode: number) =>
  (a: Code, bits: number): Code => [a, op.i32(bits), simd(opcode)];

/** The four bytes of a float32. */
function floatBytes(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** The four bytes of an int32. */
function wordBytes(value: number): number[] {
  return [...new Uint8Array(Int32Array.of(value).buffer)];
}

const four = (bytes: readonly number[]): Code => simd(0x0c, ...bytes, ...bytes, ...bytes, ...bytes);

/** Instructions on vectors of four f32 or i32. Comparisons give all bits or none in each lane. */
export const vec = {
  float: (value: number): Code => four(floatBytes(value)),
  int: (value: number): Code => four(wordBytes(value)),
  /** The first lanes with all bits, the others with none. */
  lanes: (count: number): Code => simd(0x0c, ...[0, 1, 2, 3].flatMap((i) => wordBytes(i < count ? -1 : 0))),
  /** One element in memory in all lanes. */
  loadSplat: (at: Code, offset = 0): Code => [at, simd(0x09, 0, ...op.offset(offset))],
  storeLane: (at: Code, value: Code, lane: number, offset = 0): Code => [
    at,
    value,
    simd(0x5a, 0, ...op.offset(offset), lane),
  ],
  /** Lanes by number of the eight of two vectors. */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [
    a,
    b,
    simd(0x0d, ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))),
  ],
  splat: unary(0x13),
  splatInt: unary(0x11),
  laneFloat: (value: Code, lane: number): Code => [value, simd(0x1f, lane)],
  laneInt: (value: Code, lane: number): Code => [value, simd(0x1b, lane)],
  add: binary(0xe4),
  sub: binary(0xe5),
  mul: binary(0xe6),
  div: binary(0xe7),
  min: binary(0xe8),
  max: binary(0xe9),
  /** b < a ? b : a */
  pmin: binary(0xea),
  /** a < b ? b : a */
  pmax: binary(0xeb),
  abs: unary(0xe0),
  neg: unary(0xe1),
  sqrt: unary(0xe3),
  ceil: unary(0x67),
  floor: unary(0x68),
  trunc: unary(0x69),
  nearest: unary(0x6a),
  eq: binary(0x41),
  lt: binary(0x43),
  le: binary(0x45),
  not: unary(0x4d),
  and: binary(0x4e),
  or: binary(0x50),
  xor: binary(0x51),
  /** Bits of a where those of the mask are set, else of b. */
  select: (a: Code, b: Code, mask: Code): Code => [a, b, mask, simd(0x52)],
  addInt: binary(0xae),
  subInt: binary(0xb1),
  mulInt: binary(0xb5),
  minInt: binary(0xb6),
  maxInt: binary(0xb8),
  eqInt: binary(0x37),
  ltInt: binary(0x39),
  leInt: binary(0x3d),
  shiftLeft: shift(0xab),
  shiftRight: shift(0xac),
  shiftRightUnsigned: shift(0xad),
  /** Towards zero; NaN to 0, saturating. */
  toInt: unary(0xf8),
  toFloat: unary(0xfa),
  /** a b + c in one rounding or two, as the machine likes (relaxed SIMD). */
  relaxedMadd: (a: Code, b: Code, c: Code): Code => [a, b, c, simd(0x105)],
} as const;
