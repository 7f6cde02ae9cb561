import { mkdirSync, realpathSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { parseAddress } from '../data/address.ts';
import { expandHome } from '../data/read-bytes.node.ts';
import { OptionError, OutputError } from '../errors/errors.ts';
import { clearAbandoned, draftName } from '../files/draft-names.node.ts';
import { isSameFile, type Place, placeOf } from '../files/place.node.ts';
import { codeOf, reasonOf } from '../files/reason.ts';
import { isMadeUp } from '../pipeline/opened-data.ts';

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

/** Where a folder lies itself, behind all links, whether it is there yet or not. */
export function realFolder(path: string): string {
  const folder = resolve(path);
  try {
    return realpathSync(folder);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT' || dirname(folder) === folder)
      throw unwritable(path, reasonOf(cause, 'read'), cause);
    return join(realFolder(dirname(folder)), basename(folder));
  }
}

/** Makes a folder for results, if it is not there. @throws OutputError if it cannot be made or written */
export function makeFolder(path: string): void {
  checkWritableFolder(path);
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw unwritable(path, reasonOf(cause), cause);
  }
}

/**
 * Makes sure, before any long work, that a file can be written: its folder is there and takes a file. Of a pipe or a device only that it is
 * one: to open it is to begin.
 *
 * @throws OutputError if not
 */
export function checkWritableFile(path: string): void {
  const place = placed(path);
  if (!place.isStream) probe(dirname(place.path), path);
}

/** Whether what is written there can be read again: not from a pipe or a device. @throws OutputError */
export function keepsWhatIsWritten(path: string): boolean {
  return !placed(path).isStream;
}

function placed(path: string): Place {
  try {
    return placeOf(path);
  } catch (cause) {
    const isFolder = codeOf(cause) === 'EISDIR';
    throw unwritable(path, isFolder ? 'it is a folder; name a file' : reasonOf(cause), cause);
  }
}

/**
 * Makes sure that a folder can be written, or made.
 *
 * @throws OutputError if not
 */
export function checkWritableFolder(path: string): void {
  let folder = resolve(path);
  while (statOf(folder, path) === undefined && dirname(folder) !== folder) folder = dirname(folder);
  probe(folder, path);
}

/** A file that a run reads, or a folder whose files it reads. */
export interface Input {
  /** In a sentence: `it is ...`. */
  readonly what: string;
  readonly path: string;
}

/**
 * Makes sure that no result takes the place of what the run reads.
 *
 * @throws OptionError if one would
 */
export function checkNotInputs(outputs: readonly string[], inputs: readonly Input[]): void {
  for (const output of outputs)
    for (const { what, path } of inputs)
      if (isSame(output, path)) throw new OptionError(`Cannot write to "${output}": it is ${what}; give another name`);
}

/** The same file, or one that is there in the folder. */
function isSame(output: string, input: string): boolean {
  try {
    if (isSameFile(output, input)) return true;
    const isFolder = statSync(input, { throwIfNoEntry: false })?.isDirectory() === true;
    if (!isFolder || statSync(output, { throwIfNoEntry: false }) === undefined) return false;
    const within = relative(realpathSync(input), realpathSync(output));
    return within !== '..' && !within.startsWith(`..${sep}`) && !isAbsolute(within);
  } catch {
    return false; // who reads or writes it says what is wrong with it
  }
}

/** What a command reads besides its model: data, rows to measure on, a teacher, a recipe, settings. */
export function inputsOf(
  model: string,
  more: {
    readonly [what in 'data' | 'eval' | 'teacher' | 'recipe' | 'config']?: string | undefined;
  },
): Input[] {
  const files = (what: string, path: string | undefined): Input[] => (path === undefined ? [] : [{ what, path }]);
  return [
    { what: 'the model itself', path: model },
    ...pathsOf(more.data).map((path) => ({ what: 'what --data reads', path })),
    ...pathsOf(more.eval).map((path) => ({ what: 'what --eval reads', path })),
    ...files('the teacher', more.teacher),
    ...files('the recipe', more.recipe),
    ...files('the config file', more.config),
  ];
}

/** The files of an address; none of one that cannot be read, which is refused where it is opened. */
function pathsOf(address: string | undefined): string[] {
  try {
    return address === undefined || isMadeUp(address) ? [] : parseAddress(address).paths.map(expandHome);
  } catch {
    return [];
  }
}

/** What there is at a path; undefined where there is nothing, or a file stands where a folder is wanted: the probe above it says so. */
function statOf(path: string, asked: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if (codeOf(cause) === 'ENOTDIR') return undefined;
    throw unwritable(asked, reasonOf(cause, 'read'), cause);
  }
}

function unwritable(path: string, reason: string, cause?: unknown): OutputError {
  return new OutputError(`Cannot write to "${shown(path)}": ${reason}`, { cause });
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // the next run does, once this process is gone
  }
}

/** Longer paths are cut in sentences: what is wrong comes behind them. */
const LONGEST_SHOWN = 300;

function shown(path: string): string {
  return path.length <= LONGEST_SHOWN ? path : `${path.slice(0, 100)} ... ${path.slice(-100)}`;
}

/** Permissions say too little (root, read-only mounts, quotas): a file is made and removed again. */
function probe(folder: string, path: string): void {
  const stat = statOf(folder, path);
  if (stat === undefined) throw unwritable(path, `there is no folder "${folder}"`);
  if (!stat.isDirectory()) throw unwritable(path, `"${folder}" is not a folder`);
  const target = join(folder, 'coppice');
  clearAbandoned(target);
  const file = draftName(target, 'tmp');
  try {
    writeFileSync(file, '', { flag: 'wx' });
    rmSync(file);
  } catch (cause) {
    removeQuietly(file);
    throw unwritable(path, reasonOf(cause), cause);
  }
}
