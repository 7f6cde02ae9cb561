import { create, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { messageOf, OnnxDecodeError } from '../errors/errors.ts';
import type { Attribute, Node } from '../ir/model.ts';
import { decodeNode, type Surroundings } from './decode-graph.ts';
import { type FunctionProto, FunctionProtoSchema, type NodeProto, NodeProtoSchema } from './onnx_pb.ts';
import { domainName, LARGEST_VERSION } from './origin.ts';

/** How a function is called. */
export interface FunctionName {
  readonly domain: string;
  readonly name: string;
  /** Tells functions of one name apart, from IR version 10 on. */
  readonly overload: string;
}

/** A function that a file defines. */
export interface LocalFunction {
  /** As `domain:name`, for messages. */
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  /** What attributes are where a call leaves them out. */
  readonly defaults: ReadonlyMap<string, Attribute>;
  readonly opsets: ReadonlyMap<string, number>;
}

/** The function that a node calls; undefined for an operator. @throws OnnxDecodeError if that function is broken */
export type FunctionLibrary = (node: Node) => LocalFunction | undefined;

/** Field numbers of FunctionProto in the ONNX standard. */
const NAME = 1;
const DOMAIN = 10;
const OVERLOAD = 13;

/** Names of functions, of their undecoded messages; what a broken one does not say is ''. */
export function functionsOf(messages: readonly Uint8Array[]): FunctionName[] {
  return messages.map((bytes) => {
    const found = new Map<number, string>();
    try {
      const reader = new BinaryReader(bytes);
      while (reader.pos < reader.len) {
        const [field, type] = reader.tag();
        const isText = (field === NAME || field === DOMAIN || field === OVERLOAD) && type === WireType.LengthDelimited;
        if (isText) found.set(field, reader.string());
        else reader.skip(type, field);
      }
    } catch {
      // A broken function is carried along, unless something calls it.
    }
    const [name = '', domain, overload = ''] = [NAME, DOMAIN, OVERLOAD].map((field) => found.get(field));
    return { name, domain: domainName(domain), overload };
  });
}

/**
 * Looks up a file's functions, decoding each when it is first called. In the standard domain there are none: there the
 * runtime takes its own operators whatever the file defines.
 */
export function functionLibrary(messages: readonly Uint8Array[], around: Surroundings): FunctionLibrary {
  const known = new Map<string, { message: Uint8Array; copies: number }>();
  for (const [i, called] of functionsOf(messages).entries()) {
    const copies = (known.get(keyOf(called))?.copies ?? 0) + 1;
    known.set(keyOf(called), { message: messages[i] as Uint8Array, copies });
  }
  const decoded = new Map<string, LocalFunction>();
  return (node) => {
    const { overload = '' } = (node.origin as NodeProto | undefined) ?? {};
    const key = keyOf({ domain: node.domain, name: node.op, overload });
    const found = node.domain === '' ? undefined : known.get(key);
    if (found === undefined) return undefined;
    const label = `${node.domain}:${node.op}`;
    if (found.copies > 1) throw broken(label, `the file defines it ${found.copies} times`);
    const body = decoded.get(key) ?? decode(found.message, label, around);
    decoded.set(key, body);
    return body;
  };
}

function keyOf({ domain, name, overload }: FunctionName): string {
  return JSON.stringify([domain, name, overload]);
}

function broken(label: string, what: string, cause?: unknown): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot read the model: its function "${label}" is broken: ${what}`, { cause });
}

function decode(message: Uint8Array, label: string, around: Surroundings): LocalFunction {
  const proto = parse(message, label);
  for (const names of [proto.input, proto.output])
    if (new Set(names).size < names.length) throw broken(label, 'two of its inputs or outputs have one name');
  const holder = create(NodeProtoSchema, { opType: label, attribute: proto.attributeProto });
  return {
    label,
    inputs: proto.input,
    outputs: proto.output,
    nodes: proto.node.map((node) => decodeNode(node, around)),
    defaults: decodeNode(holder, around).attributes,
    opsets: new Map(
      proto.opsetImport.map(({ domain, version }) => [domainName(domain), versionOf(version ?? 0n, label)]),
    ),
  };
}

function parse(message: Uint8Array, label: string): FunctionProto {
  try {
    return fromBinary(FunctionProtoSchema, message);
  } catch (cause) {
    throw broken(label, messageOf(cause), cause);
  }
}

function versionOf(version: bigint, label: string): number {
  if (version >= 0n && version <= LARGEST_VERSION) return Number(version);
  throw broken(label, `it imports version ${version} of an operator set`);
}
