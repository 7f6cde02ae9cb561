import { OnnxDecodeError } from '../errors/errors.ts';

const EXPORT = 'export the model to ONNX first';
const COMPILED = 'a compiled model, which can be run and measured alone; use the ONNX file that it was made from';

/** How files that are often given a model's name by mistake begin. */
const FOREIGN: readonly (readonly [prefix: string, what: string])[] = [
  ['PK\x03\x04', `a zip archive (a PyTorch checkpoint is one; ${EXPORT})`],
  ['PK\x05\x06', 'an empty zip archive'],
  ['version https://git-lfs', 'a git-lfs pointer; run "git lfs pull" to fetch the model itself'],
  ['\x1f\x8b', 'gzip-compressed; unpack it first'],
  ['\xfd7zXZ', 'xz-compressed; unpack it first'],
  ['\x28\xb5\x2f\xfd', 'zstd-compressed; unpack it first'],
  ['BZh', 'bzip2-compressed; unpack it first'],
  ['7z\xbc\xaf', 'a 7z archive; unpack it first'],
  ['\x89HDF', `an HDF5 file (Keras); ${EXPORT}`],
  ['\x93NUMPY', 'a NumPy array, not a model'],
  ['GGUF', `a GGUF file (llama.cpp); ${EXPORT}`],
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
  ['%PDF', 'a PDF document'],
  ['\x7fELF', 'a program'],
  ['\0asm', COMPILED],
  ['// A model compiled by Coppice', COMPILED],
  ['ORTM', "in onnxruntime's ORT format; use the ONNX file that it was made from"],
];

/** The same at another place of the head: [offset, text, what]. */
const INSIDE: readonly (readonly [offset: number, text: string, what: string])[] = [
  [4, 'TFL3', `a TensorFlow Lite model; ${EXPORT}`],
  [4, 'ORTM', "in onnxruntime's ORT format; use the ONNX file that it was made from"],
  [4, '\0\0\0\0{"', `a safetensors file; ${EXPORT}`],
];

/** The second byte of a pickle that says its protocol. */
const PICKLE_PROTOCOLS = [2, 3, 4, 5];

/** @throws OnnxDecodeError if the bytes are empty or plainly another kind of file */
export function refuseForeignFile(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new OnnxDecodeError('Cannot read the model: the file is empty');
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  const what = kindOf(head);
  if (what !== undefined) throw new OnnxDecodeError(`Cannot read the model: the file is ${what}`);
}

function kindOf(head: string): string | undefined {
  if (head.startsWith('\x80') && PICKLE_PROTOCOLS.includes(head.charCodeAt(1)))
    return `a Python pickle, which is never read; ${EXPORT}`;
  if (/^(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)/i.test(head)) return 'an HTML or XML page, not ONNX';
  if (/^(\xef\xbb\xbf)?\s*\{\s*"/.test(head)) return 'a JSON document, not ONNX';
  const found =
    FOREIGN.find(([prefix]) => head.startsWith(prefix)) ??
    INSIDE.find(([offset, text]) => head.startsWith(text, offset))?.slice(1);
  return found?.[1] as string | undefined;
}
