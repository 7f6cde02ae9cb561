import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, messageOf, OutputError } from '../errors/errors.ts';
import { reasonOf, writeFiles } from '../files/atomic.node.ts';
import type { Model } from '../ir/model.ts';
import { readModel, writeModel } from '../onnx/files.node.ts';
import { decodeArrays, encodeArrays, type NamedArrays } from './array-file.ts';
import { JOURNAL_SCHEMA, type Journal, journalSchema } from './journal.ts';

const JOURNAL = 'journal.json';

/** The part of the journal that changes. */
export type Progress = Pick<Journal, 'pruning' | 'stages' | 'epochs' | 'training' | 'trials'>;

/** What a state holds besides its progress. */
export interface StateParts {
  /** The pruned model, where it is another than that of the last state. */
  readonly model?: Model;
  /** Of a training under way. */
  readonly arrays?: NamedArrays;
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
  let serial = Math.max(0, ...[from?.model, from?.arrays].map((name) => Number(/-(\d+)\./.exec(name ?? '')?.[1] ?? 0)));
  return {
    folder,
    save: async (progress, parts) => {
      serial++;
      const arrays = parts.arrays === undefined ? null : `state-${serial}.safetensors`;
      try {
        await mkdir(folder, { recursive: true });
        if (parts.model !== undefined) {
          model = `pruned-${serial}.onnx`;
          await writeModel(join(folder, model), parts.model);
        }
        const journal: Journal = { schema: JOURNAL_SCHEMA, ...run, ...progress, model, arrays };
        await writeFiles(folder, {
          ...(arrays !== null && parts.arrays && { [arrays]: encodeArrays(parts.arrays) }),
          [JOURNAL]: `${JSON.stringify(journal)}\n`,
        });
        await sweep(folder, [JOURNAL, model, `${model}.data`, arrays]);
      } catch (cause) {
        const message = `Cannot write the checkpoint to "${folder}": ${reasonOf(cause)}`;
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
const OWN = /^\.?(journal\.json|pruned-\d+\.onnx(\.data)?|state-\d+\.safetensors)(\.[\d-]+\.(tmp|old))?$/;

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
}

/**
 * Reads the journal of a folder.
 *
 * @throws DataError if there is none, or it is not one
 */
export async function readJournal(folder: string): Promise<Journal> {
  let text: string;
  try {
    text = await readFile(join(folder, JOURNAL), 'utf8');
  } catch (cause) {
    throw new DataError(`Cannot go on: there is no unfinished run in "${folder}"`, { fields: { folder }, cause });
  }
  try {
    return journalSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DataError(`Cannot go on: the journal in "${folder}" cannot be read`, { fields: { folder }, cause });
  }
}

/**
 * Reads the files that a journal names.
 *
 * @throws DataError if one is missing or broken
 */
export async function readState(folder: string, journal: Journal): Promise<SavedState> {
  try {
    const model = journal.model === null ? null : await readModel(join(folder, journal.model));
    const arrays = journal.arrays === null ? null : decodeArrays(await readFile(join(folder, journal.arrays)));
    return { journal, model, arrays };
  } catch (cause) {
    throw new DataError(`Cannot go on: ${messageOf(cause)}`, { fields: { folder }, cause });
  }
}
