import { createHash } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../test/shared-models.ts';
import { OnnxDecodeError, OutputError } from '../errors/errors.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { float32 } from '../tensor/tensor.ts';
import { encodeModel } from './encode.ts';
import type { ExternalPlace } from './encode-tensor.ts';
import { modelHash, readModel, writeModel } from './files.node.ts';
import { parseModelText } from './text.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

const SMALL = parseModelText(`
  input x: float32[N,1,8,8]
  const w: float32[40,1,3,3] = random(1)
  const tiny: float32[40] = random(2)
  const v: float32[320,40] = random(3)
  y = Conv(x, w, tiny) { kernel_shape: [3,3], strides: [2,2] }
  m = GlobalAveragePool(y)
  f = Flatten(m)
  z = Gemm(f, v) { transB: 1 }
  output z
`);

/** A model whose tensors lie in files: [name, place]. */
async function writeExternal(places: Readonly<Record<string, ExternalPlace>>): Promise<string> {
  const path = join(folder, 'model.onnx');
  await writeFile(path, encodeModel(SMALL, { external: (name) => places[name] }));
  return path;
}

const W_BYTES = 40 * 9 * 4;
const V_BYTES = 320 * 40 * 4;

/** Writes w's elements to a file of the folder. */
async function writeData(name: string): Promise<void> {
  await writeFile(join(folder, name), SMALL.graph.constants.get('w')?.raw as Uint8Array);
}

const place = (location: string, offset = 0, length = W_BYTES): ExternalPlace => ({ location, offset, length });

describe('readModel', () => {
  it('reads external data of the same folder and below', async () => {
    await mkdir(join(folder, 'parts'));
    await writeData('parts/w.bin');
    const model = await readModel(await writeExternal({ w: place('parts/w.bin') }));
    expect(tensorOf(model.graph.constants.get('w') as never)).toEqual(
      tensorOf(SMALL.graph.constants.get('w') as never),
    );
    expect(await outputGap(encodeModel(model), SMALL, randomFeeds(SMALL, 1))).toBe(0);
  });

  it('follows a link that stays in the folder', async () => {
    await writeData('w.bin');
    await symlink('w.bin', join(folder, 'link.bin'));
    await expect(readModel(await writeExternal({ w: place('link.bin') }))).resolves.toBeDefined();
  });

  it('lets tensors share a range and lie side by side, but not overlap', async () => {
    await writeFile(join(folder, 'all.bin'), new Uint8Array(W_BYTES + V_BYTES));
    await expect(
      readModel(await writeExternal({ w: place('all.bin'), v: place('all.bin', W_BYTES, V_BYTES) })),
    ).resolves.toBeDefined();
    const overlapping = await writeExternal({ w: place('all.bin', 4), v: place('all.bin', W_BYTES, V_BYTES) });
    await expect(readModel(overlapping)).rejects.toThrow('overlap those of tensor "w"');
  });

  it.each([
    ['a missing file', place('none.bin'), "no such file in the model's folder"],
    ['an absolute path', place('/etc/hostname'), 'an absolute path is refused'],
    ['a Windows path', place('C:\\w.bin'), 'an absolute path is refused'],
    ['a path upwards', place('../w.bin'), 'a path with ".." is refused'],
    ['a path upwards by backslash', place('parts\\..\\..\\w.bin'), 'a path with ".." is refused'],
    ['a zero byte', place('w.bin\0.txt'), 'the path holds a zero byte'],
    ['a file that is too short', place('w.bin', 8), `wanted bytes 8 to ${W_BYTES + 8}, the file has ${W_BYTES}`],
    ['a length that does not fit the shape', place('w.bin', 0, 8), `want ${W_BYTES} bytes, its entry in "w.bin" has 8`],
    ['the folder itself', place('.'), 'leads out'],
    ['a folder', place('parts'), 'not a regular file'],
    ['no name', place(''), 'lies in a file that is not named'],
  ])('refuses external data at %s', async (_, where, message) => {
    await mkdir(join(folder, 'parts'));
    await writeData('w.bin');
    const reading = readModel(await writeExternal({ w: where }));
    await expect(reading).rejects.toThrow(OnnxDecodeError);
    await expect(reading).rejects.toThrow(message);
  });

  it('refuses a link out of the folder and a file with two hard links', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'coppice-outside-'));
    await writeFile(join(outside, 'w.bin'), new Uint8Array(W_BYTES));
    await symlink(join(outside, 'w.bin'), join(folder, 'soft.bin'));
    await symlink(outside, join(folder, 'softdir'));
    await link(join(outside, 'w.bin'), join(folder, 'hard.bin'));
    await expect(readModel(await writeExternal({ w: place('soft.bin') }))).rejects.toThrow(
      "leads out of the model's folder",
    );
    await expect(readModel(await writeExternal({ w: place('softdir/w.bin') }))).rejects.toThrow(
      "leads out of the model's folder",
    );
    await expect(readModel(await writeExternal({ w: place('hard.bin') }))).rejects.toThrow('several hard links');
    await rm(outside, { recursive: true });
  });

  it('keeps the limits on sizes', async () => {
    await writeData('w.bin');
    const path = await writeExternal({ w: place('w.bin') });
    await expect(readModel(path, { maxBytes: 100 })).rejects.toThrow('more than the limit of 100');
    await expect(readModel(path, { maxExternalBytes: 100 })).rejects.toThrow('passes the limit of 100 bytes');
  });

  it('refuses a missing file, a folder and a broken file by name', async () => {
    await writeFile(join(folder, 'page.onnx'), '<!doctype html><html></html>');
    await expect(readModel(join(folder, 'none.onnx'))).rejects.toThrow(
      /Cannot read the model ".*none\.onnx": there is no such file/,
    );
    await expect(readModel(folder)).rejects.toThrow('it is a folder');
    await expect(readModel(join(folder, 'page.onnx'))).rejects.toThrow(
      /Cannot read the model ".*page\.onnx": the file is an HTML/,
    );
    await expect(readModel(join(folder, 'page.onnx', 'x'))).rejects.toThrow(OnnxDecodeError);
  });

  it.skipIf(process.getuid?.() === 0)('refuses a file that may not be read', async () => {
    const path = join(folder, 'secret.onnx');
    await writeModel(path, SMALL);
    await chmod(path, 0);
    await expect(readModel(path)).rejects.toThrow('permission denied');
  });

  it.skipIf(process.platform !== 'linux')('refuses a device without reading it', async () => {
    await expect(readModel('/dev/zero')).rejects.toThrow('not a regular file');
  });
});

