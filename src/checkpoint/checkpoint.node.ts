import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError, messageOf, OutputError, ResumeMismatchError } from '../errors/errors.ts';
import { NotLastingError, reasonOf, writeFiles } from '../files/atomic.node.ts';
import { readText } from '../files/read-text.node.ts';
import type { Model } from '../ir/model.ts';
import { readModel, writeModel } from '../onnx/files.node.ts';
import { decodeArrays, encodeArrays, type NamedArrays } from './array-file.ts';
import { JOURNAL_SCHEMA, type Journal, journalSchema } from './journal.ts';

const JOURNAL = 'journal.json';

/** The part of the journal that changes. */
export type Progress = Pick<Journal, 'pruning' | 'stages' | 'epochs' | 'training' | 'trials' | 'cells'>;

/** What a state holds besides its progress. */
export interface StateParts {
  /** The pruned model, where it is another than that of the last state. */
  readonly model?: Model;
  /** Of a training under way; `as before` = those of the last state. */
  readonly arrays?: NamedArrays | 'as before';
  /** Long steps that are done since the last state, by name. */
  readonly pieces?: ReadonlyMap<string, NamedArrays>;
}

/** A run's state on disk: a folder with a journal, which names the other files and is replaced last. */
export interface Checkpoint {
  readonly folder: string;
  /**
   * Writes a state: new files beside those of the last one, synced, then the journal; what the journal no longer names is
   * removed. A crash at any moment leaves the last state or this one.
   *
   * @throws OutputError if the folder cannot be written
   */
  save(progress: Progress, parts: StateParts): Promise<void>;
  /** Removes the folder: the run is over. */
  remove(): Promise<void>;
}

/** Whether an unfinished run lies in a folder. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(join(folder, JOURNAL));
}

/**
 * Opens a folder for a run's states; it is made when the first is written.
 *
 * @param from  the journal that the run goes on from; without one, what is in the folder gives way to the first state
 */
export function openCheckpoint(
  folder: string,
  run: Pick<Journal, 'command' | 'folder' | 'key'>,
  from: Journal | null = null,
): Checkpoint {
  let model = from?.model ?? null;
  /** SHA-256 of the model's files. */
  const digests = Object.entries(from?.files ?? {});
  let modelFiles = Object.fromEntries(digests.filter(([name]) => name.startsWith('pruned-')));
  const pieces: Record<string, string> = { ...from?.pieces };
  let arraysFile = from?.arrays ?? null;
  let arraysDigest = from?.files[arraysFile ?? ''] ?? '';
  const pieceFiles = Object.fromEntries(digests.filter(([name]) => name.startsWith('piece-')));
  let serial = Math.max(0, ...digests.map(([name]) => Number(/-(\d+)\./.exec(name)?.[1] ?? 0)));
  return {
    folder,
    save: async (progress, parts) => {
      serial++;
      const encoded = typeof parts.arrays === 'object' ? encodeArrays(parts.arrays) : null;
      try {
        await mkdir(folder, { recursive: true });
        if (parts.model !== undefined) {
          model = `pruned-${serial}.onnx`;
          await writeModel(join(folder, model), parts.model);
          modelFiles = await digestsOf(folder, model);
        }
        const written: Record<string, Uint8Array[]> = {};
        for (const [name, piece] of parts.pieces ?? []) {
          const file = `piece-${++serial}.safetensors`;
          written[file] = encodeArrays(piece);
          pieceFiles[file] = digestOf(written[file]);
          pieces[name] = file;
        }
        if (encoded !== null) {
          arraysFile = `state-${serial}.safetensors`;
          written[arraysFile] = encoded;
          arraysDigest = digestOf(encoded);
        } else if (parts.arrays === undefined) arraysFile = null;
        const arrays = arraysFile;
        const files = { ...modelFiles, ...pieceFiles, ...(arrays !== null && { [arrays]: arraysDigest }) };
        const named = Object.values(pieces);
        const state = { ...progress, ...(named.length > 0 && { pieces }), files, model, arrays };
        const journal: Journal = { schema: JOURNAL_SCHEMA, ...run, ...state };
        await writeFiles(folder, { ...written, [JOURNAL]: sealed(journal) });
        await sweep(folder, [JOURNAL, model, `${model}.data`, arrays, ...named]);
      } catch (cause) {
        const why = cause instanceof NotLastingError || cause instanceof OutputError ? cause.message : reasonOf(cause);
        const message = `Cannot write the checkpoint to "${folder}": ${why}`;
        throw new OutputError(message, { fields: { folder }, cause });
      }
    },
    remove: async () => {
      await sweep(folder, []);
      if ((await readdir(folder).catch(() => ['?'])).length === 0) await rm(folder, { recursive: true });
    },
  };
}

/** Files that this module writes, whole or abandoned. */
const OWN = /^\.?(journal\.json|pruned-\d+\.onnx(\.data)?|(state|piece)-\d+\.safetensors)(\.[\da-f-]+\.(tmp|old))?$/;

