import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../errors/errors.ts';

/** One write call takes at most this much; the system's own limit is 2 GiB. */
const WRITE_AT_ONCE = 2 ** 30;

/** Writes all bytes from an offset of the file on. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, offset = 0): Promise<void> {
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
export interface Draft {
  readonly target: string;
  readonly temporary: string;
}

let serial = 0;

/** Writes and syncs a file beside its place, under a temporary name; nothing is left behind if that fails. */
export async function draft(target: string, write: (file: FileHandle) => Promise<void>): Promise<Draft> {
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

/** Removes drafts that are not going to be published. */
export async function discard(all: readonly Draft[]): Promise<void> {
  await Promise.all(all.map(({ temporary }) => rm(temporary, { force: true }).catch(() => undefined)));
}

/**
 * Writes files into a folder, which is made if need be: all are complete on disk under other names before the first
 * takes its place, so that no reader ever sees a part.
 *
 * @param contents  by file name
 * @throws what the file system throws; what stood there before is unharmed
 */
export async function writeFiles(
  folder: string,
  contents: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>,
): Promise<void> {
  const drafts: Draft[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(contents)) {
      const chunks =
        typeof content === 'string'
          ? [new TextEncoder().encode(content)]
          : content instanceof Uint8Array
            ? [content]
            : content;
      drafts.push(await draft(join(folder, name), (file) => writeChunks(file, chunks)));
    }
    await publish(drafts);
  } catch (cause) {
    await discard(drafts);
    throw cause;
  }
}

async function writeChunks(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let offset = 0;
  for (const chunk of chunks) {
    await writeFully(file, chunk, offset);
    offset += chunk.byteLength;
  }
}

/** Moves all drafts of one folder to their places, and makes that last; if one cannot, those replaced before it come back. */
export async function publish(all: readonly Draft[]): Promise<void> {
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
  const folders = new Set(all.map(({ target }) => dirname(target)));
  for (const folder of folders) await syncFolder(folder);
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

/** Makes the renames last through a power cut; some systems cannot open a folder, and they need no telling. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  if (handle === null) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}

/** Why a file could not be written, in words. */
export function reasonOf(cause: unknown): string {
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
