import { simdModule } from './simd.ts';

/** The kernels as they are exported; addresses are bytes. */
export interface Exports {
  readonly dots1: (a: number, stride: number, x: number, count: number, out: number) => void;
  readonly dots4: Exports['dots1'];
  readonly sums1: Exports['dots1'];
  readonly sums4: Exports['dots1'];
  readonly squares: (a: number, count: number, y: number) => void;
  readonly picks1: (a: number, stride: number, offsets: number, count: number, out: number, spacing: number) => void;
  readonly picks4: Exports['picks1'];
  readonly eliminate: (L: number, stride: number, row: number, count: number) => void;
  readonly update: (a: number, b: number, stride: number, count: number, out: number) => void;
}

/** Columns that are worked on at once: their vector stays in the nearest cache. */
export const TILE = 4096;
/** Rows that are worked on at once. */
export const ROWS = 4;

/** Memory of WebAssembly with the kernels bound to it: room for the vectors of one tile, then data. */
export interface Arena {
  readonly run: Exports;
  readonly buffer: ArrayBuffer;
  /** [TILE] f64, or as many numbers of columns. */
  readonly vector: { readonly at: number; readonly f64: Float64Array; readonly i32: Int32Array };
  /** [ROWS] f64 */
  readonly few: { readonly at: number; readonly f64: Float64Array };
  /** [ROWS, TILE] f32, for rows that lie elsewhere. */
  readonly rows: { readonly at: number; readonly f32: Float32Array };
  /** [ROWS, TILE] f32, for results. */
  readonly picked: { readonly at: number; readonly f32: Float32Array };
}

const PAGE = 65536;
const VECTOR_AT = 64;
const ROWS_AT = VECTOR_AT + 8 * TILE;
const PICKED_AT = ROWS_AT + 4 * ROWS * TILE;
/** Where data begins. */
export const DATA_AT = PICKED_AT + 4 * ROWS * TILE;
/** Bytes of data that one arena takes; addresses have 32 bits. */
const MOST_BYTES = 2 ** 32 - PAGE - DATA_AT;

let module: WebAssembly.Module | undefined;
const ARENAS = new WeakMap<ArrayBufferLike, Arena>();

/** Makes an arena for so many bytes of data. @throws RangeError if there is no such memory */
export function openArena(bytes: number): Arena {
  module ??= new WebAssembly.Module(simdModule());
  const memory = new WebAssembly.Memory({ initial: Math.ceil((DATA_AT + bytes) / PAGE) });
  const { buffer } = memory;
  const arena: Arena = {
    run: new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports,
    buffer,
    few: { at: 0, f64: new Float64Array(buffer, 0, ROWS) },
    vector: {
      at: VECTOR_AT,
      f64: new Float64Array(buffer, VECTOR_AT, TILE),
      i32: new Int32Array(buffer, VECTOR_AT, TILE),
    },
    rows: { at: ROWS_AT, f32: new Float32Array(buffer, ROWS_AT, ROWS * TILE) },
    picked: { at: PICKED_AT, f32: new Float32Array(buffer, PICKED_AT, ROWS * TILE) },
  };
  ARENAS.set(buffer, arena);
  return arena;
}

/** Arenas whose arrays were given back. */
let idle: Arena[] = [];

/** Of an arena that is used again, how much larger it may be than what is wanted. */
const SPARE = 1.25;

/** An idle arena that suits, its data all zeros; all others are let go. Pages that were used before cost a tenth of new ones. */
function takeIdle(bytes: number): Arena | null {
  const wanted = DATA_AT + bytes;
  const found = idle.find(({ buffer: { byteLength: size } }) => size >= wanted && size <= SPARE * wanted + PAGE);
  idle = [];
  if (found === undefined) return null;
  new Uint8Array(found.buffer, DATA_AT, bytes).fill(0);
  return found;
}

/** Gives arrays of {@link allocate} back: they are not to be used any more, and their memory serves for the next ones that are as large. */
export function giveBack(arrays: readonly Float32Array[]): void {
  const arenas = arrays.map(arenaOf).filter((arena) => arena !== null);
  idle = [...new Set([...idle, ...arenas])];
}

/** Frees what was given back. */
export function freeIdle(): void {
  idle = [];
}

/** The arena that an array lies in; null for an ordinary array. */
export function arenaOf(array: Float32Array): Arena | null {
  return ARENAS.get(array.buffer) ?? null;
}

/**
 * Arrays of zeros that the kernels work on in place; an ordinary array where one is too large for 32-bit addresses, or
 * memory of this kind is not to be had.
 */
export function allocate(lengths: readonly number[]): Float32Array[] {
  const arrays: Float32Array[] = [];
  for (let first = 0; first < lengths.length; ) {
    let [last, bytes] = [first, 0];
    while (last < lengths.length && bytes + 4 * (lengths[last] as number) <= MOST_BYTES)
      bytes += 4 * (lengths[last++] as number);
    const arena = last > first ? tryArena(bytes) : null;
    last = Math.max(last, first + 1);
    let at = DATA_AT;
    for (const length of lengths.slice(first, last)) {
      arrays.push(arena === null ? new Float32Array(length) : new Float32Array(arena.buffer, at, length));
      at += 4 * length;
    }
    first = last;
  }
  return arrays;
}

function tryArena(bytes: number): Arena | null {
  try {
    return takeIdle(bytes) ?? openArena(bytes);
  } catch {
    return null;
  }
}
