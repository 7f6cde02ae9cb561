import { readFile } from 'node:fs/promises';
import type { Model } from '../ir/model.ts';
import { decodeModel } from './decode.ts';

/** Reads an ONNX file. */
export async function readModel(path: string): Promise<Model> {
  return decodeModel(new Uint8Array(await readFile(path)));
}
