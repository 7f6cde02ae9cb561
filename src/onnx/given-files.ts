import { OnnxDecodeError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { decodeModel } from './decode.ts';
import type { ExternalReader } from './decode-tensor.ts';

/** A model file, or one of external data, in memory. */
export interface GivenBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a model whose files are at hand: the ONNX file and, where it names some, those of its external data by their base
 * names.
 *
 * @throws OnnxDecodeError  if it is no model that can be read, or names a file that was not given
 * Cost: nothing is copied but external data.
 */
export function readGivenModel(file: GivenBytes, others: readonly GivenBytes[] = []): Model {
  try {
    return decodeModel(file.bytes, { external: readerOf(others) });
  } catch (cause) {
    if (!(cause instanceof OnnxDecodeError)) throw cause;
    const message = cause.message.replace(/^Cannot read the model:/, `Cannot read the model "${file.name}":`);
    throw new OnnxDecodeError(message, { fields: { ...cause.fields, path: file.name }, cause });
  }
}

function readerOf(others: readonly GivenBytes[]): ExternalReader {
  const known = new Map(others.map(({ name, bytes }) => [name, bytes]));
  return ({ location, offset, length }, tensor) => {
    const bytes = known.get(location.slice(location.search(/[^\\/]*$/)));
    const problem = (reason: string): OnnxDecodeError =>
      new OnnxDecodeError(`Cannot read tensor "${tensor}" from "${location}": ${reason}`, {
        fields: { tensor, location },
      });
    if (bytes === undefined) throw problem('that file was not given; give it together with the model');
    if (offset + length > bytes.length)
      throw problem(`wanted bytes ${offset} to ${offset + length}, the file has ${bytes.length}`);
    return bytes.slice(offset, offset + length);
  };
}
