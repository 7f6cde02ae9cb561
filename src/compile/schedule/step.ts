import type { Expression } from '../expression/expression.ts';

/** A part of memory that values lie in; its address is decided by the memory plan. Sizes are in elements of 4 bytes. */
export interface Buffer {
  readonly id: number;
  readonly name: string;
  /** Elements, slack at both ends included. */
  readonly elements: number;
  /** Buffers of one kind may share memory; those with borders only with such of the same geometry. `fixed`: constants. */
  readonly kind: string;
  /** What a constant holds. */
  readonly data?: Float32Array | Int32Array;
}

/** Elements of a buffer that loops walk over: one stride for each loop. */
export interface Walk {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** How results of inner loops become one number; `atLeast` = the largest, where NaN may be passed over: three times as fast as `max`. */
export type Combine = 'add' | 'mul' | 'max' | 'min' | 'atLeast' | 'maxInt' | 'minInt' | 'addInt';

/** out[i] = finish(combine over r of map(operands[i, r])), one number after another. */
export interface Nest {
  readonly kind: 'nest';
  readonly label: string;
  /** Times that each loop runs; those that are reduced are the last. */
  readonly counts: readonly number[];
  readonly reduced: number;
  readonly combine: Combine;
  readonly out: Walk;
  readonly operands: readonly Walk[];
  readonly map: Expression;
  /** Of operand -1, the combined number, and of operands that do not move in the reduced loops. */
  readonly finish: Expression;
}

/** A vector of a tile: where it is read and written, in elements from the tile's beginning, and how many lanes count. */
export interface TileVector {
  readonly from: number;
  readonly to: number;
  readonly lanes: number;
}

/** A loop over tiles. */
export interface TileLoop {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** Tiles of one form. */
export interface Tiling {
  readonly vectors: readonly TileVector[];
  readonly loops: readonly TileLoop[];
  /** Where the first tile lies, in elements from the beginning of the whole. */
  readonly from: number;
  readonly to: number;
}

/** Kept weights of a layer, as kernels read them: for each block of outputs its bias and its entries (offset, weights). */
export interface Table {
  /** Outputs that share the offset of an entry. */
  readonly share: 1 | 2 | 4;
  /** Outputs in all; the last block may be filled up with outputs that are not stored. */
  readonly outputs: number;
  /** [outputs] */
  readonly bias: Float32Array;
  /** [outputs][channels][taps], zeros included. */
  readonly weights: Float32Array;
  readonly channels: number;
  /** Elements from what channel 0 of a group reads at the tile's beginning to what each tap reads. */
  readonly taps: readonly number[];
  /** Elements between channels. */
  readonly channelStride: number;
  /** Groups of outputs, each reading `groupStride` elements behind the one before. */
  readonly groups: number;
  readonly groupStride: number;
  /** Whether zeros have entries too: kernels know then where each weight lies. */
  readonly isWhole?: boolean;
}

/** What the epilogue of a layer reads beside the sum: a value laid out like the output, or one number an output. */
export type Beside = { readonly buffer: Buffer; readonly offset: number; readonly per: 'element' | 'output' };

/** Weighted sums of shifted planes: out[o, p] = finish(bias[o] + sum over entries of weight * x[offset + p]). */
export interface Sums {
  readonly kind: 'sums';
  readonly label: string;
  readonly table: Table;
  readonly tilings: readonly Tiling[];
  /** Whether all tiles of one output come before the next output: where outputs read channels of their own. */
  readonly outputsFirst: boolean;
  readonly x: { readonly buffer: Buffer; readonly offset: number };
  readonly out: { readonly buffer: Buffer; readonly offset: number; readonly stride: number };
  /** Of operand -1, the sum, and those of `beside`. */
  readonly finish: Expression;
  readonly beside: readonly Beside[];
}

/** The same for a single pixel: sparse matrix times vector. */
export interface Dots {
  readonly kind: 'dots';
  readonly label: string;
  readonly table: Table;
  readonly x: { readonly buffer: Buffer; readonly offset: number };
  readonly out: { readonly buffer: Buffer; readonly offset: number; readonly stride: number };
  readonly finish: Expression;
  readonly beside: readonly Beside[];
}

/** A 3 x 3 convolution of each plane that moves by two: out[c, y, x] = finish(bias[c] + sum of weight * x[c, 2 y + i, 2 x + j]). */
export interface Halving {
  readonly kind: 'halving';
  readonly label: string;
  /** One output and one channel a group, its taps row by row; whole. */
  readonly table: Table;
  /** Of the output. */
  readonly height: number;
  readonly width: number;
  /** Elements between rows of the input and of the output. */
  readonly rows: { readonly from: number; readonly to: number };
  /** Rows of the output that lie `rows.to` apart, and elements from the first of them to the first of the next. */
  readonly block: { readonly rows: number; readonly stride: number };
  readonly batch: { readonly count: number; readonly from: number; readonly to: number };
  /** Where the first output lies in the input. */
  readonly x: { readonly buffer: Buffer; readonly offset: number };
  readonly out: { readonly buffer: Buffer; readonly offset: number; readonly stride: number };
  readonly finish: Expression;
  readonly beside: readonly Beside[];
}

/** One call of a kernel. */
export type Step = Nest | Sums | Dots | Halving;
