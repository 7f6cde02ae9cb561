import type { Element } from './expression/element.ts';
import type { Expression } from './expression/expression.ts';
import type { Combine } from './schedule/step.ts';

/** What an operation computes or a caller feeds, or a constant. Values are known by their object. */
export interface Value {
  readonly name: string;
  readonly element: Element;
  readonly dims: readonly number[];
  readonly constant?: Float32Array | Int32Array;
}

/** A value as the loops of another read it. */
export interface Reads {
  readonly value: Value;
  /** For each loop the axis of the value that it goes along; null = the same element all along. */
  readonly axes: readonly (number | null)[];
}

/** What is done to a sum before it is stored. */
export interface Epilogue {
  /** Of operand -1, the sum, and those of `beside`. */
  readonly finish: Expression;
  /** Values of the output's shape, or with one number for each channel. */
  readonly beside: readonly Value[];
}

/** out[i] = expression(reads[i]) for all elements. */
export interface MapOperation {
  readonly kind: 'map';
  readonly node: string;
  readonly out: Value;
  readonly reads: readonly Reads[];
  readonly expression: Expression;
  /** Whether it is x0 / x1, x0 from 0 to 1 and x1 the sum of such: then sums of multiples may be divided instead. */
  readonly isShare?: boolean;
}

/** out[i] = finish(combine over r of map(reads[i, r])); loops over the output's axes, then over `over`. */
export interface ReduceOperation {
  readonly kind: 'reduce';
  readonly node: string;
  readonly out: Value;
  readonly over: readonly number[];
  readonly reads: readonly Reads[];
  readonly combine: Combine;
  readonly map: Expression;
  readonly finish: Expression;
}

/** Combines the elements of windows over the last axes; no padding. */
export interface WindowOperation {
  readonly kind: 'window';
  readonly node: string;
  readonly out: Value;
  readonly x: Value;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly combine: Combine;
  readonly finish: Expression;
  /** Operands 0, 1, ... of `finish`, of the output's shape or fewer axes. */
  readonly beside: readonly Reads[];
}

/** The same elements in another order or shape. */
export interface AliasOperation {
  readonly kind: 'alias';
  readonly node: string;
  readonly out: Value;
  readonly x: Value;
  readonly how:
    | { readonly kind: 'reshape' }
    | { readonly kind: 'axes'; readonly axes: readonly (number | null)[] }
    | { readonly kind: 'slice'; readonly starts: readonly number[]; readonly steps: readonly number[] };
}

/** Parts written side by side into one value; what is left is the fill. */
export interface PlaceOperation {
  readonly kind: 'place';
  readonly node: string;
  readonly out: Value;
  readonly fill: number | null;
  readonly parts: readonly {
    readonly x: Value;
    readonly starts: readonly number[];
    readonly steps: readonly number[];
  }[];
}

/** A convolution of [N, C, H, W] by [O, C / groups, kh, kw]. */
export interface ConvOperation {
  readonly kind: 'conv';
  readonly node: string;
  readonly out: Value;
  readonly x: Value;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Above and left. */
  readonly pads: readonly [number, number];
  readonly groups: number;
  readonly epilogue: Epilogue;
}

/** out[.., n] = sum over k of x[.., k] weights[n, k] + bias[n]. */
export interface LinearOperation {
  readonly kind: 'linear';
  readonly node: string;
  readonly out: Value;
  readonly x: Value;
  /** [N, K] */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly epilogue: Epilogue;
}

/** What a graph is lowered to: few kinds of operations, each of which the schedule turns into calls of kernels. */
export type Operation =
  | MapOperation
  | ReduceOperation
  | WindowOperation
  | AliasOperation
  | PlaceOperation
  | ConvOperation
  | LinearOperation;

/** The values that an operation reads. */
export function readBy(operation: Operation): readonly Value[] {
  switch (operation.kind) {
    case 'map':
    case 'reduce':
      return operation.reads.map(({ value }) => value);
    case 'window':
      return [operation.x, ...operation.beside.map(({ value }) => value)];
    case 'alias':
      return [operation.x];
    case 'place':
      return operation.parts.map(({ x }) => x);
    case 'conv':
    case 'linear':
      return [operation.x, ...operation.epilogue.beside];
  }
}

/** Reads by the rule of broadcasting: axes aligned at the last, those of one element repeated. */
export function broadcast(value: Value, dims: readonly number[]): Reads {
  const shift = dims.length - value.dims.length;
  return {
    value,
    axes: dims.map((_, loop) => (loop < shift || value.dims[loop - shift] === 1 ? null : loop - shift)),
  };
}
