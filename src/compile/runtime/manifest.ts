import type { WeightForm } from '../forms.ts';
import type { PackedTable } from '../pack/pack.ts';

/** An input or output as callers see it. */
export interface PortManifest {
  readonly name: string;
  /** ONNX type; half and double floats are given as float32. */
  readonly type: string;
  readonly dims: readonly number[];
  /** Address in bytes; each element takes four. */
  readonly at: number;
  readonly length: number;
}

/** What a compiled model's runtime reads before it starts. */
export interface Manifest {
  readonly memory: number;
  readonly inputs: readonly PortManifest[];
  readonly outputs: readonly PortManifest[];
  readonly form: WeightForm;
  /** Weights of layers that are kept, and all; the runtime has no use for them. */
  readonly kept: number;
  readonly weights: number;
  readonly tables: readonly PackedTable[];
  /** Constants one after another in the stream: where each goes, and its bytes. */
  readonly constants: readonly { readonly at: number; readonly bytes: number }[];
  /** Bytes of the streams, in order. */
  readonly streams: {
    readonly [name in 'constants' | 'gaps' | 'values' | 'scales' | 'biases' | 'relaxed']: number;
  };
}
