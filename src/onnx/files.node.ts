import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OnnxDecodeError } from '../errors/errors.ts';
import { reasonOf as reasonInWords } from '../files/reason.ts';
import type { Model } from '../ir/model.ts';
import { withSubgraphs } from '../ir/subgraphs.ts';
import { decodeModel } from './decode.ts';
import { externalReader } from './external.node.ts';
import { isExternal } from './features.ts';

export { WRITE_DEFAULTS, type WriteOptions, writeModel } from './write-model.node.ts';

/** Limits of {@link readModel}, in bytes. */
export interface ReadOptions {
  /** The model file itself. A protobuf message cannot pass 2 GiB. */
  readonly maxBytes: number;
  /** All external data together. */
  readonly maxExternalBytes: number;
}

/** Defaults of {@link readModel}. */
export const READ_DEFAULTS: ReadOptions = { maxBytes: 2 ** 31 - 1, maxExternalBytes: 2 ** 36 };

/**
 * Reads an ONNX file and the external data that it names, which must lie in the file's own folder.
 *
 * @throws OnnxDecodeError  if there is no such file, it may not be read, passes a limit, or is no model that can be read
 * Cost: the file and its data once in memory.
 */
export async function readModel(path: string, options: Partial<ReadOptions> = {}): Promise<Model> {
  const { maxBytes, maxExternalBytes } = { ...READ_DEFAULTS, ...options };
  const bytes = await reading(path, (file) => readWhole(file, path, maxBytes));
  try {
    return decodeModel(bytes, { external: externalReader(dirname(path), maxExternalBytes), owned: true });
  } catch (cause) {
    throw cause instanceof OnnxDecodeError ? withPath(cause, path) : cause;
  }
}

/**
 * The SHA-256 of a model file, or of its bytes, in hexadecimal; external data is not in it.
 *
 * @throws OnnxDecodeError if there is no such file or it may not be read
 */
export async function modelHash(model: string | Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  if (typeof model !== 'string') return hash.update(model).digest('hex');
  return reading(model, async (file) => {
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    return hash.digest('hex');
  });
}

/**
 * The SHA-256 of what a model has in other files, as it was read, in hexadecimal; null where there is none.
 *
 * Cost: one pass over those constants.
 */
export function externalHash({ graph }: Model): string | null {
  const outside = withSubgraphs(graph).flatMap(({ constants }) =>
    [...constants].filter(([, { origin }]) => isExternal(origin)),
  );
  if (outside.length === 0) return null;
  const hash = createHash('sha256');
  for (const [name, { raw }] of outside)
    hash.update(`${name}\0`).update(raw instanceof Uint8Array ? raw : raw.join('\0'));
  return hash.digest('hex');
}

/** Opens a regular file, without waiting if it is a pipe, and closes it again. */
async function reading<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = await file.stat();
    if (!stat.isFile()) throw refusal(path, stat.isDirectory() ? 'it is a folder' : 'it is not a regular file');
    return await read(file);
  } catch (cause) {
    throw cause instanceof OnnxDecodeError ? cause : refusal(path, reasonOf(cause), cause);
  } finally {
    await file?.close();
  }
}

async function readWhole(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  if (size > maxBytes) throw refusal(path, `it has ${size} bytes, more than the limit of ${maxBytes}`);
  const { buffer, byteOffset, byteLength } = await file.readFile();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function reasonOf(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    default:
      return reasonInWords(cause, 'read');
  }
}

function refusal(path: string, reason: string, cause?: unknown): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot read the model "${path}": ${reason}`, { fields: { path }, cause });
}

/** The same error, saying which file. */
function withPath(error: OnnxDecodeError, path: string): OnnxDecodeError {
  const message = error.message.replace(/^Cannot read the model:/, `Cannot read the model "${path}":`);
  const named = message === error.message ? `Cannot read the model "${path}": ${lowerFirst(message)}` : message;
  return new OnnxDecodeError(named, { fields: { ...error.fields, path }, cause: error.cause ?? error });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
