import { zlibSync } from 'fflate';

/** A picture of few colours: each pixel is an index. */
export interface IndexedPicture {
  readonly width: number;
  readonly height: number;
  /** Row-major, one byte a pixel, below `colours.length`. */
  readonly pixels: Uint8Array;
  /** #rrggbb, at most 256. */
  readonly colours: readonly string[];
}

/** A picture in grey or in colour: [height, width, channels] bytes. */
export interface BytePicture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** PNG (W3C, 2003) of an indexed picture, as a data address. Deterministic. */
export function indexedPng({ width, height, pixels, colours }: IndexedPicture): string {
  const bits = [1, 2, 4, 8].find((b) => 2 ** b >= colours.length) ?? 8;
  const stride = Math.ceil((width * bits) / 8);
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = x * bits;
      (rows[y * (stride + 1) + 1 + (at >> 3)] as number) |= (pixels[y * width + x] as number) << (8 - bits - (at & 7));
    }
  }
  const palette = Uint8Array.from(
    colours.flatMap((colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))),
  );
  return png({ width, height, bits, kind: 3 }, [chunk('PLTE', palette)], rows);
}

/** PNG of a grey or coloured picture, as a data address. Deterministic. */
export function bytePng({ width, height, channels, pixels }: BytePicture): string {
  const stride = width * channels;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return png({ width, height, bits: 8, kind: channels === 1 ? 0 : 2 }, [], rows);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** Colour type: 0 grey, 2 RGB, 3 indexed. */
  readonly kind: number;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function png({ width, height, bits, kind }: Header, between: readonly Uint8Array[], rows: Uint8Array): string {
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([bits, kind, 0, 0, 0], 8);
  const data = chunk('IDAT', zlibSync(rows, { level: 9 }));
  const parts = [Uint8Array.from(SIGNATURE), chunk('IHDR', head), ...between, data, chunk('IEND', new Uint8Array())];
  return `data:image/png;base64,${base64(parts)}`;
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(
    Array.from(name, (letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

const CRC = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = (CRC[(c ^ byte) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function base64(parts: readonly Uint8Array[]): string {
  let text = '';
  for (const part of parts) for (const byte of part) text += String.fromCharCode(byte);
  return btoa(text);
}
