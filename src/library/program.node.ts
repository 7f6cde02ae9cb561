import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OnnxDecodeError } from '../errors/errors.ts';
import { isModule, openProgram, type Program } from '../evaluate/program.ts';
import { reasonOf } from '../files/reason.ts';
import type { Model } from '../ir/model.ts';
import { fetched } from '../onnx/fetched.ts';
import { asModel, type ModelSource } from './model.node.ts';

/** The text that a compiled model's one file holds its module as. */
const INLINE = /^const text = "([A-Za-z0-9+/=]+)";$/m;
const SLASH = 0x2f;

/** Whether a path is that of a compiled model: its module, or the JavaScript file that loads or holds it. */
export function isProgram(path: string): boolean {
  return /\.(wasm|m?js)$/i.test(path);
}

/** A compiled model, and what a page loads of it: paths, or bytes where it lies in memory or behind a URL. */
export interface ProgramFile {
  readonly program: Program;
  readonly files: readonly (string | Uint8Array)[];
}

/** A model as it is measured: an ONNX model, or a compiled one. */
export type Measurable = Model | ProgramFile;

/** Opens a model to be measured, whatever it is and wherever it lies. @throws OnnxDecodeError, EngineError */
export async function asMeasurable(source: ModelSource): Promise<Measurable> {
  return (await programAt(source)) ?? asModel(source);
}

/** Whether it is a compiled model. */
export function isCompiled(measurable: Measurable): measurable is ProgramFile {
  return 'program' in measurable;
}

/** The compiled model that lies at a path, behind a URL or in memory; null where it is none. */
async function programAt(source: ModelSource): Promise<ProgramFile | null> {
  if (typeof source === 'string') return isProgram(source) ? openProgramFile(source) : null;
  if (source instanceof Uint8Array) return programIn(source);
  if (!(source instanceof URL)) return null;
  if (source.protocol === 'file:') return programAt(fileURLToPath(source));
  if (source.protocol === 'data:') return programIn(await fetched(source));
  if (!isProgram(source.pathname)) return null;
  const bytes = await fetched(source);
  const whole = await programIn(bytes);
  if (whole !== null) return whole;
  const module = await fetched(new URL(source.href.replace(/\.m?js(?=$|[?#])/i, '.wasm')));
  return { program: await openProgram(module), files: [bytes, module] };
}

/** The compiled model that some bytes hold; null where they hold none. No ONNX file begins with a slash. */
async function programIn(bytes: Uint8Array): Promise<ProgramFile | null> {
  if (isModule(bytes)) return { program: await openProgram(bytes), files: [bytes] };
  const held = bytes[0] === SLASH ? INLINE.exec(new TextDecoder().decode(bytes))?.[1] : undefined;
  return held === undefined ? null : { program: await openProgram(Buffer.from(held, 'base64')), files: [bytes] };
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
