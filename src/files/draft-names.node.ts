import { createHash } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Names of the machine in names of files: a number of a process says nothing on another one. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 6);
/** A draft of another machine is abandoned when nothing was written to it for so long. */
const ABANDONED_MS = 24 * 3600 * 1000;
/** Bytes of a file's name that are kept in that of its draft: systems take 255 in all. */
const LONGEST_NAME = 180;

let serial = 0;

/** A name for what takes the place of a file later (`tmp`), or stood there before (`old`): beside it, of this process alone. */
export function draftName(target: string, ending: 'tmp' | 'old'): string {
  return join(dirname(target), `${stemOf(target)}${MACHINE}-${process.pid}-${++serial}.${ending}`);
}

/**
 * Removes what runs that were killed left beside a file: drafts of processes that are gone. What stood in its place before comes back if
 * nothing stands there now. What cannot be removed stays.
 */
export function clearAbandoned(target: string): void {
  const stem = stemOf(target);
  for (const name of listed(dirname(target))) {
    if (!name.startsWith(stem)) continue;
    const [, machine, pid, ending] = /^([0-9a-f]{6})-(\d+)-\d+\.(tmp|old)$/.exec(name.slice(stem.length)) ?? [];
    const path = join(dirname(target), name);
    if (machine === undefined || !isAbandoned(path, machine, Number(pid))) continue;
    try {
      if (ending === 'old' && !existsSync(target)) renameSync(path, target);
      else rmSync(path, { force: true });
    } catch {
      // the next run tries again
    }
  }
}

function stemOf(target: string): string {
  const name = basename(target);
  const short =
    Buffer.byteLength(name) <= LONGEST_NAME ? name : createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `.${short}.`;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAbandoned(path: string, machine: string, pid: number): boolean {
  if (machine !== MACHINE) return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > ABANDONED_MS;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
