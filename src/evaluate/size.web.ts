import { Gzip } from 'fflate';
import { MOST_COMPRESSED } from './size-limit.ts';

/** Bytes handed to the compressor at once. */
const CHUNK = 1 << 20;

/**
 * Measures a model raw and by gzip, level 9 (deflate is not zlib's: about 1 % beside `gzip -9`). Browsers have no brotli to
 * compress with. Large models are not compressed.
 *
 * Cost: about 0.1 s a megabyte; nothing compressed is kept.
 */
export async function measureSize(bytes: Uint8Array): Promise<{ raw: number; gzip: number | null; brotli: null }> {
  if (bytes.length > MOST_COMPRESSED) return { raw: bytes.length, gzip: null, brotli: null };
  let size = 0;
  const gzip = new Gzip({ level: 9, mtime: 0 }, (part) => {
    size += part.length;
  });
  for (let at = 0; at < bytes.length; at += CHUNK) gzip.push(bytes.subarray(at, at + CHUNK));
  gzip.push(new Uint8Array(0), true);
  return { raw: bytes.length, gzip: size, brotli: null };
}
