import { messageOf } from '../errors/errors.ts';

/** What failed calls of the file system mean, by their code. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'it is mounted for reading only',
  EIO: 'the device reports an error (EIO)',
  EMFILE: 'this process has too many files open (EMFILE)',
  ENFILE: 'too many files are open on this machine (ENFILE)',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links lead in a circle',
  EBUSY: 'it is in use',
  ENOMEM: 'the system has no memory left',
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such file',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'it is larger than a file may be',
  EPIPE: 'its reader has left',
  ENXIO: 'nothing reads it',
  EEXIST: 'it is there already',
  ENOTEMPTY: 'it is not empty',
};

/** Where writing gives a code another meaning: the file is to be made. */
const WRITING: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'its folder is a file',
  EACCES: 'the folder may not be written',
  EPERM: 'the folder may not be written',
  EROFS: 'the folder may not be written',
  EISDIR: 'there is a folder of that name',
};

/** What was tried, by the call of the system. */
const CALLS: Readonly<Record<string, string>> = {
  stat: 'look at',
  lstat: 'look at',
  fstat: 'look at',
  access: 'look at',
  scandir: 'list',
  opendir: 'list',
  fsync: 'keep',
  fdatasync: 'keep',
  mkdir: 'make the folder',
  mkdtemp: 'make the folder',
  unlink: 'remove',
  rm: 'remove',
  rmdir: 'remove',
  readlink: 'follow',
  realpath: 'follow',
};

/** The same form whatever became of the error on its way: `EIO: i/o error, open '/path'`. */
const SYSTEM_ERROR = /^(E[A-Z0-9]+): [^,]+, (\w+)(?: '([^']*)')?/;

/**
 * Why a file could not be read or written, in words.
 *
 * @param cause  what was thrown
 */
export function reasonOf(cause: unknown, doing: 'read' | 'write' = 'write'): string {
  const code = codeOf(cause) ?? '';
  return (doing === 'write' ? WRITING[code] : undefined) ?? REASONS[code] ?? messageOf(cause);
}

/** The code of an error of the system, such as ENOENT; undefined where it is none. */
export function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** A sentence for an error of the file system that nobody put into words; null for anything else. */
export function systemSentence(thrown: unknown): string | null {
  const [, code = '', call = '', path] = SYSTEM_ERROR.exec(messageOf(thrown)) ?? [];
  if (code === '') return null;
  const what = path === undefined ? 'a file' : `"${path}"`;
  return `Cannot ${CALLS[call] ?? call} ${what}: ${REASONS[code] ?? messageOf(thrown)}`;
}
