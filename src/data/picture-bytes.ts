import { DataError } from '../errors/errors.ts';

const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8, 0xff];
/** The type of a PNG's last chunk. */
const IEND = [0x49, 0x45, 0x4e, 0x44];
/** The marker at which a JPEG ends. */
const END_OF_IMAGE = [0xff, 0xd9];
/** Markers: application segment 1, where EXIF lies, and start of scan, behind which there are no segments to skip. */
const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
/** Starts of frames, of all ways to pack one, but for the three markers among them that are tables. */
const FRAMES = { first: 0xc0, last: 0xcf, tables: [0xc4, 0xc8, 0xcc] } as const;
/** Where a start of frame has its number of components, from its marker on. */
const COMPONENTS_AT = 9;

/**
 * Refuses a PNG or JPEG that ends too early: browsers would paint what is missing gray.
 *
 * @throws DataError
 */
export function refuseCutOff(bytes: Uint8Array, name: string): void {
  const ends = begins(bytes, PNG) ? IEND : begins(bytes, JPEG) ? END_OF_IMAGE : null;
  if (ends === null || contains(bytes, ends, begins(bytes, JPEG) ? scanOf(bytes) : 0)) return;
  throw new DataError(`Cannot read the picture "${name}": it is cut off; replace it or leave it out`);
}

/**
 * Refuses a JPEG in four inks: browsers make colours of it each in its own way, and not as other readers do.
 *
 * @throws DataError
 */
export function refuseInks(bytes: Uint8Array, name: string): void {
  if (!begins(bytes, JPEG)) return;
  for (const { marker, start } of segments(bytes)) {
    const isFrame = marker >= FRAMES.first && marker <= FRAMES.last && !FRAMES.tables.some((table) => table === marker);
    if (isFrame && bytes[start + COMPONENTS_AT] === 4)
      throw new DataError(`Cannot read the picture "${name}" in a browser: wanted RGB or gray, it is CMYK; convert it`);
  }
}

/** A JPEG without its EXIF, so that nobody turns it; any other picture as it is. */
export function withoutOrientation(bytes: Uint8Array): Uint8Array {
  if (!begins(bytes, JPEG)) return bytes;
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let at = 2;
  for (const { marker, start, end } of segments(bytes)) {
    if (marker !== APP1) parts.push(bytes.subarray(start, end));
    at = end;
  }
  parts.push(bytes.subarray(at));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    out.set(part, to);
    to += part.length;
  }
  return out;
}

function begins(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

function contains(bytes: Uint8Array, wanted: readonly number[], from: number): boolean {
  for (let at = bytes.length - wanted.length; at >= from; at--)
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  return false;
}

/** Where a JPEG's first scan begins; its end if there is none. */
function scanOf(bytes: Uint8Array): number {
  let end = 2;
  for (const segment of segments(bytes)) end = segment.end;
  return end;
}

/** The segments of a JPEG in front of its first scan. */
function* segments(bytes: Uint8Array): Generator<{ marker: number; start: number; end: number }> {
  for (let start = 2; start + 4 <= bytes.length && bytes[start] === 0xff; ) {
    const marker = bytes[start + 1] as number;
    if (marker === START_OF_SCAN) return;
    const end = start + 2 + ((bytes[start + 2] as number) << 8) + (bytes[start + 3] as number);
    yield { marker, start, end: Math.min(end, bytes.length) };
    start = end;
  }
}
