import { gzipSync, zipSync } from 'fflate';
import type { Random } from '../../src/tensor/random.ts';
import { sizeOf } from '../../src/tensor/tensor.ts';

/** Numbers as NumPy has them: a type, a shape, the elements in C order. */
export interface NumPy {
  readonly type: string;
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

type Put = (view: DataView, at: number, value: number, little: boolean) => void;

/** Bytes of an element, how it is put, and a number that it can hold. */
const TYPES: Readonly<Record<string, { size: number; put: Put; draw: (rng: Random) => number }>> = {
  f4: { size: 4, put: (v, at, x, little) => v.setFloat32(at, x, little), draw: (rng) => Math.fround(rng.normal()) },
  f8: { size: 8, put: (v, at, x, little) => v.setFloat64(at, x, little), draw: (rng) => rng.normal() },
  f2: { size: 2, put: (v, at, x, little) => v.setUint16(at, halves(x), little), draw: (rng) => rng.integer(64) / 4 },
  i1: { size: 1, put: (v, at, x) => v.setInt8(at, x), draw: (rng) => rng.integer(256) - 128 },
  i2: { size: 2, put: (v, at, x, little) => v.setInt16(at, x, little), draw: (rng) => rng.integer(65536) - 32768 },
  i4: { size: 4, put: (v, at, x, little) => v.setInt32(at, x, little), draw: (rng) => rng.integer(2e6) - 1e6 },
  i8: {
    size: 8,
    put: (v, at, x, little) => v.setBigInt64(at, BigInt(x), little),
    draw: (rng) => rng.integer(2e6) - 1e6,
  },
  u1: { size: 1, put: (v, at, x) => v.setUint8(at, x), draw: (rng) => rng.integer(256) },
  u2: { size: 2, put: (v, at, x, little) => v.setUint16(at, x, little), draw: (rng) => rng.integer(65536) },
  u4: { size: 4, put: (v, at, x, little) => v.setUint32(at, x, little), draw: (rng) => rng.integer(2e6) },
  u8: { size: 8, put: (v, at, x, little) => v.setBigUint64(at, BigInt(x), little), draw: (rng) => rng.integer(2e6) },
  b1: { size: 1, put: (v, at, x) => v.setUint8(at, x), draw: (rng) => rng.integer(2) },
};

/** A quarter of a whole number below 64 as a half. */
function halves(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.floor(Math.log2(x));
  return ((exponent + 15) << 10) | Math.round((x / 2 ** exponent - 1) * 1024);
}

const pick = <T>(rng: Random, list: readonly T[]): T => list[rng.integer(list.length)] as T;

/** Random numbers of a random type, or of one of some. */
export function numbers(rng: Random, dims: readonly number[], types: readonly string[] = Object.keys(TYPES)): NumPy {
  const type = pick(rng, types);
  const { draw } = TYPES[type] as (typeof TYPES)[string];
  return { type, dims, values: Array.from({ length: sizeOf(dims) }, () => draw(rng)) };
}

/** Whole numbers from 0 on, as labels are. */
export function labelNumbers(rng: Random, count: number, classes: number): NumPy {
  return {
    type: pick(rng, ['i8', 'i4', 'u1', 'i2', 'u8']),
    dims: [count],
    values: Array.from({ length: count }, () => rng.integer(classes)),
  };
}

function elements({ type, values }: NumPy, little: boolean): Uint8Array {
  const { size, put } = TYPES[type] as (typeof TYPES)[string];
  const view = new DataView(new ArrayBuffer(size * values.length));
  values.forEach((value, i) => put(view, i * size, value, little));
  return new Uint8Array(view.buffer);
}

/** The same numbers as they lie in Fortran order. */
function columnwise({ type, dims, values }: NumPy): NumPy {
  const turned = values.map((_, at) => {
    let [rest, from, stride] = [at, 0, values.length];
    for (const d of dims) {
      stride /= d;
      from += (rest % d) * stride;
      rest = Math.floor(rest / d);
    }
    return values[from] as number;
  });
  return { type, dims, values: turned };
}

/** An array in NumPy's format: any version, order, and order of bytes. */
export function npyFile(array: NumPy, rng: Random): Uint8Array {
  const [version, little, fortran] = [1 + rng.integer(3), rng.integer(3) > 0, rng.integer(3) === 0];
  const order = (TYPES[array.type]?.size ?? 1) === 1 ? '|' : little ? '<' : '>';
  const shape = array.dims.length === 1 ? `(${array.dims[0]},)` : `(${array.dims.join(', ')})`;
  const said = `{'descr': '${order}${array.type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;
  const head = version === 1 ? 10 : 12;
  const text = `${said.padEnd(Math.ceil((said.length + 1 + head) / 64) * 64 - 1 - head)}\n`;
  const body = elements(fortran ? columnwise(array) : array, little);
  const file = new Uint8Array(head + text.length + body.length);
  file.set([0x93, ...new TextEncoder().encode('NUMPY'), version, 0]);
  const view = new DataView(file.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  file.set(new TextEncoder().encode(text), head);
  file.set(body, head + text.length);
  return file;
}

/** Arrays in a zip file, packed or not. */
export function npzFile(arrays: Readonly<Record<string, Uint8Array>>, rng: Random): Uint8Array {
  const level = rng.integer(2) === 0 ? 0 : 6;
  return zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, [bytes, { level }]])),
  );
}

const IDX: Readonly<Record<string, number>> = { u1: 8, i1: 9, i2: 11, i4: 12, f4: 13, f8: 14 };

/** Types that MNIST's format has. */
export const IDX_TYPES = Object.keys(IDX);

/** An array in MNIST's format, packed or not. */
export function idxFile(array: NumPy, rng: Random): Uint8Array {
  const { dims, type } = array;
  const head = new DataView(new ArrayBuffer(4 + 4 * dims.length));
  head.setUint8(2, IDX[type] as number);
  head.setUint8(3, dims.length);
  dims.forEach((d, i) => head.setUint32(4 + 4 * i, d));
  const file = Uint8Array.from([...new Uint8Array(head.buffer), ...elements(array, false)]);
  return rng.integer(3) === 0 ? gzipSync(file) : file;
}
