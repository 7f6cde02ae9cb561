import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '../errors/errors.ts';
import { reasonOf } from '../files/reason.ts';
import type { Medium } from './row-store.ts';

let made = 0;

/**
 * A medium in a temporary file. The file loses its name at once where the system allows it, so that nothing stays behind
 * whatever becomes of the process.
 *
 * @throws DataError if the file cannot be made, written or read
 */
export function diskMedium(folder: string = tmpdir()): Medium {
  const path = join(folder, `coppice-${process.pid}-${made++}.rows`);
  const file = told('make', path, () => openSync(path, 'wx+', 0o600));
  rmSync(path, { force: true });
  const whole = (length: number, move: (done: number) => number): void => {
    for (let done = 0; done < length; ) {
      const count = move(done);
      if (count === 0) throw new Error('the file is shorter than what was written');
      done += count;
    }
  };
  return {
    write: (array, position) =>
      told('write', path, () =>
        whole(array.length, (done) => writeSync(file, array, done, array.length - done, position + done)),
      ),
    read: (into, position) =>
      told('read', path, () =>
        whole(into.length, (done) => readSync(file, into, done, into.length - done, position + done)),
      ),
    close: () => {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}

function told<T>(what: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new DataError(
      `Cannot ${what} gradient rows in ${path}: ${reasonOf(cause)}; free space there, set TMPDIR, or allow more memory`,
      { cause, remedies: [{ option: 'memory' }] },
    );
  }
}
