import { readFile, stat } from 'node:fs/promises';
import { OnnxDecodeError } from '../errors/errors.ts';
import { openProgram, type Program } from '../evaluate/program.ts';
import { reasonOf } from '../files/reason.ts';

/** The text that a compiled model's one file holds its module as. */
const INLINE = /^const text = "([A-Za-z0-9+/=]+)";$/m;

/** Whether a path is that of a compiled model: its module, or the JavaScript file that loads or holds it. */
export function isProgram(path: string): boolean {
  return /\.(wasm|m?js)$/i.test(path);
}

/** A compiled model, and the files that a page loads of it. */
export interface ProgramFile {
  readonly program: Program;
  readonly files: readonly string[];
}

/**
 * Opens a compiled model: a `.wasm` file, or its `.js` file, which is read and never run.
 *
 * @throws OnnxDecodeError  if the file cannot be read or is no compiled model
 * @throws EngineError      if it cannot be run here
 */
export async function openProgramFile(path: string): Promise<ProgramFile> {
  if (/\.wasm$/i.test(path)) {
    const loader = path.replace(/\.wasm$/i, '.js');
    const hasLoader = await stat(loader).then(
      (at) => at.isFile(),
      () => false,
    );
    return { program: await openProgram(await read(path)), files: hasLoader ? [loader, path] : [path] };
  }
  const text = new TextDecoder().decode(await read(path));
  const held = INLINE.exec(text)?.[1];
  if (held !== undefined) return { program: await openProgram(Buffer.from(held, 'base64')), files: [path] };
  const module = path.replace(/\.m?js$/i, '.wasm');
  if (!text.includes('CompiledModelError'))
    throw new OnnxDecodeError(`Cannot open "${path}": wanted a compiled model, such as "coppice compile" writes`);
  return { program: await openProgram(await read(module)), files: [path, module] };
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new OnnxDecodeError(`Cannot open "${path}": ${reasonOf(cause, 'read')}`, { cause });
  }
}
