import { inflateSync } from 'fflate';
import { DataError, messageOf } from '../errors/errors.ts';
import { looksLike } from './looks-like.ts';

/** A file inside a zip archive. */
export interface ZipEntry {
  readonly name: string;
  /** Unpacks it. @throws DataError if it is encrypted, of another method than stored or deflated, or damaged */
  read(): Uint8Array;
}

interface Record64 {
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const LONGEST_COMMENT = 65535;
/** The most bytes that one deflated byte can stand for. */
const DEFLATE_BEST = 1032;

/**
 * Lists the files of a zip archive (zip64 too) from its central directory; nothing is unpacked yet.
 *
 * @throws DataError  if the archive has no end record or its directory is damaged
 */
export function listZip(bytes: Uint8Array, name: string): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readDirectory(view, bytes, name);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DataError(`Cannot read "${name}": its zip directory is damaged; fetch the file again`, { cause });
  }
}

function readDirectory(view: DataView, bytes: Uint8Array, name: string): ZipEntry[] {
  let { at, count } = directory(view, bytes, name);
  const entries: ZipEntry[] = [];
  for (; count > 0; count--) {
    if (view.getUint32(at, true) !== CENTRAL) throw new RangeError('no central record');
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const start = at;
    entries.push({ name: path, read: () => unpack(view, bytes, start, `${name}, ${path}`) });
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Where the central directory begins and how many records it has. */
function directory(view: DataView, bytes: Uint8Array, name: string): { at: number; count: number } {
  let end = bytes.length - 22;
  const lowest = Math.max(0, end - LONGEST_COMMENT);
  while (end >= lowest && view.getUint32(end, true) !== END) end--;
  if (end < lowest) {
    const why = bytes[0] === 0x50 && bytes[1] === 0x4b ? 'it is cut off' : looksLike(bytes);
    throw new DataError(`Cannot read "${name}" as a zip archive: it has no directory at its end: ${why}`);
  }
  if (end >= 20 && view.getUint32(end - 20, true) === END64_LOCATOR) {
    const end64 = Number(view.getBigUint64(end - 12, true));
    if (view.getUint32(end64, true) !== END64) throw new RangeError('no zip64 end record');
    return { at: Number(view.getBigUint64(end64 + 48, true)), count: Number(view.getBigUint64(end64 + 32, true)) };
  }
  return { at: view.getUint32(end + 16, true), count: view.getUint16(end + 10, true) };
}

/** Sizes and offset of a central record; values of 2^32 - 1 stand in its zip64 field. */
function sizes(view: DataView, record: number): Record64 {
  const found = [24, 20, 42].map((field) => view.getUint32(record + field, true));
  let at = record + 46 + view.getUint16(record + 28, true);
  const end = at + view.getUint16(record + 30, true);
  while (at + 4 <= end) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      let field = at + 4;
      for (let i = 0; i < 3; i++) {
        if (found[i] !== 0xffffffff) continue;
        found[i] = Number(view.getBigUint64(field, true));
        field += 8;
      }
    }
    at += 4 + length;
  }
  return { size: found[0] as number, packed: found[1] as number, offset: found[2] as number };
}

function unpack(view: DataView, bytes: Uint8Array, record: number, what: string): Uint8Array {
  const method = view.getUint16(record + 10, true);
  if (view.getUint16(record + 8, true) & 1) throw new DataError(`Cannot read "${what}": it is encrypted`);
  if (method !== 0 && method !== 8) {
    throw new DataError(`Cannot read "${what}": wanted it stored or deflated, current zip method is ${method}`);
  }
  try {
    const { size, packed, offset } = sizes(view, record);
    if (view.getUint32(offset, true) !== LOCAL) throw new RangeError('no local record');
    if (method === 8 && size > packed * DEFLATE_BEST) throw new RangeError(`${packed} bytes cannot hold ${size}`);
    const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    const body = bytes.subarray(start, start + packed);
    const out = method === 0 ? body : inflateSync(body, { out: new Uint8Array(size) });
    if (body.length !== packed || out.length !== size) throw new RangeError(`wanted ${size} bytes, got ${out.length}`);
    if (crc32(out) !== view.getUint32(record + 16, true)) throw new RangeError('its checksum is wrong');
    return out;
  } catch (cause) {
    throw new DataError(`Cannot read "${what}": the archive is damaged (${messageOf(cause)}); fetch it again`, {
      cause,
    });
  }
}

let table: Int32Array | undefined;

/** CRC-32 as zip has it, reflected polynomial 0xEDB88320. */
function crc32(bytes: Uint8Array): number {
  table ??= Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 255] as number);
  return ~crc >>> 0;
}
