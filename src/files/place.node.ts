import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf } from './reason.ts';

/** Where something is written to. */
export interface Place {
  /** Of a file: where it lies itself, behind all links; it need not be there yet. */
  readonly path: string;
  /** What has no content that could be replaced: a pipe, or a device such as /dev/null. */
  readonly isStream: boolean;
}

/** Links that are followed one after another; systems follow about as many. */
const MOST_LINKS = 40;

/**
 * Where a path leads: links are followed, whether what they name is there or not.
 *
 * @throws what the file system throws; an error in words for what cannot be written: a folder, a disk, a socket
 */
export function placeOf(path: string): Place {
  const found = statOrNone(path, statSync);
  if (found === undefined) return { path: behindLinks(path), isStream: false };
  if (found.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
  if (found.isBlockDevice()) throw new Error('it is a disk; name a file');
  if (found.isSocket()) throw new Error('it is a socket; name a file');
  return found.isFile() ? { path: realpathSync(path), isStream: false } : { path, isStream: true };
}

/** Whether two paths lead to one file, by whatever names. */
export function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statOrNone(path, statSync));
  if (one === undefined || other === undefined) return resolve(a) === resolve(b);
  return one.dev === other.dev && one.ino === other.ino && one.ino !== 0 ? true : realpathSync(a) === realpathSync(b);
}

function behindLinks(path: string): string {
  let at = resolve(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    if (statOrNone(at, lstatSync)?.isSymbolicLink() !== true) return at;
    at = resolve(realpathSync(dirname(at)), readlinkSync(at));
  }
  throw Object.assign(new Error(`ELOOP: too many links, stat '${path}'`), { code: 'ELOOP' });
}

/** What there is at a path; undefined where there is nothing. */
function statOrNone(path: string, stat: (path: string) => Stats): Stats | undefined {
  try {
    return stat(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}
