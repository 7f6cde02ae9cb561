import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { OnnxDecodeError } from '../errors/errors.ts';

/** How a field's content lies in a file: a base-128 number, 8 bytes, bytes after their length, 4 bytes. */
const [VARINT, FIXED64, DELIMITED, FIXED32] = [0, 1, 2, 5] as const;

/** A stretch of bytes that holds one message. */
interface Stretch {
  readonly of: DescMessage;
  at: number;
  readonly end: number;
}

/**
 * Refuses a file in which a field is written in another way than its type is. Readers of protobuf differ there: some skip the field, some
 * take the bytes for its content, so one file would be two models.
 *
 * Bytes that are no protobuf at all are left to the reader, which says what is wrong with them.
 *
 * @throws OnnxDecodeError naming the field
 * Cost: one step a field; contents of tensors are stepped over.
 */
export function refuseWrongWireTypes(bytes: Uint8Array, schema: DescMessage): void {
  const open: Stretch[] = [{ of: schema, at: 0, end: bytes.length }];
  const fields = new Map<DescMessage, ReadonlyMap<number, DescField>>();
  const fieldsOf = (message: DescMessage): ReadonlyMap<number, DescField> => {
    const known = fields.get(message) ?? new Map(message.fields.map((field) => [field.number, field]));
    fields.set(message, known);
    return known;
  };
  for (let stretch = open.at(-1); stretch !== undefined; stretch = open.at(-1)) {
    if (stretch.at >= stretch.end) {
      open.pop();
      continue;
    }
    const tag = numberAt(bytes, stretch.at, stretch.end);
    if (tag === undefined) return;
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
    const content = contentAt(bytes, wire, { at: tag.next, end: stretch.end });
    if (content === undefined) return;
    stretch.at = content.end;
    const field = fieldsOf(stretch.of).get(number);
    if (field === undefined) continue;
    if (!mayBe(field, wire))
      throw new OnnxDecodeError(
        `Cannot read the model: the file is not valid ONNX (field "${field.name}" of ${stretch.of.name} has wire type ${wire}, wanted ${wireOf(field)})`,
      );
    const inner = messageOf(field);
    if (inner !== undefined) open.push({ of: inner, ...content });
  }
}

/** A number of the file, and where the next byte is; undefined beyond the end, and for numbers of more than 2^53. */
function numberAt(bytes: Uint8Array, from: number, end: number): { value: number; next: number } | undefined {
  let [value, scale, at] = [0, 1, from];
  while (at < end && at < from + 10) {
    const byte = bytes[at++] as number;
    value += (byte & 127) * scale;
    if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? { value, next: at } : undefined;
    scale *= 128;
  }
  return undefined;
}

/** Where a field's content lies; undefined if it is not within its message, or of no known kind. */
function contentAt(
  bytes: Uint8Array,
  wire: number,
  { at, end }: { at: number; end: number },
): { at: number; end: number } | undefined {
  const within = (from: number, to: number): { at: number; end: number } | undefined =>
    to <= end ? { at: from, end: to } : undefined;
  if (wire === FIXED64) return within(at, at + 8);
  if (wire === FIXED32) return within(at, at + 4);
  if (wire === VARINT) {
    let last = at;
    while (last < end && (bytes[last] as number) > 127) last++;
    return within(at, last + 1);
  }
  if (wire !== DELIMITED) return undefined;
  const length = numberAt(bytes, at, end);
  return length === undefined ? undefined : within(length.next, length.next + length.value);
}

function messageOf(field: DescField): DescMessage | undefined {
  if (field.fieldKind === 'message') return field.message;
  return field.fieldKind === 'list' && field.listKind === 'message' ? field.message : undefined;
}

/** Lists of numbers may lie in one field or in many. */
function mayBe(field: DescField, wire: number): boolean {
  const own = wireOf(field);
  return wire === own || (field.fieldKind === 'list' && own !== DELIMITED && wire === DELIMITED);
}

const WIDE: ReadonlySet<ScalarType> = new Set([ScalarType.DOUBLE, ScalarType.FIXED64, ScalarType.SFIXED64]);
const NARROW: ReadonlySet<ScalarType> = new Set([ScalarType.FLOAT, ScalarType.FIXED32, ScalarType.SFIXED32]);
const TEXT: ReadonlySet<ScalarType> = new Set([ScalarType.STRING, ScalarType.BYTES]);

function wireOf(field: DescField): number {
  const kind = field.fieldKind === 'list' ? field.listKind : field.fieldKind;
  if (kind === 'enum') return VARINT;
  if (field.scalar === undefined || TEXT.has(field.scalar)) return DELIMITED;
  return WIDE.has(field.scalar) ? FIXED64 : NARROW.has(field.scalar) ? FIXED32 : VARINT;
}
