import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep, win32 } from 'node:path';
import { OnnxDecodeError } from '../errors/errors.ts';
import { reasonOf } from '../files/reason.ts';
import type { ExternalReader, ExternalReference } from './decode-tensor.ts';

/** One read call takes at most this much; the system's own limit is 2 GiB. */
const READ_AT_ONCE = 2 ** 30;

interface Range {
  readonly begin: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly tensor: string;
}

/**
 * Reads external tensor data from a model's folder, and only from there: a model is somebody else's file, and must not
 * make us read others. Tensors may share a range, but not overlap in part.
 *
 * @param folder  where the model lies
 * @param maxBytes  all ranges together
 * @returns  a reader that throws OnnxDecodeError at an absolute path, `..`, a link out of the folder, a file with
 *           several hard links, one that is missing or short, or ranges that overlap
 */
export function externalReader(folder: string, maxBytes: number): ExternalReader {
  const files = new Map<string, Range[]>();
  let total = 0;
  return (reference, tensor) => {
    const { location, offset, length } = reference;
    const ranges = files.get(location) ?? [];
    files.set(location, ranges);
    const at = firstAfter(ranges, offset);
    const same = ranges[at - 1];
    if (same?.begin === offset && same.end === offset + length) return same.bytes;
    refuseOverlap(reference, tensor, [same, ranges[at]]);
    total += length;
    if (total > maxBytes)
      throw refusal(tensor, location, `the model's external data passes the limit of ${maxBytes} bytes`);
    const bytes = readRange(folder, reference, tensor);
    ranges.splice(at, 0, { begin: offset, end: offset + length, bytes, tensor });
    return bytes;
  };
}

/** Index of the first of the sorted ranges that begins after the offset. */
function firstAfter(ranges: readonly Range[], offset: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as Range).begin > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function refuseOverlap(
  { location, offset, length }: ExternalReference,
  tensor: string,
  neighbours: readonly (Range | undefined)[],
): void {
  for (const range of neighbours) {
    if (range === undefined || range.end <= offset || range.begin >= offset + length) continue;
    throw refusal(
      tensor,
      location,
      `its bytes ${offset} to ${offset + length} overlap those of tensor "${range.tensor}"`,
    );
  }
}

function refusal(tensor: string, location: string, reason: string, cause?: unknown): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot read tensor "${tensor}" from "${location}": ${reason}`, {
    fields: { tensor, location },
    cause,
  });
}

function readRange(folder: string, { location, offset, length }: ExternalReference, tensor: string): Uint8Array {
  const path = resolveInside(folder, location, tensor);
  const file = open(path, location, tensor);
  try {
    const { size, nlink } = statOf(file, location, tensor);
    if (nlink > 1)
      throw refusal(tensor, location, 'the file has several hard links, and may belong to somebody else; copy it');
    if (offset + length > size)
      throw refusal(tensor, location, `wanted bytes ${offset} to ${offset + length}, the file has ${size}`);
    return readFully(file, offset, new Uint8Array(length));
  } catch (cause) {
    throw cause instanceof OnnxDecodeError ? cause : refusal(tensor, location, reasonOf(cause, 'read'), cause);
  } finally {
    closeSync(file);
  }
}

/** The real path of a location, which must lie inside the real folder. */
function resolveInside(folder: string, location: string, tensor: string): string {
  const steps = location.split(/[\\/]/);
  if (isAbsolute(location) || win32.isAbsolute(location) || /^[a-z]:/i.test(location))
    throw refusal(tensor, location, 'an absolute path is refused');
  if (steps.includes('..')) throw refusal(tensor, location, 'a path with ".." is refused');
  if (location.includes('\0')) throw refusal(tensor, location, 'the path holds a zero byte');
  const [home, path] = [realPath(folder, location, tensor), realPath(join(folder, location), location, tensor)];
  const inside = relative(home, path);
  if (inside === '' || isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`)) {
    throw refusal(tensor, location, "a link leads out of the model's folder");
  }
  return path;
}

function realPath(path: string, location: string, tensor: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw refusal(
      tensor,
      location,
      missing ? "there is no such file in the model's folder" : reasonOf(cause, 'read'),
      cause,
    );
  }
}

/** Never follows a link that appears after the check, and never waits at a pipe. */
function open(path: string, location: string, tensor: string): number {
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw refusal(tensor, location, reasonOf(cause, 'read'), cause);
  }
}

function statOf(file: number, location: string, tensor: string): { size: number; nlink: number } {
  const stat = fstatSync(file);
  if (!stat.isFile()) throw refusal(tensor, location, 'it is not a regular file');
  return stat;
}

function readFully(file: number, offset: number, into: Uint8Array): Uint8Array {
  let done = 0;
  while (done < into.byteLength) {
    const got = readSync(file, into, done, Math.min(READ_AT_ONCE, into.byteLength - done), offset + done);
    if (got === 0) throw new Error(`the file ended ${into.byteLength - done} bytes too early`);
    done += got;
  }
  return into;
}
