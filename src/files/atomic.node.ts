import { type FileHandle, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clearAbandoned, draftName } from './draft-names.node.ts';
import { placeOf } from './place.node.ts';
import { codeOf, reasonOf } from './reason.ts';

export { reasonOf } from './reason.ts';

/** One write call takes at most this much; the system's own limit is 2 GiB. */
const WRITE_AT_ONCE = 2 ** 30;

/** Everything is in its place, and would be lost in a power cut: the system could not make the folder last. */
export class NotLastingError extends Error {
  constructor(folder: string, cause: unknown) {
    super(`the folder "${folder}" could not be synced: ${reasonOf(cause, 'read')}`, { cause });
    this.name = 'NotLastingError';
  }
}

/**
 * Writes all bytes.
 *
 * @param offset  of the file; null for what has none, such as a pipe
 */
export async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number | null = 0): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      Math.min(WRITE_AT_ONCE, bytes.byteLength - done),
      offset === null ? null : offset + done,
    );
    done += bytesWritten;
  }
}

/** A finished file under a name of its own, waiting to take its place. */
export interface Draft {
  readonly target: string;
  readonly temporary: string;
}

/**
 * Writes and syncs a file beside its place, under a temporary name; nothing is left behind if that fails. What killed runs left there is
 * removed. Where a link stands, its place is where that leads.
 */
export async function draft(path: string, write: (file: FileHandle) => Promise<void>): Promise<Draft> {
  const { path: target, isStream } = placeOf(path);
  if (isStream) throw new Error('it is a pipe or a device; name a file');
  clearAbandoned(target);
  const temporary = draftName(target, 'tmp');
  const file = await open(temporary, 'wx');
  try {
    await write(file);
    await file.sync();
    await file.close();
  } catch (cause) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  }
  return { target, temporary };
}

/** Removes drafts that are not going to be published. */
export async function discard(all: readonly Draft[]): Promise<void> {
  await Promise.all(all.map(({ temporary }) => rm(temporary, { force: true }).catch(() => undefined)));
}

/** Writes to a pipe or a device, which has neither name nor content to be replaced. */
export async function writeStream(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const part of parts) await writeFully(file, part, null);
  } finally {
    await file.close();
  }
}

/**
 * Writes files into a folder, which is made if need be: all are complete on disk under other names before the first
 * takes its place, so that no reader ever sees a part.
 *
 * @param contents  by file name
 * @throws what the file system throws; what stood there before is unharmed
 * @throws NotLastingError  if all are in their places and might not last
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

/**
 * Moves all drafts to their places, and makes that last; if one cannot, those replaced before it come back.
 *
 * @throws NotLastingError  if all are in their places and might not last
 */
export async function publish(all: readonly Draft[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const backups: string[] = [];
  try {
    for (const { target, temporary } of all) {
      const backup = target === all.at(-1)?.target ? undefined : await setAside(target);
      if (backup !== undefined) {
        backups.push(backup);
        undo.push(async () => {
          await rename(backup, target);
          await rm(backup, { force: true }); // two names of one file: to rename one to the other does nothing
        });
      }
      await rename(temporary, target);
      if (backup === undefined) undo.push(() => rm(target, { force: true }));
    }
  } catch (cause) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw cause;
  }
  for (const backup of backups) await rm(backup, { force: true }).catch(() => undefined);
  const folders = new Set(all.map(({ target }) => dirname(target)));
  for (const folder of folders) await syncFolder(folder);
}

/** Keeps an old file under another name until all new ones are in place; undefined where there is none. Its own name stays where it can. */
async function setAside(target: string): Promise<string | undefined> {
  const stat = await lstat(target).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT') throw cause;
  });
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) throw Object.assign(new Error(`${target} is a folder`), { code: 'EISDIR' });
  const backup = draftName(target, 'old');
  await link(target, backup).catch(() => rename(target, backup));
  return backup;
}

/** What systems say that cannot open or sync folders, and need no telling. */
const NEEDS_NONE: ReadonlySet<string> = new Set([
  'EACCES',
  'EBADF',
  'EINVAL',
  'EISDIR',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
]);

/** Makes the renames last through a power cut. @throws NotLastingError */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (!NEEDS_NONE.has(codeOf(cause) ?? '')) throw new NotLastingError(folder, cause);
  }
}
