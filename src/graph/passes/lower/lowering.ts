import { intAttribute } from '../../../ir/access.ts';
import type { DataType } from '../../../tensor/tensor.ts';
import type { NodeForm } from '../../node-form.ts';
import type { Attributes, Vocabulary } from '../../vocabulary.ts';

/** What a lowering sees of the node it rewrites, and the words it writes with. */
export interface LoweringContext extends NodeForm, Vocabulary {
  /** Operator set of the graph, 17 or later. */
  readonly opset: number;
  /** The float type of the node's output. */
  readonly type: 'float32' | 'float64';
  /** The element type of a value, where it is known. */
  readonly typeOf: (value: string) => DataType | undefined;
}

/** How one composite operator is written with plainer ones, whose gradients are known. Plain data. */
export interface Lowering {
  readonly op: string;
  /** Domain of the operator; absent = ai.onnx. */
  readonly domain?: string;
  /** Opset versions at which the operator changed, as far as the rewriting covers them. */
  readonly since: readonly number[];
  /** How tests check the gradient, as for a rule of autodiff. */
  readonly linearity: 'linear' | 'multilinear' | 'smooth' | 'piecewise';
  /** Set where the plain form holds for every batch size; others have the shapes of one run in them. */
  readonly anyBatch?: true;
  /** Why a node stays as it is ("mode must be ..., current value is ..."); absent = never. */
  readonly refuses?: (form: NodeForm) => string | undefined;
  /** Emits the plain nodes; returns a value for each output, '' for one that is left out. */
  readonly lower: (at: LoweringContext) => readonly string[];
}

/** The domain of onnxruntime's own operators. */
export const MICROSOFT = 'com.microsoft';

/** value * constant */
export function times({ emit, scalar }: LoweringContext, value: string, constant: number): string {
  return constant === 1 ? value : emit('Mul', value, scalar(constant));
}

/** The mean over some axes of a value of a shape, axes kept. */
export function meanOver(
  at: LoweringContext,
  value: string,
  over: { shape: readonly number[]; axes: number[] },
): string {
  const count = over.axes.reduce((n, axis) => n * (over.shape[axis] as number), 1);
  return times(at, at.sum(value, over.axes, true), 1 / count);
}

/** The `axis` attribute as a number from 0 up. */
export function axisOf({ node, shape }: NodeForm, fallback: number): number {
  const axis = intAttribute(node, 'axis', fallback);
  return axis < 0 ? axis + shape(0).length : axis;
}

/** The named ones of a node's attributes, as they are. */
export function attributesOf({ node }: NodeForm, names: readonly string[]): Attributes {
  return Object.fromEntries([...node.attributes].filter(([name]) => names.includes(name)));
}

/** Whether an optional output is there. */
export function hasOutput({ y }: NodeForm, output: number): boolean {
  return (y[output] ?? '') !== '';
}
