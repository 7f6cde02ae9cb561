import { fromBinary } from '@bufbuild/protobuf';
import { messageOf, OnnxDecodeError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { decodeGraph } from './decode-graph.ts';
import { sparseRoom } from './decode-sparse.ts';
import type { ExternalReader } from './decode-tensor.ts';
import { functionLibrary } from './functions.ts';
import { inlineFunctions } from './inline-functions.ts';
import { alignLarge, asRawData, largeFloatFields } from './large-fields.ts';
import { type ModelProto, ModelProtoSchema } from './onnx_pb.ts';
import { domainName, LARGEST_VERSION, type ModelOrigin } from './origin.ts';
import { refuseForeignFile } from './signature.ts';
import { refuseWrongWireTypes } from './wire-types.ts';

/** What {@link decodeModel} may need besides the bytes. */
export interface DecodeOptions {
  /** Reads external tensor data; without it a model that has some is refused. */
  readonly external?: ExternalReader;
  /** Whether the bytes are the decoder's to rearrange, so that large weights lie where typed arrays can start. Default false. */
  readonly owned?: boolean;
}

/** Files of these first IR versions name no operator set: they mean the first. */
const LAST_IR_WITHOUT_OPSETS = 2;

/**
 * Decodes an ONNX file. Tensor bytes are views on the input, which must not change afterwards. Calls of the file's own
 * functions are written out, sparse initializers become dense. Whether the graph is sound (every input defined, no cycle)
 * is `validateGraph`'s to say.
 *
 * @throws OnnxDecodeError with one sentence that says what the bytes are instead, or what is broken
 * Cost: one pass over the bytes; weights are not copied, but for those of a file that has large ones as lists of floats and is not `owned`.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  refuseForeignFile(bytes);
  const floats = largeFloatFields(bytes);
  const own = floats.length > 0 && options.owned !== true ? new Uint8Array(bytes) : bytes;
  asRawData(own, floats);
  const proto = parse(own);
  if (proto.graph === undefined) throw new OnnxDecodeError('Cannot read the model: the file holds no ONNX graph');
  if (own !== bytes || options.owned === true) alignLarge(proto.graph, own);
  const around = { external: options.external, room: sparseRoom(bytes.byteLength) };
  const file = { irVersion: irVersionOf(proto), producer: proto.producerName ?? '' };
  const [graph, opsets] = [decodeGraph(proto.graph, around), opsetsOf(proto)];
  const inlined = inlineFunctions({ graph, opsets }, functionLibrary(proto.functions, around));
  const calls = inlined.graph === graph ? {} : { calls: { graph, opsets, inlined: inlined.graph } };
  return { ...file, ...inlined, origin: { proto, ...calls } satisfies ModelOrigin };
}

function irVersionOf({ irVersion = 0n }: ModelProto): number {
  return version(irVersion, 'its IR version');
}

/** A version is a small whole number; anything else is a sign of other bytes. */
function version(value: bigint, what: string): number {
  if (value >= 0n && value <= LARGEST_VERSION) return Number(value);
  throw new OnnxDecodeError(`Cannot read the model: ${what} is ${value}; wanted a small whole number`);
}

function parse(bytes: Uint8Array): ModelProto {
  refuseWrongWireTypes(bytes, ModelProtoSchema);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const reason = `the file is not valid ONNX, or is cut short (${messageOf(cause)})`;
    throw new OnnxDecodeError(`Cannot read the model: ${reason}`, { cause });
  }
}

function opsetsOf(proto: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version: given } of proto.opsetImport) {
    const name = domainName(domain);
    const number = version(given ?? 0n, `the version of its operator set "${name || 'ai.onnx'}"`);
    if ((opsets.get(name) ?? number) !== number) {
      throw new OnnxDecodeError(
        `Cannot read the model: it names two versions of the operator set "${name || 'ai.onnx'}"`,
      );
    }
    opsets.set(name, number);
  }
  if (opsets.size > 0) return opsets;
  const ir = irVersionOf(proto);
  if (ir < 1 || ir > LAST_IR_WITHOUT_OPSETS)
    throw new OnnxDecodeError('Cannot read the model: the file names no operator set');
  return opsets.set('', 1);
}
