import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { validateGraph } from '../graph/validate-graph.ts';
import type { Model } from '../ir/model.ts';
import { fileFeatures } from '../onnx/features.ts';
import { modelHash, readModel } from '../onnx/files.node.ts';
import type { Report } from '../report/report.ts';

/** A model and the file that it came from. */
export interface OpenedModel {
  readonly model: Model;
  readonly path: string;
  readonly file: Report['model'];
}

/** Reads a model and checks that its graph is sound. @throws OnnxDecodeError */
export async function openModel(path: string): Promise<OpenedModel> {
  const model = validateGraph(await readModel(path));
  return { model, path, file: await fileFacts(path, model) };
}

/** The same of a model that went where it cannot be read again. */
export async function givenFacts(path: string, bytes: Uint8Array): Promise<Report['model']> {
  return { name: basename(path), sha256: await modelHash(bytes), bytes: bytes.byteLength };
}

/** Name, hash and size of a model's file. External data is not in the hash, and in the size where it is ours to know. */
export async function fileFacts(path: string, model: Model): Promise<Report['model']> {
  const bytes = filesOf(path, model).reduce((sum, file) => sum + statSync(file).size, 0);
  return { name: basename(path), sha256: await modelHash(path), bytes };
}

/** A model's files: itself and, for one with external data, `<name>.data`, where writeModel puts it. */
export function filesOf(path: string, model: Model): string[] {
  const data = join(dirname(path), `${basename(path)}.data`);
  const isThere = fileFeatures(model).externalTensors.length > 0 && statSync(data, { throwIfNoEntry: false })?.isFile();
  return isThere ? [path, data] : [path];
}
