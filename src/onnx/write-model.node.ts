import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OutputError } from '../errors/errors.ts';
import { type Draft, discard, draft, publish, reasonOf, writeFully } from '../files/atomic.node.ts';
import type { Model } from '../ir/model.ts';
import { encodeParts } from './encode.ts';
import type { ExternalPlace } from './encode-tensor.ts';

/** Options of {@link writeModel}. */
export interface WriteOptions {
  /** Bytes of constants from which on they go to `<name>.data` beside the model. */
  readonly externalFrom: number;
}

/** Room for the graph below the 2 GiB that a protobuf message may have. */
const GRAPH_BYTES = 2 ** 26;

/** Defaults of {@link writeModel}. */
export const WRITE_DEFAULTS: WriteOptions = { externalFrom: 2 ** 31 - GRAPH_BYTES };

/** Ranges of the data file begin at multiples of this, so that they can be mapped into memory. */
const ALIGNMENT = 4096;
/** Smaller constants stay in the model: shapes, axes and the like, which runtimes look at early. */
const SMALLEST_OUTSIDE = 1024;

/**
 * Writes a model: to a temporary file of the same folder, synced, renamed, the folder synced. A model that passes 2 GiB
 * leaves its large initializers in `<name>.data` beside it, written in the same way.
 *
 * @throws OutputError  if the folder cannot be written; what was there before is then still there, and nothing else
 * Cost: long initializers are written from where they lie; the rest is copied once.
 */
export async function writeModel(path: string, model: Model, options: Partial<WriteOptions> = {}): Promise<void> {
  const { externalFrom } = { ...WRITE_DEFAULTS, ...options };
  const outside = bytesOfConstants(model) >= externalFrom ? layOut(model, `${basename(path)}.data`) : undefined;
  const drafts: Draft[] = [];
  try {
    if (outside !== undefined)
      drafts.push(await draft(join(dirname(path), outside.location), (file) => writeRanges(file, outside)));
    const parts = encodeParts(model, { external: (name) => outside?.places.get(name) });
    drafts.push(await draft(path, (file) => writeParts(file, parts)));
    await publish(drafts);
  } catch (cause) {
    await discard(drafts);
    throw new OutputError(`Cannot write the model to "${path}": ${reasonOf(cause)}`, { fields: { path }, cause });
  }
}

function bytesOfConstants({ graph }: Model): number {
  let bytes = 0;
  for (const { raw } of graph.constants.values()) bytes += raw instanceof Uint8Array ? raw.byteLength : 0;
  return bytes;
}

/** Where each initializer goes in the data file. */
interface Outside {
  readonly location: string;
  readonly places: ReadonlyMap<string, ExternalPlace>;
  readonly ranges: readonly (readonly [offset: number, raw: Uint8Array])[];
}

function layOut({ graph }: Model, location: string): Outside {
  const places = new Map<string, ExternalPlace>();
  const ranges: [number, Uint8Array][] = [];
  let offset = 0;
  for (const [name, { raw }] of graph.constants) {
    if (!(raw instanceof Uint8Array) || raw.byteLength < SMALLEST_OUTSIDE) continue;
    places.set(name, { location, offset, length: raw.byteLength });
    ranges.push([offset, raw]);
    offset = Math.ceil((offset + raw.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  return { location, places, ranges };
}

async function writeRanges(file: FileHandle, { ranges }: Outside): Promise<void> {
  for (const [offset, raw] of ranges) await writeFully(file, raw, offset);
}

async function writeParts(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let offset = 0;
  for (const part of parts) {
    await writeFully(file, part, offset);
    offset += part.byteLength;
  }
}
