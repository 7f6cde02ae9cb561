import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { encodeModel } from './encode.ts';
import { FunctionProtoSchema, ModelProtoSchema, NodeProtoSchema, OperatorSetIdProtoSchema } from './onnx_pb.ts';
import { parseModelText } from './text.ts';

/** A function for {@link fileWith}. In its body, an attribute `"@name"` stands for the function's attribute `name`. */
export interface FunctionCase {
  readonly name: string;
  readonly domain?: string;
  readonly overload?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Nodes in the text notation. */
  readonly body: string;
  /** Attributes in the text notation, as those of a node. */
  readonly defaults?: string;
  readonly opset?: number;
}

type NodeProtos = ReturnType<typeof nodesOf>;

function nodesOf(text: string) {
  return fromBinary(ModelProtoSchema, encodeModel(parseModelText(text))).graph?.node ?? [];
}

function withReferences(nodes: NodeProtos): NodeProtos {
  for (const { attribute } of nodes)
    for (const one of attribute) {
      const text = new TextDecoder().decode(one.s ?? new Uint8Array());
      if (text.startsWith('@')) Object.assign(one, { refAttrName: text.slice(1), type: 1, s: new Uint8Array() });
      if (one.g !== undefined) withReferences(one.g.node);
    }
  return nodes;
}

/** The bytes of a model in the text notation with functions of its own, which plain notation cannot say. */
export function fileWith(text: string, functions: readonly FunctionCase[]): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, encodeModel(parseModelText(text)));
  proto.functions = functions.map(({ name, inputs, outputs, body, defaults, domain = 'own', overload, opset = 17 }) =>
    toBinary(
      FunctionProtoSchema,
      create(FunctionProtoSchema, {
        name,
        domain,
        ...(overload === undefined ? {} : { overload }),
        input: [...inputs],
        output: [...outputs],
        node: withReferences(nodesOf(body)),
        attributeProto: defaults === undefined ? [] : (nodesOf(`y = F() { ${defaults} }`)[0]?.attribute ?? []),
        opsetImport: [
          create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) }),
          create(OperatorSetIdProtoSchema, { domain: 'own', version: 1n }),
        ],
      }),
    ),
  );
  return toBinary(ModelProtoSchema, proto);
}

/** The same file with an overload named at each call of the standard notation's `name__overload`. */
export function withOverloads(bytes: Uint8Array): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, bytes);
  if (proto.graph !== undefined)
    proto.graph.node = proto.graph.node.map((node) => {
      const [opType = '', overload] = node.opType.split('__');
      return overload === undefined ? node : create(NodeProtoSchema, { ...node, opType, overload });
    });
  return toBinary(ModelProtoSchema, proto);
}
