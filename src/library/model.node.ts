import { fileURLToPath } from 'node:url';
import { checkOptions, countOrNone } from '../errors/arguments.ts';
import { OutputError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { ReadOptions } from '../onnx/files.node.ts';
import type { WriteOptions } from '../onnx/write-model.node.ts';
import { checkModel, checkOpenModel, checkPlace } from './checks.ts';

/** A model, or where it is: a path, a URL (`file:`, `data:`, `https:`), or the bytes of an ONNX file. */
export type ModelSource = Model | string | URL | Uint8Array;

/**
 * Reads an ONNX model from a path, a URL or bytes. The external data that a file names must lie in the file's own folder; bytes and what is
 * fetched have none.
 *
 * @throws OnnxDecodeError  if there is no such file, it may not be read, passes a limit, or is no model that can be read
 * Cost: the file and its data once in memory.
 */
export async function readModel(
  source: Exclude<ModelSource, Model>,
  options: Partial<ReadOptions> = {},
): Promise<Model> {
  checkModel('read the model', source);
  checkOptions('read the model', options, { maxBytes: countOrNone, maxExternalBytes: countOrNone });
  const { readModel: read } = await import('../onnx/files.node.ts');
  const place = source instanceof URL && source.protocol === 'file:' ? fileURLToPath(source) : source;
  if (typeof place === 'string') return read(place, options);
  const { readGivenModel } = await import('../onnx/given-files.ts');
  const { fetched } = await import('../onnx/fetched.ts');
  if (place instanceof URL) return readGivenModel({ name: nameOf(place), bytes: await fetched(place) });
  return readGivenModel({ name: 'given bytes', bytes: place as Uint8Array });
}

/** A model in whatever form it was given. */
export async function asModel(source: ModelSource): Promise<Model> {
  return typeof source === 'object' && 'graph' in source ? source : readModel(source);
}

/**
 * Writes a model: to a temporary file of the same folder, synced, renamed, the folder synced. A model that passes 2 GiB
 * leaves its large initializers in `<name>.data` beside it, written in the same way.
 *
 * @throws OutputError  if the folder cannot be written; what was there before is then still there, and nothing else
 */
export async function writeModel(path: string | URL, model: Model, options: Partial<WriteOptions> = {}): Promise<void> {
  checkPlace('write the model', path);
  checkOpenModel('write the model', model);
  checkOptions('write the model', options, { externalFrom: countOrNone });
  const { writeModel: write } = await import('../onnx/write-model.node.ts');
  return write(typeof path === 'string' ? path : fileURLToPath(path), model, options);
}

/**
 * The ONNX file of a model, as bytes.
 *
 * @throws OptionError  if it is no model
 * @throws OutputError  if it passes the 2 GiB that one file can have
 */
export async function modelBytes(model: Model): Promise<Uint8Array> {
  checkOpenModel('encode the model', model);
  const { encodeModel } = await import('../onnx/encode.ts');
  try {
    return encodeModel(model);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new OutputError('Cannot make one file of the model: it passes 2 GiB; writeModel() puts its data beside it', {
      cause,
    });
  }
}

function nameOf({ protocol, href }: URL): string {
  return protocol === 'data:' ? 'a data: URL' : href;
}