describe('writeModel', () => {
  it('writes what readModel reads, and leaves nothing else', async () => {
    await writeModel(join(folder, 'a.onnx'), SMALL);
    expect(await readdir(folder)).toEqual(['a.onnx']);
    expect(await outputGap(await readModel(join(folder, 'a.onnx')), SMALL, randomFeeds(SMALL, 1))).toBe(0);
  });

  it('moves large initializers to one aligned data file from a size on', async () => {
    const path = join(folder, 'a.onnx');
    await writeModel(path, SMALL, { externalFrom: 1000 });
    expect((await readdir(folder)).sort()).toEqual(['a.onnx', 'a.onnx.data']);
    expect((await readFile(join(folder, 'a.onnx.data'))).byteLength).toBe(4096 + V_BYTES);
    expect((await readFile(path)).byteLength).toBeLessThan(1500);
    const model = await readModel(path);
    expect(await outputGap(model, SMALL, randomFeeds(SMALL, 1))).toBe(0);
    await writeModel(path, model, { externalFrom: 1000 });
    await writeModel(join(folder, 'inside.onnx'), await readModel(path));
    expect(await outputGap(await readModel(join(folder, 'inside.onnx')), SMALL, randomFeeds(SMALL, 1))).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['a.onnx', 'a.onnx.data', 'inside.onnx']);
  });

  it('writes external data that stock onnxruntime reads from the path', async () => {
    const ort = await import('onnxruntime-node');
    await writeModel(join(folder, 'a.onnx'), SMALL, { externalFrom: 1000 });
    const session = await ort.InferenceSession.create(join(folder, 'a.onnx'));
    expect(session.outputNames).toEqual(['z']);
    await session.release();
  });

  it('fails by an OutputError where the folder is missing or a file', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const path of [join(folder, 'none', 'a.onnx'), join(folder, 'file', 'a.onnx')]) {
      await expect(writeModel(path, SMALL)).rejects.toThrow(OutputError);
    }
    expect(await readdir(folder)).toEqual(['file']);
  });

  it.skipIf(process.getuid?.() === 0)('fails by an OutputError where the folder may not be written', async () => {
    await chmod(folder, 0o500);
    await expect(writeModel(join(folder, 'a.onnx'), SMALL)).rejects.toThrow('may not be written');
    await chmod(folder, 0o700);
  });

  it('leaves model and data as they were if either cannot take its place', async () => {
    const path = join(folder, 'a.onnx');
    await mkdir(path);
    await writeFile(join(folder, 'a.onnx.data'), 'old');
    await expect(writeModel(path, SMALL, { externalFrom: 1000 })).rejects.toThrow(OutputError);
    expect(await readFile(join(folder, 'a.onnx.data'), 'utf8')).toBe('old');
    expect((await readdir(folder)).sort()).toEqual(['a.onnx', 'a.onnx.data']);

    const other = join(folder, 'b.onnx');
    await writeFile(other, 'old');
    await mkdir(`${other}.data`);
    await expect(writeModel(other, SMALL, { externalFrom: 1000 })).rejects.toThrow('a folder of that name');
    expect(await readFile(other, 'utf8')).toBe('old');
    expect((await readdir(folder)).sort()).toEqual(['a.onnx', 'a.onnx.data', 'b.onnx', 'b.onnx.data']);
  });

  it('writes replaced elements, not those of the file', async () => {
    const path = join(folder, 'a.onnx');
    await writeModel(path, SMALL);
    const model = await readModel(path);
    const constants = new Map(model.graph.constants);
    const old = constants.get('tiny') as NonNullable<ReturnType<typeof constants.get>>;
    constants.set('tiny', { ...old, raw: constantOf(float32(new Float32Array(40).fill(7), [40])).raw });
    const changed: Model = { ...model, graph: { ...model.graph, constants } };
    await writeModel(path, changed);
    expect(tensorOf((await readModel(path)).graph.constants.get('tiny') as never).data).toEqual(
      new Float32Array(40).fill(7),
    );
  });
});

describe('modelHash', () => {
  it('is the SHA-256 of the file or the bytes', async () => {
    await writeFile(join(folder, 'a'), 'abc');
    const wanted = createHash('sha256').update('abc').digest('hex');
    expect(await modelHash(join(folder, 'a'))).toBe(wanted);
    expect(await modelHash(new TextEncoder().encode('abc'))).toBe(wanted);
    await expect(modelHash(join(folder, 'b'))).rejects.toThrow('no such file');
  });
});
