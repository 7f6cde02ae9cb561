import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import { OnnxDecodeError } from '../errors/errors.ts';
import { reasonOf } from '../files/reason.ts';
import { MOST_COMPRESSED } from './size-limit.ts';

/** Bytes that a model takes as it is and compressed for download. */
export interface Size {
  readonly raw: number;
  /** `gzip -9`, without a file name in the header; null where it was not measured. */
  readonly gzip: number | null;
  /** Brotli, quality 9, window of 16 MiB: what every browser unpacks; null where it was not measured. */
  readonly brotli: number | null;
}

/** How {@link measureSize} may be stopped. */
export interface SizeOptions {
  readonly signal?: AbortSignal;
  /** Bytes from which on nothing is compressed; default {@link MOST_COMPRESSED}. */
  readonly mostCompressed?: number;
}

/** Bytes handed to the compressor at once. */
const CHUNK = 1 << 20;

/**
 * Measures a model raw, by gzip and by brotli, without holding a compressed copy; of a large model the bytes alone.
 *
 * @param source  the model's bytes, or its files (the model and its external data), each compressed on its own
 * @throws OnnxDecodeError if a file cannot be read
 * Cost: each file is read twice, both compressors run at once; brotli compresses about 20 MB/s.
 */
export async function measureSize(
  source: Uint8Array | string | readonly (string | Uint8Array)[],
  options: SizeOptions = {},
): Promise<Size> {
  const parts = typeof source === 'string' || source instanceof Uint8Array ? [source] : source;
  const total = { raw: 0, gzip: 0, brotli: 0 };
  for (const part of parts) total.raw += await bytesOf(part);
  if (total.raw > (options.mostCompressed ?? MOST_COMPRESSED)) return { raw: total.raw, gzip: null, brotli: null };
  for (const part of parts) {
    const [gzip, br] = await Promise.all([
      countBytes(part, createGzip({ level: 9 }), options),
      countBytes(part, brotli(), options),
    ]);
    total.gzip += gzip;
    total.brotli += br;
  }
  return total;
}

function brotli(): Transform {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
  return createBrotliCompress({ params });
}

async function bytesOf(part: Uint8Array | string): Promise<number> {
  if (typeof part !== 'string') return part.byteLength;
  try {
    return (await stat(part)).size;
  } catch (cause) {
    throw unmeasured(cause);
  }
}

function unmeasured(cause: unknown): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot measure the size of the model: ${reasonOf(cause, 'read')}`, { cause });
}

async function countBytes(part: Uint8Array | string, coder: Transform, options: SizeOptions): Promise<number> {
  let bytes = 0;
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done): void {
      bytes += chunk.length;
      done();
    },
  });
  const input =
    typeof part === 'string' ? createReadStream(part, { highWaterMark: CHUNK }) : Readable.from(slices(part));
  try {
    await pipeline(input, coder, sink, options);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw unmeasured(cause);
  }
  return bytes;
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}
