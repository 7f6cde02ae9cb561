import type { Attribute, Constant, ValueInfo } from '../ir/model.ts';
import type { AttributeProto, TensorProto, ValueInfoProto } from './onnx_pb.ts';

/*
 * An origin holds a message of the file and what was read from it. On writing, the message goes back as it was only
 * while the object still says what was read; otherwise what the object says replaces that part of the message, and
 * the rest (doc strings, unknown fields) stays.
 */

/** Origin of a constant. */
export interface TensorOrigin extends Pick<Constant, 'type' | 'dims' | 'raw'> {
  readonly proto: TensorProto;
}

/** Origin of an attribute. */
export interface AttributeOrigin extends Pick<Attribute, 'kind' | 'value'> {
  readonly proto: AttributeProto;
}

/** Origin of a declared value. */
export interface ValueInfoOrigin extends Pick<ValueInfo, 'type' | 'shape'> {
  readonly proto: ValueInfoProto;
}

/** 'ai.onnx' and '' are the same domain. */
export function domainName(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}
