import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { codeOf, reasonOf } from './reason.ts';

/** Larger files are no settings, recipes or journals. */
const MOST_BYTES = 64 << 20;

/**
 * Reads a small file as text. A pipe that nobody writes to is not waited for.
 *
 * @throws Error  in words (`there is no such file`), with the code of the system where it has one
 */
export function readText(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = fstatSync(file);
    if (found.isDirectory()) throw new Error('it is a folder, wanted a file');
    if (!found.isFile()) throw new Error('it is a pipe or a device, wanted a file; save it first');
    if (found.size > MOST_BYTES) throw new Error(`it has ${found.size} bytes, wanted at most ${MOST_BYTES}`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw Object.assign(new Error(reasonOf(cause, 'read'), { cause }), { code: codeOf(cause) });
  } finally {
    if (file !== undefined) closeQuietly(file);
  }
}

/** What was read is whole whether or not the file can be closed. */
function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // there is nothing that could be lost
  }
}
