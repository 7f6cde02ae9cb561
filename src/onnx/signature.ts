import { OnnxDecodeError } from '../errors/errors.ts';

/** How files that are often given a model's name by mistake begin. */
const FOREIGN: readonly (readonly [prefix: string, what: string])[] = [
  ['PK\x03\x04', 'a zip archive (a PyTorch checkpoint is one; export the model to ONNX first)'],
  ['version https://git-lfs', 'a git-lfs pointer; run "git lfs pull" to fetch the model itself'],
  ['\x1f\x8b', 'gzip-compressed; unpack it first'],
  ['\x89HDF', 'an HDF5 file (Keras); export the model to ONNX first'],
  ['\x80\x02', 'a Python pickle, which is never read; export the model to ONNX first'],
];

/** @throws OnnxDecodeError if the bytes are empty or plainly another kind of file */
export function refuseForeignFile(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new OnnxDecodeError('Cannot read the model: the file is empty');
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  for (const [prefix, what] of FOREIGN) {
    if (head.startsWith(prefix)) throw new OnnxDecodeError(`Cannot read the model: the file is ${what}`);
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(head))
    throw new OnnxDecodeError('Cannot read the model: the file is an HTML or XML page, not ONNX');
}
