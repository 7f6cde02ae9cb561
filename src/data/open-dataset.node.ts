import { DataError } from '../errors/errors.ts';
import { type Address, parseAddress, resolveRange } from './address.ts';
import { type ArrayRows, arraySource } from './array-source.ts';
import { cifar10Rows, type NamedBytes, parseCifar10 } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { hashRows } from './hash.node.ts';
import { parseIdx } from './idx.ts';
import { listImages } from './image-folder.node.ts';
import { parseNpy } from './npy.ts';
import { parseNpz } from './npz.ts';
import { imageSource, scaledSource } from './picture-sources.node.ts';
import { type Preprocess, type PreprocessOptions, resolvePreprocess } from './preprocess.ts';
import { type RawArray, sliceRows } from './raw-array.ts';
import { expandHome, readBytes, readUnzipped } from './read-bytes.node.ts';
import type { Grid, RowSource } from './rows.ts';
import { type ModelInput, rowsDataset } from './rows-dataset.ts';

/** Preprocessing, and what the model takes. */
export interface OpenOptions extends PreprocessOptions {
  /** A graph input's `ValueInfo`; samples are made its type and shape. Absent = float32 in the data's own shape. */
  readonly modelInput?: ModelInput;
}

/**
 * Opens the data behind an address:
 *
 *   idx:IMAGES[,LABELS]   cifar10:FILE.bin[,...]   npz:FILE (arrays x, y)   npy:X.npy[,Y.npy]   images:FOLDER
 *
 * then perhaps `[start:end]`, rows as Python slices. Files are read whole (idx also as .gz), folders of pictures row by
 * row. A whole-number y is classes, a float one regression targets.
 *
 * @throws DataError    if the address, a file or a shape is wrong; the message says which and what to do
 * @throws OptionError  if the preprocessing cannot be carried out
 */
export async function openDataset(address: string, options: OpenOptions = {}): Promise<Dataset> {
  const { modelInput, ...preprocessOptions } = options;
  const preprocess = resolvePreprocess(preprocessOptions);
  const parsed = parseAddress(address);
  const request: Request = { ...parsed, paths: parsed.paths.map(expandHome), address, preprocess, modelInput };
  const source = await READERS[parsed.kind](request);
  return rowsDataset(source, { address, preprocess, modelInput, hash: hashRows });
}

interface Request extends Address {
  readonly address: string;
  readonly preprocess: Preprocess;
  readonly modelInput: ModelInput | undefined;
}

const READERS: Readonly<Record<Address['kind'], (request: Request) => Promise<RowSource>>> = {
  idx: openIdx,
  cifar10: openCifar10,
  npz: openNpz,
  npy: openNpy,
  images: openImages,
};

async function openIdx(request: Request): Promise<RowSource> {
  const [x, y] = await Promise.all(request.paths.map(async (path) => parseIdx(await readUnzipped(path), path)));
  const [, height = 1, width = 1, channels = 1] = (x as RawArray).dims;
  const rank = (x as RawArray).dims.length;
  const isPicture = (x as RawArray).type === 'uint8' && (rank === 3 || (rank === 4 && channels === 3));
  const picture = isPicture ? { channels, height, width, planar: channels === 1 } : undefined;
  return rangeOf({ x: x as RawArray, y, ...(picture && { picture }) }, request);
}

async function openCifar10(request: Request): Promise<RowSource> {
  const files: NamedBytes[] = [];
  for (const name of request.paths) files.push({ name, bytes: await readBytes(name) });
  const count = files.reduce((sum, file) => sum + cifar10Rows(file), 0);
  const { start, end } = resolveRange(request.range, count, request.address);
  const { pictures, labels } = parseCifar10(files, start, end);
  const y: RawArray = { type: 'int32', dims: [end - start], data: labels };
  return rows({ x: pictures, y, picture: { channels: 3, height: 32, width: 32, planar: true } }, request);
}

async function openNpz(request: Request): Promise<RowSource> {
  const path = request.paths[0] as string;
  const { arrays, names } = parseNpz(await readBytes(path), path, ['x', 'y']);
  const x = arrays.get('x');
  if (x !== undefined) return rangeOf({ x, y: arrays.get('y') }, request);
  throw new DataError(
    `Cannot use "${path}": wanted an array named x (and y for labels or targets), it has ${names.join(', ') || 'none'}; ` +
      `save it with np.savez(path, x=..., y=...)`,
    { fields: { names } },
  );
}

async function openNpy(request: Request): Promise<RowSource> {
  const [x, y] = await Promise.all(request.paths.map(async (path) => parseNpy(await readBytes(path), path)));
  return rangeOf({ x: x as RawArray, y }, request);
}

async function openImages(request: Request): Promise<RowSource> {
  const { files, labels } = await listImages(request.paths[0] as string);
  const { start, end } = resolveRange(request.range, files.length, request.address);
  const selected = { files: files.slice(start, end), ...(labels && { labels: labels.slice(start, end) }) };
  const { preprocess, modelInput } = request;
  return imageSource(selected, { ...preprocess, size: preprocess.size ?? modelSize(preprocess, modelInput) });
}

/** The picture size that a model's input names, if it does. */
function modelSize({ layout }: Preprocess, input: ModelInput | undefined): readonly [number, number] | undefined {
  if (input?.shape?.length !== 4) return undefined;
  const [, a, b, c] = input.shape;
  const [channels, height, width] = layout === 'nchw' ? [a, b, c] : [c, a, b];
  if (typeof channels === 'number' && channels !== 1 && channels !== 3) return undefined; // the other layout
  return isSide(height) && isSide(width) ? [height, width] : undefined;
}

function isSide(dim: unknown): dim is number {
  return typeof dim === 'number' && dim >= 1;
}

/** The selected rows of arrays. Labels of another length are refused before rows are selected from either. */
function rangeOf(arrays: ArrayRows, request: Request): RowSource {
  const { x, y } = arrays;
  const count = x.dims[0] ?? 0;
  const { start, end } = resolveRange(request.range, count, request.address);
  const whole = start === 0 && end === count;
  if (whole || (y !== undefined && y.dims[0] !== count)) return rows(arrays, request);
  return rows({ ...arrays, x: sliceRows(x, start, end), y: y && sliceRows(y, start, end) }, request);
}

function rows(arrays: ArrayRows, { address, preprocess }: Request): RowSource {
  const source = arraySource(arrays, address);
  return hasPicture(source) ? scaledSource(source, preprocess, address) : source;
}

function hasPicture(source: RowSource): source is RowSource & { readonly picture: Grid } {
  return source.picture !== undefined;
}
