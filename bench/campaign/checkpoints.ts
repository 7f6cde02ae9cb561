import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint, readJournal, readState } from '../../src/checkpoint/checkpoint.node.ts';
import { ResumeMismatchError } from '../../src/errors/errors.ts';
import { parseModelText } from '../../src/onnx/text.ts';
import { type Random, random } from '../../src/tensor/random.ts';
import { type Campaign, RIGHT, type Surroundings, type Verdict, wrong } from './campaign.ts';

/** A change of a state in a folder. @returns  what it was; null where nothing is another than before */
type Change = (folder: string, other: string, rng: Random) => string | null;

const nameIn = (folder: string, rng: Random): string => {
  const names = readdirSync(folder).sort();
  return names[rng.integer(names.length)] as string;
};

/** Writes other bytes in the place of a file's. */
function rewrite(folder: string, name: string, change: (bytes: Buffer) => Uint8Array): string | null {
  const before = readFileSync(join(folder, name));
  const after = change(Buffer.from(before));
  writeFileSync(join(folder, name), after);
  return before.equals(after) ? null : name;
}

const CHANGES: Readonly<Record<string, Change>> = {
  'bits flipped': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => {
      for (let flips = 1 + rng.integer(3); flips > 0; flips--) {
        const at = rng.integer(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << rng.integer(8));
      }
      return bytes;
    }),
  'a number edited': (folder, _, rng) =>
    rewrite(folder, 'journal.json', (bytes) => {
      const text = bytes.toString();
      const numbers = [...text.matchAll(/(?<=:)-?\d+(\.\d+)?/g)];
      const { index = 0, 0: found } = numbers[rng.integer(numbers.length)] as RegExpMatchArray;
      return Buffer.from(`${text.slice(0, index)}${Number(found) + 1}${text.slice(index + found.length)}`);
    }),
  'a file cut off': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => bytes.subarray(0, rng.integer(bytes.length))),
  'bytes exchanged': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => {
      const [a, b] = [rng.integer(bytes.length), rng.integer(bytes.length)];
      [bytes[a], bytes[b]] = [bytes[b] as number, bytes[a] as number];
      return bytes;
    }),
  'a file of another state': (folder, other, rng) => {
    const name = nameIn(folder, rng);
    return rewrite(folder, name, () => readFileSync(join(other, name)));
  },
  'a file of another name': (folder, _, rng) => {
    const [a, b] = [nameIn(folder, rng), nameIn(folder, rng)];
    return rewrite(folder, a, () => readFileSync(join(folder, b)));
  },
};

/** Two states of one shape that differ in every file. */
async function states(scratch: string): Promise<[string, string]> {
  const [one, other] = [join(scratch, 'one'), join(scratch, 'other')];
  for (const [folder, n] of [
    [one, 1],
    [other, 2],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    const model = parseModelText(
      `input x: float32[N,4]\nconst w: float32[4,8] = random(${n})\ny = MatMul(x, w)\noutput y: float32[N,8]`,
    );
    const rng = random(n);
    const arrays = new Map([['value/w', Float32Array.from({ length: 32 }, () => rng.normal())]]);
    const epochs = [{ epoch: 1, loss: 0.7 / n, accuracy: 0.5, rate: 0.05, samplesPerSecond: 100 * n }];
    const training = { epoch: n, step: 3, loss: 0.5 * n, hits: 7, epochs };
    const stages = [{ kept: 12, message: 'solved', seconds: { gradients: 0.1 * n, solve: 0.2 } }];
    const run = {
      command: ['coppice', 'prune', 'net.onnx', '--gradual'],
      folder: scratch,
      key: { 'the model': 'abc' },
    };
    await openCheckpoint(folder, run).save({ pruning: 0, stages, epochs, training }, { model, arrays });
  }
  return [one, other];
}

let made: Promise<[string, string]> | undefined;

/** States of interrupted runs with something changed: none is gone on from. */
export const checkpoints: Campaign = {
  name: 'checkpoints',
  summary: 'states of interrupted runs with bytes flipped, numbers edited, files exchanged: all refused',
  limit: 10,
  async case(seed: number, index: number, { scratch }: Surroundings): Promise<Verdict> {
    made ??= states(scratch);
    const [one, other] = await made;
    const rng = random(seed).fork(`case ${index}`);
    const kinds = Object.keys(CHANGES);
    const kind = kinds[rng.integer(kinds.length)] as string;
    const place = join(scratch, 'changed');
    rmSync(place, { recursive: true, force: true });
    cpSync(one, place, { recursive: true });
    const what = CHANGES[kind]?.(place, other, rng) ?? null;
    const thrown = await readJournal(place)
      .then((journal) => readState(place, journal))
      .then(
        () => null,
        (error: unknown) => error,
      );
    if (what === null) return thrown === null ? RIGHT : wrong('an unchanged state is refused');
    if (thrown === null) return wrong(`accepted: ${kind}`);
    return thrown instanceof ResumeMismatchError
      ? { kind: 'refused', what: kind }
      : wrong(`${kind}: ${String(thrown)}`);
  },
};
