import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedArrays } from '../../src/checkpoint/array-file.ts';
import {
  openCheckpoint,
  type Progress,
  readJournal,
  readState,
  type StateParts,
} from '../../src/checkpoint/checkpoint.node.ts';
import { checkSameRun, type Journal } from '../../src/checkpoint/journal.ts';
import { DataError, ResumeMismatchError } from '../../src/errors/errors.ts';
import type { Model } from '../../src/ir/model.ts';
import { parseModelText } from '../../src/onnx/text.ts';
import { type Random, random } from '../../src/tensor/random.ts';
import { type Campaign, RIGHT, type Surroundings, type Verdict, wrong } from './campaign.ts';
import { contents } from './command.ts';

/** A change of a state in a folder. @returns  the file that is another than before; null = none is */
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
      if (numbers.length === 0) return bytes;
      const { index = 0, 0: found } = numbers[rng.integer(numbers.length)] as RegExpMatchArray;
      return Buffer.from(`${text.slice(0, index)}${Number(found) + 1}${text.slice(index + found.length)}`);
    }),
  'a file cut off': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => bytes.subarray(0, rng.integer(bytes.length))),
  'a file gone': (folder, _, rng) => {
    const name = nameIn(folder, rng);
    rmSync(join(folder, name));
    return name;
  },
  'bytes added': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => Buffer.concat([bytes, Buffer.alloc(1 + rng.integer(64))])),
  'a block of zeros': (folder, _, rng) =>
    rewrite(folder, nameIn(folder, rng), (bytes) => {
      const from = rng.integer(bytes.length);
      return bytes.fill(0, from, Math.min(bytes.length, from + 1 + rng.integer(64)));
    }),
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

/** Kinds of runs, by what their states hold. */
const RUNS: Readonly<Record<string, (n: number) => readonly [Progress, StateParts]>> = {
  gradual: (n) => [
    { ...NOTHING, pruning: 0, stages: [stageOf(n)], epochs: [epochOf(n)], training: trainingOf(n) },
    { model: modelOf(n), arrays: arraysOf(n, 'value/w') },
  ],
  auto: (n) => [
    { ...NOTHING, training: { ...trainingOf(n), done: 4 + n } },
    {
      arrays: arraysOf(n, 'value/w'),
      pieces: new Map([
        ['training by 16/steps planned', new Map([['number', Float64Array.of(40 + n)]])],
        ['training by 16/duel labels', new Map([['number', Float64Array.of(0.5 / n)]])],
        ['training by 16/state at 4', arraysOf(n, 'w')],
      ]),
    },
  ],
  reconstruct: (n) => [
    NOTHING,
    {
      pieces: new Map([
        ['supports', arraysOf(n, 'layer 0')],
        ...[0, 1, 2].map((i) => [`layer ${i}`, arraysOf(10 * n + i, 'weights')] as const),
      ]),
    },
  ],
  sweep: (n) => [{ ...NOTHING, cells: [cellOf(n), cellOf(n + 10)] }, {}],
};

const NOTHING: Progress = { pruning: null, stages: [], epochs: [], training: null };

function modelOf(n: number): Model {
  return parseModelText(
    `input x: float32[N,4]\nconst w: float32[4,8] = random(${n})\ny = MatMul(x, w)\noutput y: float32[N,8]`,
  );
}

function arraysOf(n: number, name: string): NamedArrays {
  const rng = random(n);
  return new Map([[name, Float32Array.from({ length: 32 }, () => rng.normal())]]);
}

const epochOf = (n: number) => ({ epoch: 1, loss: 0.7 / n, accuracy: 0.5, rate: 0.05, samplesPerSecond: 100 * n });
const stageOf = (n: number) => ({ kept: 12, message: 'solved', seconds: { gradients: 0.1 * n, solve: 0.2 } });
const trainingOf = (n: number) => ({ epoch: n, step: 3, loss: 0.5 * n, hits: 7, epochs: [epochOf(n)] });
const cellOf = (n: number) => ({
  ...{ method: 'magnitude', sparsity: 0.5, flops: null, seed: n, accuracy: 1 / n },
  ...{ nonzeros: 28, prunable: 56, kept: [16, 12], seconds: 0.1 * n },
});

/** What a run goes by: the other run is of another model. */
const keyOf = (n: number): Journal['key'] => ({ 'the model': `abc${n}`, 'the place of the state': 'here' });

/** A state, its files as they were written, and one of another run of its kind that differs in each of them. */
interface States {
  readonly place: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly other: string;
}

async function states(scratch: string): Promise<States[]> {
  const made = async (name: string, n: number): Promise<string> => {
    const folder = join(scratch, `${name}-${n}`);
    mkdirSync(folder, { recursive: true });
    const run = { command: ['coppice', 'prune', 'net.onnx', `--${name}`], folder: scratch, key: keyOf(n) };
    await openCheckpoint(folder, run).save(...(RUNS[name] as (n: number) => readonly [Progress, StateParts])(n));
    return folder;
  };
  return Promise.all(
    Object.keys(RUNS).map(async (name) => {
      const place = await made(name, 1);
      return { place, files: contents(place), other: await made(name, 2) };
    }),
  );
}

let made: Promise<States[]> | undefined;

/** States of interrupted runs with something changed: none is gone on from. */
export const checkpoints: Campaign = {
  name: 'checkpoints',
  summary: 'states of interrupted runs with bytes flipped, numbers edited, files exchanged: all refused',
  limit: 10,
  async case(seed: number, index: number, { scratch }: Surroundings): Promise<Verdict> {
    made ??= states(scratch);
    const { place, files, other } = (await made)[index % Object.keys(RUNS).length] as States;
    const rng = random(seed).fork(`case ${index}`);
    const kinds = Object.keys(CHANGES);
    const kind = kinds[rng.integer(kinds.length)] as string;
    const what = CHANGES[kind]?.(place, other, rng) ?? null;
    const thrown = await readJournal(place)
      .then((journal) => {
        checkSameRun(journal.key, keyOf(1));
        return readState(place, journal);
      })
      .then(
        () => null,
        (error: unknown) => error,
      );
    if (what !== null) writeFileSync(join(place, what), files.get(what) as Buffer);
    if (what === null) return thrown === null ? RIGHT : wrong('an unchanged state is refused');
    if (thrown === null) return wrong(`accepted: ${kind}`);
    const isNone = kind === 'a file gone' && what === 'journal.json' && thrown instanceof DataError;
    return thrown instanceof ResumeMismatchError || isNone
      ? { kind: 'refused', what: kind }
      : wrong(`${kind}: ${String(thrown)}`);
  },
};
