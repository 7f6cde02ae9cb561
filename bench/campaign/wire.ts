import type { DescField, DescMessage } from '@bufbuild/protobuf';

/** A field of a protobuf message as it lies in the file; messages within it are taken apart where the schema knows them. */
export interface Field {
  number: number;
  wire: number;
  /** Bytes after the tag (and the length); a message's fields are in `fields` instead. */
  bytes: Uint8Array;
  fields?: Field[];
  /** The length that the file names, where it is not the true one. */
  length?: bigint;
  readonly of?: DescMessage;
}

/** Bytes of a base-128 number. */
export function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** Takes a message that is sound apart. */
export function takeApart(bytes: Uint8Array, schema: DescMessage): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const number = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7n;
    }
  };
  while (at < bytes.length) {
    const tag = Number(number());
    const [field, wire] = [tag >> 3, tag & 7];
    const start = at;
    if (wire === 0) number();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else {
      const length = Number(number());
      at += length;
    }
    const content = wire === 2 ? withoutLength(bytes.subarray(start, at)) : bytes.subarray(start, at);
    const inner = messageAt(schema, field);
    fields.push(
      wire === 2 && inner !== undefined
        ? { number: field, wire, bytes: content, fields: takeApart(content, inner), of: inner }
        : { number: field, wire, bytes: content },
    );
  }
  return fields;
}

function withoutLength(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while ((bytes[at] as number) > 127) at++;
  return bytes.subarray(at + 1);
}

function messageAt(schema: DescMessage, number: number): DescMessage | undefined {
  return messageOf(schema.fields.find((field) => field.number === number));
}

/** The message type of a field, if it has one. */
export function messageOf(field: DescField | undefined): DescMessage | undefined {
  if (field === undefined) return undefined;
  if (field.fieldKind === 'message') return field.message;
  return field.fieldKind === 'list' && field.listKind === 'message' ? field.message : undefined;
}

/** Puts fields together again. */
export function putTogether(fields: readonly Field[]): Uint8Array {
  const parts = fields.flatMap((field) => {
    const content = field.fields === undefined ? field.bytes : putTogether(field.fields);
    const tag = varint(BigInt(field.number) * 8n + BigInt(field.wire));
    return field.wire === 2 ? [tag, varint(field.length ?? BigInt(content.length)), content] : [tag, content];
  });
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
