import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OnnxDecodeError } from '../errors/errors.ts';
import { tensorOf } from '../ir/access.ts';
import { encodeModel } from './encode.ts';
import { readModel, writeModel } from './files.node.ts';
import { readGivenModel } from './given-files.ts';
import { parseModelText } from './text.ts';

const MODEL = parseModelText(`
  input x: float32[N, 40]
  const w: float32[40, 40] = random(1)
  y = MatMul(x, w)
  output y
`);
const weights = (model: typeof MODEL) => tensorOf(model.graph.constants.get('w') as never).data;

describe('readGivenModel', () => {
  it('reads a model of one file', () => {
    expect(weights(readGivenModel({ name: 'a.onnx', bytes: encodeModel(MODEL) }))).toEqual(weights(MODEL));
  });

  it('reads external data that was given too, and says which file is missing or short', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coppice-given-'));
    try {
      await writeModel(join(folder, 'm.onnx'), MODEL, { externalFrom: 1 });
      const whole = await readModel(join(folder, 'm.onnx'));
      const file = { name: 'm.onnx', bytes: new Uint8Array(readFileSync(join(folder, 'm.onnx'))) };
      const data = { name: 'm.onnx.data', bytes: new Uint8Array(readFileSync(join(folder, 'm.onnx.data'))) };
      expect(weights(readGivenModel(file, [data]))).toEqual(weights(whole));
      expect(() => readGivenModel(file)).toThrow(/tensor "w" from "m\.onnx\.data": that file was not given/);
      expect(() => readGivenModel(file, [{ ...data, bytes: data.bytes.subarray(0, 9) }])).toThrow(/the file has 9$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says in one sentence what is no model', () => {
    const read = () => readGivenModel({ name: 'page.onnx', bytes: new TextEncoder().encode('<html></html>') });
    expect(read).toThrow(OnnxDecodeError);
    expect(read).toThrow(/^Cannot read the model "page\.onnx": .*HTML/);
  });
});
