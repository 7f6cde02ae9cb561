import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OutputError, UnfinishedError } from '../errors/errors.ts';
import {
  type Draft,
  discard,
  draft,
  NotLastingError,
  publish,
  reasonOf,
  writeFully,
  writeStream,
} from '../files/atomic.node.ts';
import { placeOf } from '../files/place.node.ts';
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
 * leaves its large initializers in `<name>.data` beside it, written in the same way. A link is followed, and its target replaced; a pipe
 * or a device is written to.
 *
 * @throws OutputError      if the folder cannot be written; what was there before is then still there, and nothing else
 * @throws UnfinishedError  if the model is written, and might be lost in a power cut
 * Cost: long initializers are written from where they lie; the rest is copied once.
 */
export async function writeModel(path: string, model: Model, options: Partial<WriteOptions> = {}): Promise<void> {
  const { externalFrom } = { ...WRITE_DEFAULTS, ...options };
  const isLarge = bytesOfConstants(model) >= externalFrom;
  const drafts: Draft[] = [];
  try {
    const place = placeOf(path);
    if (place.isStream) {
      if (isLarge)
        throw new Error('a model of so many bytes is two files, and this is a pipe or a device; name a file');
      return await writeStream(path, encodeParts(model));
    }
    const outside = isLarge ? layOut(model, `${basename(place.path)}.data`) : undefined;
    if (outside !== undefined)
      drafts.push(await draft(join(dirname(place.path), outside.location), (file) => writeRanges(file, outside)));
    const parts = encodeParts(model, { external: (name) => outside?.places.get(name) });
    drafts.push(await draft(path, (file) => writeParts(file, parts)));
    await publish(drafts);
  } catch (cause) {
    await discard(drafts);
    if (cause instanceof NotLastingError)
      throw new UnfinishedError(`The model was written to "${path}", but ${cause.message}`, {
        fields: { path },
        cause,
      });
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
