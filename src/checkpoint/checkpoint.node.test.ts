import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, ResumeMismatchError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { type Checkpoint, openCheckpoint, readJournal, readState } from './checkpoint.node.ts';

const scratch = mkdtempSync(join(tmpdir(), 'coppice-checkpoint-'));
const folder = join(scratch, 'state');
const run = { command: ['coppice', 'prune', 'x.onnx'], folder: scratch, key: { 'the model': 'abc' } };
const model = parseModelText(`
  input x: float32[N,2]
  const w: float32[2,3] = random(1)
  y = MatMul(x, w)
  output y: float32[N,3]
`);
const arrays = new Map([['value/w', Float32Array.of(1, 2, 3)]]);
const training = { epoch: 1, step: 2, loss: 0.5, hits: 3, epochs: [] };
const stage = { kept: 3, message: 'solved', seconds: { gradients: 1, solve: 1 } };
const progress = { pruning: 0, stages: [stage], epochs: [], training };

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** All that going on with a run reads. */
async function readAll(place: string): Promise<unknown> {
  return readState(place, await readJournal(place));
}

describe('a checkpoint', () => {
  let place: Checkpoint;
  beforeAll(async () => {
    place = openCheckpoint(folder, run);
    await place.save(progress, { model, arrays });
  });

  it('is read as it was saved, with the digest of each file', async () => {
    const { journal, arrays: read } = await readState(folder, await readJournal(folder));
    expect(Object.keys(journal.files).sort()).toEqual(['pruned-1.onnx', 'state-1.safetensors']);
    expect([journal.training, journal.stages, read]).toEqual([training, [stage], arrays]);
  });

  it('is refused whatever byte of it is another', async () => {
    const place = join(scratch, 'flipped');
    cpSync(folder, place, { recursive: true });
    const accepted: string[] = [];
    let flips = 0;
    for (const name of readdirSync(place)) {
      const whole = readFileSync(join(place, name));
      for (let at = 0; at < whole.length; at++) {
        const bytes = Uint8Array.from(whole);
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
        writeFileSync(join(place, name), bytes);
        flips++;
        const thrown = await readAll(place).catch((error: unknown) => error);
        if (!(thrown instanceof ResumeMismatchError)) accepted.push(`${name} at ${at}`);
      }
      writeFileSync(join(place, name), whole);
    }
    expect([accepted, flips > 800]).toEqual([[], true]);
  }, 120_000);

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from(' ')])],
    ['empty', () => Buffer.alloc(0)],
  ])('is refused where a file is %s, or missing', async (_, change) => {
    for (const name of readdirSync(folder)) {
      const place = join(scratch, 'changed');
      cpSync(folder, place, { recursive: true, force: true });
      writeFileSync(join(place, name), change(readFileSync(join(folder, name))));
      await expect(readAll(place)).rejects.toThrow(ResumeMismatchError);
      rmSync(join(place, name));
      await expect(readAll(place)).rejects.toThrow(name === 'journal.json' ? DataError : ResumeMismatchError);
      rmSync(place, { recursive: true });
    }
  });

  it('is refused with files of another state, and with facts of another beside it', async () => {
    const other = join(scratch, 'other');
    const text = `${readFileSync(join(folder, 'journal.json'))}`;
    await openCheckpoint(other, run).save(
      { ...progress, training: { ...training, step: 3 } },
      { model, arrays: new Map([['value/w', Float32Array.of(1, 2, 4)]]) },
    );
    for (const name of readdirSync(other)) {
      const place = join(scratch, 'mixed');
      cpSync(folder, place, { recursive: true });
      cpSync(join(other, name), join(place, name));
      const isSame = readFileSync(join(folder, name)).equals(readFileSync(join(other, name)));
      if (!isSame) await expect(readAll(place)).rejects.toThrow(/is not as it was written/);
      rmSync(place, { recursive: true });
    }
    for (const [from, to] of [
      ['"step":2', '"step":7'],
      ['"epoch":1', '"epoch":0'],
      ['"pruning":0', '"pruning":1'],
    ] as const) {
      const place = join(scratch, 'edited');
      cpSync(folder, place, { recursive: true });
      expect(text).toContain(from);
      writeFileSync(join(place, 'journal.json'), text.replace(from, to));
      await expect(readAll(place)).rejects.toThrow(ResumeMismatchError);
    }
  });

  it('keeps the last state and nothing else', async () => {
    await place.save({ ...progress, training: null }, {});
    expect(readdirSync(folder).sort()).toEqual(['journal.json', 'pruned-1.onnx']);
    await place.remove();
    expect(readdirSync(scratch)).not.toContain('state');
  });
});
