import type { Attribute, Constant, Graph, Model, ValueInfo } from '../ir/model.ts';
import type { AttributeProto, ModelProto, SparseTensorProto, TensorProto, ValueInfoProto } from './onnx_pb.ts';

/*
 * An origin holds a message of the file and what was read from it. On writing, the message goes back as it was only
 * while the object still says what was read; otherwise what the object says replaces that part of the message, and
 * the rest (doc strings, unknown fields) stays.
 */

/** Origin of a constant. */
export interface TensorOrigin extends Pick<Constant, 'type' | 'dims' | 'raw'> {
  readonly proto: TensorProto;
}

/** Origin of a constant that the file has in sparse form. */
export interface SparseOrigin extends Pick<Constant, 'type' | 'dims' | 'raw'> {
  readonly sparse: SparseTensorProto;
}

/** Origin of a model. */
export interface ModelOrigin {
  readonly proto: ModelProto;
  /** Where calls of the file's own functions were written out: what the file has, and what it became. */
  readonly calls?: Pick<Model, 'opsets'> & { readonly graph: Graph; readonly inlined: Graph };
}

/** Origin of an attribute. */
export interface AttributeOrigin extends Pick<Attribute, 'kind' | 'value'> {
  readonly proto: AttributeProto;
}

/** Origin of a declared value. */
export interface ValueInfoOrigin extends Pick<ValueInfo, 'type' | 'shape'> {
  readonly proto: ValueInfoProto;
}

/** The largest version of anything that is believed; a larger number is a sign of other bytes. */
export const LARGEST_VERSION = 2n ** 31n - 1n;

/** 'ai.onnx' and '' are the same domain. */
export function domainName(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}
