import type { OuterProduct } from '../graph/builder.ts';
import type { AttributeLike } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Attributes of an emitted node. */
export type Attributes = Readonly<Record<string, AttributeLike>>;

/** What is known of a node before anything is emitted. */
export interface NodeForm {
  readonly node: Node;
  /** Names of inputs and outputs; '' for an optional one left out. */
  readonly x: readonly string[];
  readonly y: readonly string[];
  /** Shapes, as captured. */
  readonly shape: (input: number) => readonly number[];
  readonly outShape: (output: number) => readonly number[];
  /** Elements of an input that is a constant, or a captured small integer value; undefined otherwise. */
  readonly value: (input: number) => Tensor | undefined;
  /** The same as numbers. */
  readonly numbers: (input: number) => number[] | undefined;
}

/** What a rule sees of the node it differentiates, and the words it writes its gradient with. */
export interface RuleContext extends NodeForm {
  /** Operator set of the graph (17 or later, see liftOpset). */
  readonly opset: number;
  /** Channels in a block of onnxruntime's blocked layout, where the graph may use it; 1 = it may not. */
  readonly block: number;
  /** Cotangents of the outputs; a zero tensor where only another output has one (see `hasDy`). */
  readonly dy: readonly string[];
  readonly hasDy: (output: number) => boolean;
  /** Whether the gradient of input i is asked for. */
  readonly needs: (input: number) => boolean;

  /** Adds a node with one output: inputs by name, attributes last. */
  readonly emit: (op: string, ...args: readonly (string | Attributes)[]) => string;
  /** Says that a value is an outer product in each row, [rows, a, b], and returns it: whoever wants may keep the factors instead. */
  readonly noteOuter: (value: string, outer: OuterProduct) => string;
  /** Adds a node with several outputs. */
  readonly emitAll: (op: string, count: number, ...args: readonly (string | Attributes)[]) => string[];
  /** An int64 vector constant. */
  readonly ints: (values: readonly number[]) => string;
  /** A scalar constant of the model's float type. */
  readonly scalar: (value: number) => string;
  /** A constant of the model's float type. */
  readonly floats: (values: ArrayLike<number>, dims: readonly number[]) => string;
  /** Any constant. */
  readonly constant: (tensor: Tensor) => string;
  readonly zeros: (dims: readonly number[]) => string;
  readonly sum: (value: string, axes: readonly number[], keepdims?: boolean) => string;
  readonly reshape: (value: string, dims: readonly number[]) => string;
  readonly transpose: (value: string, perm: readonly number[]) => string;
  readonly slice: (value: string, cut: Cut) => string;
  /** Pads with zeros; `pads` in ONNX order: begins of all axes, then ends. */
  readonly pad: (value: string, pads: readonly number[]) => string;
  /** Broadcasts to a shape. */
  readonly expand: (value: string, dims: readonly number[]) => string;
  /** Sums a value of a broadcast shape back to the shape of input i. */
  readonly unbroadcast: (value: string, input: number, from?: readonly number[]) => string;
}

/** Arguments of Slice. */
export interface Cut {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps?: readonly number[];
}

/**
 * How one operator is differentiated. Plain data; the registry collects them.
 *
 * linearity tells the tests how to check the rule (style: Tests): `linear` and `multilinear` exactly, `smooth` by a
 * small step, `piecewise` away from the kinks.
 */
export interface GradientRule {
  readonly op: string;
  /** Opset versions at which the operator changed, as far as the rule covers them. */
  readonly since: readonly number[];
  readonly linearity: 'linear' | 'multilinear' | 'smooth' | 'piecewise';
  /** Why a node of this operator has no gradient after all ("mode must be ..., current value is ..."); absent = always has. */
  readonly refuses?: (form: NodeForm) => string | undefined;
  /** Gradients of the inputs, one entry each; null = not asked for, or none. */
  readonly backward: (at: RuleContext) => readonly (string | null)[];
  /**
   * Gradient of a parameter input, in rows: [rows, ...shape of the input]. The leading dimension of the output (a multiple
   * of the number of samples) falls into `rows` equal groups in order, each summed. Present only on operators that take
   * weights.
   */
  readonly rows?: (at: RuleContext, input: number, rows: number) => string | null;
  /** Whether `rows` serves this node's input: samples lie apart along the first axis. Absent = always. */
  readonly separates?: (form: NodeForm, input: number) => boolean;
}
