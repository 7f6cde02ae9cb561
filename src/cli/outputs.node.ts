import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, OptionError, OutputError } from '../errors/errors.ts';

/** Where a model goes that was given no -o: beside the caller, not beside a model that may lie in a read-only place. */
export function defaultOutput(model: string, ending: string): string {
  return `${stemOf(model)}-${ending}.onnx`;
}

/** A model's file name without folder and ending. */
export function stemOf(model: string): string {
  return basename(withoutEnding(model));
}

/** A path without the ending of models. */
export function withoutEnding(path: string): string {
  return path.replace(/\.onnx$/i, '');
}

/** A path from the root on. */
export function absolute(path: string): string {
  return resolve(path);
}

/** A file of a folder. */
export function fileIn(folder: string, name: string): string {
  return join(folder, name);
}

/** The folder of a file. */
export function folderHolding(file: string): string {
  return dirname(file);
}

/** Makes a folder for results, if it is not there. @throws OutputError if it cannot be made or written */
export function makeFolder(path: string): void {
  checkWritableFolder(path);
  mkdirSync(path, { recursive: true });
}

/**
 * Makes sure, before any long work, that a file can be written: its folder is there and takes a file.
 *
 * @throws OutputError if not
 */
export function checkWritableFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) throw new OutputError(`Cannot write to "${path}": it is a folder; name a file`);
  probe(dirname(resolve(path)), path);
}

/**
 * Makes sure that a folder can be written, or made.
 *
 * @throws OutputError if not
 */
export function checkWritableFolder(path: string): void {
  let folder = resolve(path);
  while (statOf(folder) === undefined && dirname(folder) !== folder) folder = dirname(folder);
  probe(folder, path);
}

/**
 * Makes sure that a result does not take the place of an input.
 *
 * @throws OptionError if it would
 */
export async function checkNotInput(output: string, input: string): Promise<void> {
  const [a, b] = await Promise.all([output, input].map((path) => realpath(path).catch(() => resolve(path))));
  if (a === b) throw new OptionError(`Cannot write to "${output}": it is the model itself; give -o another name`);
}

function statOf(path: string): ReturnType<typeof statSync> {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a file stands where a folder is wanted: the probe above it says so
  }
}

/** Permissions say too little (root, read-only mounts, quotas): a file is made and removed again. */
function probe(folder: string, path: string): void {
  const stat = statOf(folder);
  if (stat === undefined) throw new OutputError(`Cannot write to "${path}": there is no folder "${folder}"`);
  if (!stat.isDirectory()) throw new OutputError(`Cannot write to "${path}": "${folder}" is not a folder`);
  const file = join(folder, `.coppice-${randomUUID()}.tmp`);
  try {
    writeFileSync(file, '', { flag: 'wx' });
    rmSync(file);
  } catch (cause) {
    throw new OutputError(`Cannot write to "${path}": ${messageOf(cause)}`, { cause });
  }
}
