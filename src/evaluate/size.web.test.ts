import { gunzipSync } from 'node:zlib';
import { gzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { random } from '../tensor/random.ts';
import { measureSize as measureInNode } from './size.node.ts';
import { measureSize } from './size.web.ts';

/** Floats of which most are zero, over two chunks of the compressor. */
function sparseBytes(): Uint8Array {
  const rng = random(5);
  const floats = Float32Array.from({ length: 280_000 }, () => (rng.uniform() < 0.9 ? 0 : rng.normal()));
  return new Uint8Array(floats.buffer);
}

describe('measureSize in a browser', () => {
  it('counts what a compressor at level 9 writes, near to what Node measures', async () => {
    const bytes = sparseBytes();
    const { raw, gzip, brotli } = await measureSize(bytes);
    const node = await measureInNode(bytes);
    expect([raw, brotli]).toEqual([node.raw, null]);
    expect(Math.abs(Number(gzip) / Number(node.gzip) - 1)).toBeLessThan(0.03);
  });

  it('of a small file is that of the file compressed at once', async () => {
    const bytes = sparseBytes().subarray(0, 1000);
    const packed = gzipSync(bytes, { level: 9, mtime: 0 });
    expect(new Uint8Array(gunzipSync(packed))).toEqual(new Uint8Array(bytes));
    expect(Math.abs(Number((await measureSize(bytes)).gzip) - packed.length)).toBeLessThanOrEqual(8);
  });
});
