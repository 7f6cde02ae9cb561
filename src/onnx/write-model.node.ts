import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, OutputError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { encodeModel } from './encode.ts';
import type { ExternalPlace } from './encode-tensor.ts';

/** Options of {@link writeModel}. */
export interface WriteOptions {
  /** Bytes of constants from which on they go to `<name>.data` beside the model. */
  readonly externalFrom: number;
}

/** Room for the graph below the 2 GiB that a protobuf message may have. */
const GRAPH_BYTES = 2 ** 26;

/** Defaults of {@link writeModel}. */
export const WRITE_DEFAULTS: WriteOptions = { externalFrom: 2 ** 31 - GRAPH_BYTES };

/** Ranges of the data file begin at multiples of this, so that they can be mapped into memory. */
const ALIGNMENT = 4096;
/** Smaller constants stay in the model: shapes, axes and the like, which runtimes look at early. */
const SMALLEST_OUTSIDE = 1024;

/**
 * Writes a model: to a temporary file of the same folder, synced, renamed, the folder synced. A model that passes 2 GiB
 * leaves its large initializers in `<name>.data` beside it, written in the same way.
 *
 * @throws OutputError  if the folder cannot be written; what was there before is then still there, and nothing else
 * Cost: one copy of the weights that stay inside.
 */
export async function writeModel(path: string, model: Model, options: Partial<WriteOptions> = {}): Promise<void> {
  const { externalFrom } = { ...WRITE_DEFAULTS, ...options };
  const outside = bytesOfConstants(model) >= externalFrom ? layOut(model, `${basename(path)}.data`) : undefined;
  const drafts: Draft[] = [];
  try {
    if (outside !== undefined)
      drafts.push(await draft(join(dirname(path), outside.location), (file) => writeRanges(file, outside)));
    const bytes = encodeModel(model, { external: (name) => outside?.places.get(name) });
    drafts.push(await draft(path, (file) => writeFully(file, bytes)));
    await publish(drafts);
    await syncFolder(dirname(path));
  } catch (cause) {
    for (const { temporary } of drafts) await rm(temporary, { force: true });
    throw new OutputError(`Cannot write the model to "${path}": ${reasonOf(cause)}`, { fields: { path }, cause });
  }
}

function bytesOfConstants({ graph }: Model): number {
  let bytes = 0;
  for (const { raw } of graph.constants.values()) bytes += raw instanceof Uint8Array ? raw.byteLength : 0;
  return bytes;
}

/** Where each initializer goes in the data file. */
interface Outside {
  readonly location: string;
  readonly places: ReadonlyMap<string, ExternalPlace>;
  readonly ranges: readonly (readonly [offset: number, raw: Uint8Array])[];
}

function layOut({ graph }: Model, location: string): Outside {
  const places = new Map<string, ExternalPlace>();
  const ranges: [number, Uint8Array][] = [];
  let offset = 0;
  for (const [name, { raw }] of graph.constants) {
    if (!(raw instanceof Uint8Array) || raw.byteLength < SMALLEST_OUTSIDE) continue;
    places.set(name, { location, offset, length: raw.byteLength });
    ranges.push([offset, raw]);
    offset = Math.ceil((offset + raw.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  return { location, places, ranges };
}

async function writeRanges(file: FileHandle, { ranges }: Outside): Promise<void> {
  for (const [offset, raw] of ranges) await writeFully(file, raw, offset);
}

/** One write call takes at most this much; the system's own limit is 2 GiB. */
const WRITE_AT_ONCE = 2 ** 30;

async function writeFully(file: FileHandle, bytes: Uint8Array, offset = 0): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      Math.min(WRITE_AT_ONCE, bytes.byteLength - done),
      offset + done,
    );
    done += bytesWritten;
  }
}

/** A finished file under a name of its own, waiting to take its place. */
interface Draft {
  readonly target: string;
  readonly temporary: string;
}

let serial = 0;

async function draft(target: string, write: (file: FileHandle) => Promise<void>): Promise<Draft> {
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${++serial}.tmp`);
  const file = await open(temporary, 'wx');
  try {
    await write(file);
    await file.sync();
    await file.close();
  } catch (cause) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw cause;
  }
  return { target, temporary };
}

/** Moves all drafts to their places; if one cannot, those that were replaced before it come back. */
async function publish(all: readonly Draft[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const backups: string[] = [];
  try {
    for (const { target, temporary } of all) {
      const backup = target === all.at(-1)?.target ? undefined : await setAside(target);
      if (backup !== undefined) {
        backups.push(backup);
        undo.push(() => rename(backup, target));
      }
      await rename(temporary, target);
      if (backup === undefined) undo.push(() => rm(target, { force: true }));
    }
  } catch (cause) {
    for (const step of undo) await step();
    throw cause;
  }
  for (const backup of backups) await rm(backup, { force: true });
}

/** Gives an old data file another name until the new model is in place; undefined where there is none. */
async function setAside(target: string): Promise<string | undefined> {
  const stat = await lstat(target).catch(() => undefined);
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) throw Object.assign(new Error(`${target} is a folder`), { code: 'EISDIR' });
  const backup = join(dirname(target), `.${basename(target)}.${process.pid}-${++serial}.old`);
  await rename(target, backup);
  return backup;
}

/** Makes the renames last. Windows has no such call, and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function reasonOf(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such folder';
    case 'ENOTDIR':
      return 'its folder is a file';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'the folder may not be written';
    case 'ENOSPC':
      return 'the disk is full';
    case 'EISDIR':
      return 'there is a folder of that name';
    default:
      return messageOf(cause);
  }
}
