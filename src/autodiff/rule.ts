import type { NodeForm } from '../graph/node-form.ts';
import type { Attributes, Cut, Vocabulary } from '../graph/vocabulary.ts';

export type { Attributes, Cut, NodeForm };

/** What a rule sees of the node it differentiates, and the words it writes its gradient with. */
export interface RuleContext extends NodeForm, Vocabulary {
  /** Operator set of the graph (17 or later, see liftOpset). */
  readonly opset: number;
  /** Channels in a block of onnxruntime's blocked layout, where the graph may use it; 1 = it may not. */
  readonly block: number;
  /** Cotangents of the outputs; a zero tensor where only another output has one (see `hasDy`). */
  readonly dy: readonly string[];
  readonly hasDy: (output: number) => boolean;
  /** Whether the gradient of input i is asked for. */
  readonly needs: (input: number) => boolean;

  /** Sums a value of a broadcast shape back to the shape of input i. */
  readonly unbroadcast: (value: string, input: number, from?: readonly number[]) => string;
}

/**
 * How one operator is differentiated. Plain data; the registry collects them.
 *
 * linearity tells the tests how to check the rule (style: Tests): `linear` and `multilinear` exactly, `smooth` by a
 * small step, `piecewise` away from the kinks.
 */
export interface GradientRule {
  readonly op: string;
  /** Domain of the operator; absent = ai.onnx. */
  readonly domain?: string;
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
  /** Axes along which `rows` finds the samples in input 0 and in the outputs, where that is not the first; the batch is then that axis of input 0. */
  readonly sampleAxes?: { readonly input: number; readonly outputs: readonly number[] };
  /** Whether `rows` serves this node's input: samples lie apart along the first axis. Absent = always. */
  readonly separates?: (form: NodeForm, input: number) => boolean;
}
