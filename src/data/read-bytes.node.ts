import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError, messageOf } from '../errors/errors.ts';
import { reasonOf } from '../files/reason.ts';
import type { ByteSource } from './byte-source.ts';
import { isGzip } from './looks-like.ts';

const LARGEST = 2 ** 32 - 1;
const PIECE = 2 ** 30;

/** The path with a leading `~/` replaced by the home folder, as a shell does where no word stands before it. */
export function expandHome(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}

/**
 * Reads a whole file, beyond the 2 GiB that Node reads at once.
 *
 * @throws DataError  if it is missing, a folder, empty, unreadable, or above 4 GiB
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > LARGEST)
      throw new DataError(`Cannot read "${path}": wanted at most 4 GiB, it has ${size} bytes; split it`);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(PIECE, size - at), at);
      if (bytesRead === 0) throw new DataError(`Cannot read "${path}": it became shorter while it was read`);
      at += bytesRead;
    }
    if (size === 0) throw new DataError(`Cannot read "${path}": it is empty`);
    return bytes;
  } catch (cause) {
    throw fileError(path, cause);
  } finally {
    await file.close();
  }
}

/**
 * A file of any size, to be read piece by piece. It is open only while it is read.
 *
 * @throws DataError  if it is missing, a folder, or unreadable; also from a read that comes too late
 */
export async function fileBytes(path: string): Promise<ByteSource> {
  const file = await openRegular(path);
  const { size } = await file.stat();
  await file.close();
  return {
    name: path,
    size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start);
      try {
        const opened = openSync(path, 'r');
        try {
          for (let at = 0; at < bytes.length; ) {
            const count = readSync(opened, bytes, at, bytes.length - at, start + at);
            if (count === 0) throw new DataError(`Cannot read "${path}": it became shorter while it was read`);
            at += count;
          }
        } finally {
          closeSync(opened);
        }
      } catch (cause) {
        throw fileError(path, cause);
      }
      return bytes;
    },
  };
}

/** Opens a file; what is no file is refused unopened, since a pipe that nobody writes to would be waited for for ever. */
async function openRegular(path: string): Promise<FileHandle> {
  try {
    const kind = await stat(path);
    if (kind.isDirectory()) throw new DataError(`Cannot read "${path}": it is a folder, wanted a file`);
    if (!kind.isFile())
      throw new DataError(`Cannot read "${path}": it is a pipe or a device, wanted a file; save it first`);
    return await open(path);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** As {@link readBytes}, unzipped if the file is gzip. @throws DataError also if it is cut off or damaged */
export async function readUnzipped(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  if (!isGzip(bytes)) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: LARGEST });
  } catch (cause) {
    throw new DataError(`Cannot unzip "${path}": ${messageOf(cause)}; it is cut off or damaged, fetch it again`, {
      cause,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'there is no permission to read it',
  EPERM: 'there is no permission to read it',
};

/** What a failed call of the file system means, as a DataError; a DataError stays what it is. */
export function fileError(path: string, cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const full = resolve(path);
  const where = full === path ? '' : ` (${full})`;
  return new DataError(`Cannot read "${path}"${where}: ${REASONS[code] ?? reasonOf(cause, 'read')}`, {
    cause,
    fields: { path },
  });
}