/** Removes this module's files but for some; others that happen to lie there stay. */
async function sweep(folder: string, kept: readonly (string | null)[]): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (OWN.test(name) && !kept.includes(name)) await rm(join(folder, name), { force: true });
}

/** A state as it was saved. */
export interface SavedState {
  readonly journal: Journal;
  readonly model: Model | null;
  readonly arrays: Map<string, Float32Array | Float64Array> | null;
  /** The long steps that are done, by name. */
  readonly pieces: ReadonlyMap<string, NamedArrays>;
}

/**
 * Reads the journal of a folder.
 *
 * @throws DataError if there is none, or it is not one
 */
export async function readJournal(folder: string): Promise<Journal> {
  if (!hasCheckpoint(folder))
    throw new DataError(`Cannot go on: there is no unfinished run in "${folder}"`, { fields: { folder } });
  let text: string;
  try {
    text = readText(join(folder, JOURNAL));
  } catch (cause) {
    const message = `Cannot go on: the journal in "${folder}" cannot be read: ${messageOf(cause)}`;
    throw new DataError(message, { fields: { folder }, cause });
  }
  const rest = unsealed(text);
  if (rest === null) throw damaged(folder, 'its journal');
  const parsed = journalSchema.safeParse(rest);
  if (!parsed.success) throw damaged(folder, 'its journal');
  return parsed.data;
}

/** The journal with the SHA-256 of all that follows in front: of the digests of the other files too, so that one digest stands for all. */
function sealed(journal: Journal): string {
  const rest = `${JSON.stringify(journal).slice(1)}\n`;
  return `{"digest":"${digestOf([Buffer.from(rest)])}",${rest}`;
}

const SEAL = /^\{"digest":"([0-9a-f]{64})",/;

/** What a sealed text says; null where a byte of it is not as it was written. */
function unsealed(text: string): unknown {
  const [seal = '', digest] = SEAL.exec(text) ?? [];
  const rest = text.slice(seal.length);
  if (digest === undefined || digestOf([Buffer.from(rest)]) !== digest) return null;
  const { digest: _, ...journal } = JSON.parse(text) as Record<string, unknown>;
  return journal;
}

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** SHA-256 of a model's file, and of the data beside it where it has any. */
async function digestsOf(folder: string, model: string): Promise<Record<string, string>> {
  const names = [model, `${model}.data`].filter((name) => existsSync(join(folder, name)));
  const digests = await Promise.all(names.map((name) => digestOfFile(join(folder, name))));
  return Object.fromEntries(names.map((name, i) => [name, digests[i] as string]));
}

function damaged(folder: string, what: string): ResumeMismatchError {
  return new ResumeMismatchError(
    `Cannot go on: the state in "${folder}" is not as it was written (${what}); begin anew`,
    { fields: { folder }, remedies: [{ option: 'restart' }] },
  );
}

/**
 * Reads the files that a journal names; their digests are checked before anything of them is used.
 *
 * @throws ResumeMismatchError  if one is missing or not as it was written
 * @throws DataError            if one cannot be read
 */
export async function readState(folder: string, journal: Journal): Promise<SavedState> {
  await checkModelFiles(folder, journal);
  try {
    const model = journal.model === null ? null : await readModel(join(folder, journal.model));
    const arrays = journal.arrays === null ? null : decodeArrays(await checkedBytes(folder, journal, journal.arrays));
    const pieces = new Map<string, NamedArrays>();
    for (const [name, file] of Object.entries(journal.pieces ?? {}))
      pieces.set(name, decodeArrays(await checkedBytes(folder, journal, file)));
    return { journal, model, arrays, pieces };
  } catch (cause) {
    if (cause instanceof ResumeMismatchError) throw cause;
    throw new DataError(`Cannot go on: ${messageOf(cause)}`, { fields: { folder }, cause });
  }
}

async function checkModelFiles(folder: string, { model, files }: Journal): Promise<void> {
  if (model === null) return;
  const there = await digestsOf(folder, model).catch((cause: unknown) => {
    throw new DataError(`Cannot go on: "${join(folder, model)}" cannot be read: ${reasonOf(cause, 'read')}`, { cause });
  });
  for (const name of [model, `${model}.data`]) if (there[name] !== files[name]) throw damaged(folder, name);
}

async function checkedBytes(folder: string, { files }: Journal, name: string): Promise<Uint8Array> {
  if (!existsSync(join(folder, name))) throw damaged(folder, name);
  const bytes = await readFile(join(folder, name)).catch((cause: unknown) => {
    throw new DataError(`Cannot go on: "${join(folder, name)}" cannot be read: ${reasonOf(cause, 'read')}`, { cause });
  });
  if (digestOf([bytes]) !== files[name]) throw damaged(folder, name);
  return bytes;
}
