import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxDecodeError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { measureSize } from './size.node.ts';

/** Four bytes a weight, `sparsity` of them zero. */
function weights(count: number, sparsity: number): Uint8Array {
  const rng = random(7);
  const values = Float32Array.from({ length: count }, () => (rng.uniform() < sparsity ? 0 : rng.normal()));
  return new Uint8Array(values.buffer);
}

describe('measureSize', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-size-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('agrees with the one-shot compressors', async () => {
    const bytes = weights(50_000, 0.5);
    const size = await measureSize(bytes);
    expect(size.raw).toBe(200_000);
    expect(size.gzip).toBe(gzipSync(bytes, { level: 9 }).length);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
    expect(Math.abs((size.brotli as number) / brotliCompressSync(bytes, { params }).length - 1)).toBeLessThan(0.01);
  });

  it('is smaller for sparser weights, except raw', async () => {
    const dense = await measureSize(weights(50_000, 0));
    const sparse = await measureSize(weights(50_000, 0.9));
    expect(sparse.raw).toBe(dense.raw);
    expect(sparse.gzip).toBeLessThan((dense.gzip as number) / 4);
    expect(sparse.brotli).toBeLessThan((dense.brotli as number) / 4);
  });

  it('adds up the files of a model with external data', async () => {
    const paths = [join(folder, 'model.onnx'), join(folder, 'model.data')];
    await writeFile(paths[0] as string, weights(1000, 0.5));
    await writeFile(paths[1] as string, weights(3000, 0.9));
    const [whole, head, tail] = await Promise.all([
      measureSize(paths),
      measureSize(paths[0] as string),
      measureSize(weights(3000, 0.9)),
    ]);
    expect(whole).toEqual({
      raw: head.raw + tail.raw,
      gzip: Number(head.gzip) + Number(tail.gzip),
      brotli: Number(head.brotli) + Number(tail.brotli),
    });
    expect(whole.raw).toBe(16_000);
  });

  it('refuses a file that is not there', async () => {
    await expect(measureSize(join(folder, 'none.onnx'))).rejects.toThrow(OnnxDecodeError);
  });

  it('counts the bytes alone where there are more than it may compress', async () => {
    expect(await measureSize(weights(1000, 0), { mostCompressed: 3999 })).toEqual({
      raw: 4000,
      gzip: null,
      brotli: null,
    });
    expect((await measureSize(weights(1000, 0), { mostCompressed: 4000 })).gzip).not.toBeNull();
  });

  it('stops when aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(measureSize(weights(50_000, 0), { signal })).rejects.toThrow(/abort/i);
  });
});
