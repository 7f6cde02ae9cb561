import { randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../errors/errors.ts';

const NO_LINK = constants.O_NOFOLLOW ?? 0;
const NO_WAIT = constants.O_NONBLOCK ?? 0;

/** Opens a file of a run's folder to be read: a file itself, no link, no pipe; null where there is none. */
export async function openPlain(path: string): Promise<FileHandle | null> {
  const file = await open(path, constants.O_RDONLY | NO_LINK | NO_WAIT).catch(() => null);
  if (file === null) return null;
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

/** The end of a file as text, so many bytes at most; '' where there is none. */
export async function tailOf(path: string, most: number): Promise<string> {
  const file = await openPlain(path);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - most);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Opens a file to add to; a link is refused. */
export function openToAdd(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | NO_LINK | NO_WAIT, 0o600);
}

/** Puts a text in the place of a file, or of a link. */
export async function replaceText(path: string, text: string): Promise<void> {
  const pending = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    await writeFile(pending, text, { flag: 'wx', mode: 0o600 });
    await rename(pending, path);
  } finally {
    await rm(pending, { force: true });
  }
}

/** Makes sure that none of the names in a folder is a link: what is written there stays there. @throws DataError */
export async function refuseLinks(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = await lstat(join(folder, name)).catch(() => null);
    if (found?.isSymbolicLink()) throw new DataError(`Cannot run in "${folder}": "${name}" is a link`);
  }
}
