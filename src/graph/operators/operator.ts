/** How the axes of a weight read as matrices, outputs x inputs, one for each group. */
export type WeightAxes =
  | {
      /** [first, second, ...kernel]; the first axis holds the groups of the attribute `group`. */
      readonly form: 'kernels';
      /** Which of the first two axes the outputs lie along; the inputs lie along the other one. */
      readonly outputs: 0 | 1;
    }
  | {
      /** [...groups, rows, columns]; a vector is one output. */
      readonly form: 'matrices';
      /** The axis of the outputs: the columns or the rows. */
      readonly outputs: -1 | -2;
      /** The attribute that makes it the other one. */
      readonly swappedBy?: string;
      /** The attribute that moves a matrix's own axis to the front: then it is no matrix for each group. */
      readonly partedBy?: string;
      /** The only number of axes that the operator takes; absent = any. */
      readonly rank?: number;
    };

/** What an operator multiplies a weight by, as columns: Y [groups, outputs, positions] = W [groups, outputs, inputs] X [groups, inputs, positions]. */
export interface Operand {
  readonly input: number;
  /**
   * `patches`: the cells of [samples, channels, ...positions] that a kernel sees at each place; `columns`: a matrix;
   * `batch`: [..., rows, columns], whose leading axes are the weight's groups or positions; `steps`: [steps, samples, inputs],
   * the same for each group.
   */
  readonly form: 'patches' | 'columns' | 'batch' | 'steps';
  /** The attribute that transposes it. */
  readonly swappedBy?: string;
  /** The attribute that it is multiplied by. */
  readonly scaledBy?: string;
}

/** Where the real numbers lie that whole ones stand for. */
export interface WeightScale {
  /** The input that holds the scale; null = a product behind the operator. */
  readonly scale: number | null;
  /** The input that holds the zero point. */
  readonly zero: number;
  /** The axis of the weight that scales go along, where there are several. */
  readonly axis: number;
}

/** A weight among the inputs of an operator. */
export interface WeightFacts {
  readonly input: number;
  readonly axes: WeightAxes;
  /**
   * What each weight is multiplied once for: a place of the outputs, or of input 0 (axis 0 and those behind axis 1); a step of a
   * sample of input 0; a row or column of the product.
   */
  readonly macs: 'output-places' | 'input-places' | 'steps' | 'products';
  /** Absent = what the weight gives is no linear map of one operand alone, so that no layer problem is made of it. */
  readonly operand?: Operand;
  /** Absent = the operator computes with real numbers. */
  readonly scale?: WeightScale;
}

/** What a constant beside the weights does. Means and variances are measured, all others learnt. */
export type ParameterRole = 'bias' | 'scale' | 'shift' | 'slope' | 'mean' | 'variance';

/** A constant beside the weights. */
export interface ParameterFacts {
  readonly input: number;
  readonly role: ParameterRole;
}

/**
 * How the axes of the outputs come from those of the inputs, position by position.
 *
 * | rule | what passes |
 * | --- | --- |
 * | `elementwise` | every axis of every input, aligned from the right where they are broadcast |
 * | `normalised`, `mixed` | every axis of input 0; the elements along some of them depend on each other |
 * | `permuted` | every axis of input 0, in the order of `perm` |
 * | `reshaped` | axes of input 0 that stay whole, with as many elements before them |
 * | `joined` | every axis of every input but the one that they are joined along |
 * | `cut` | axes of input 0 that keep their length |
 * | `picked` | every axis of input 0 but the one that the indices of input 1 take the place of |
 * | `reduced` | every axis of input 0 that is not summed over |
 * | `windowed` | the axes that are listed |
 * | `multiplied`, `unrolled` | none: see the axes of the weights |
 */
export type AxisFacts = {
  /** Axis of the outputs that the rows of the weights make; absent = there are none. */
  readonly made?: number;
  /** Axis that the parameters go along; absent = none, or any. */
  readonly channels?: number;
} & (
  | { readonly rule: 'elementwise' | 'normalised' | 'mixed' | 'permuted' | 'reshaped' | 'cut' | 'reduced' }
  | { readonly rule: 'multiplied' | 'unrolled' }
  | {
      readonly rule: 'joined' | 'picked';
      /** The axis where the attribute `axis` is absent. */
      readonly axis: number;
    }
  | { readonly rule: 'windowed'; readonly passes: readonly number[] }
);

/** What is known of an operator of ONNX, or of one that onnxruntime adds: plain data, read by all that looks at graphs. */
export interface OperatorFacts {
  readonly op: string;
  /** Domain of the operator; absent = ai.onnx. */
  readonly domain?: string;
  /** Weights, the most usual one first; absent = it has none. */
  readonly weights?: readonly WeightFacts[];
  /** Absent = none. */
  readonly parameters?: readonly ParameterFacts[];
  /** Absent = not known. */
  readonly axes?: AxisFacts;
  /** Weights of a few bits each in blocks of bytes, which are not pruned: their input, and the attributes that have their matrix; absent = none. */
  readonly packed?: { readonly input: number; readonly rows: string; readonly columns: string; readonly bits: string };
  /** Whether each element of the output is one of input 0, in another type perhaps. */
  readonly keepsElements?: true;
  /** The operator that it is but for an activation at its end; absent = it has none of its own. */
  readonly activates?: string;
}

/** The domain of onnxruntime's own operators. */
export const MICROSOFT = 'com.microsoft';
