import { type RowRange, resolveRange } from './address.ts';
import { type ArrayFiles, arrayRows } from './array-files.ts';
import { arraySource } from './array-source.ts';
import { type CifarFiles, cifar10Source } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { pickRows } from './pick-rows.ts';
import { type ImageFiles, imageSource, type PictureTools, scaledSource } from './picture-sources.ts';
import { type Preprocess, type PreprocessOptions, resolvePreprocess } from './preprocess.ts';
import type { Grid, RowSource } from './rows.ts';
import { type ModelInput, rowsDataset } from './rows-dataset.ts';

/** Preprocessing, and what the model takes. */
export interface OpenOptions extends PreprocessOptions {
  /** A graph input's `ValueInfo`; samples are made its type and shape. Absent = float32 in the data's own shape. */
  readonly modelInput?: ModelInput;
}

/** What Node and a browser each do in their own way. */
export interface RowTools extends PictureTools {
  /** SHA-256 of a source's pieces, in hexadecimal. */
  readonly hashRows: (source: RowSource) => Promise<string>;
}

/** A folder of pictures, and which of them are wanted. */
export interface ImageRows extends ImageFiles {
  readonly kind: 'images';
  readonly range: RowRange;
  readonly address: string;
}

/**
 * A data set of files that are at hand, on any platform.
 *
 * @throws DataError    if a file or a shape is wrong; the message says which and what to do
 * @throws OptionError  if the preprocessing cannot be carried out
 */
export async function openRows(
  given: ArrayFiles | CifarFiles | ImageRows,
  { modelInput, ...options }: OpenOptions,
  tools: RowTools,
): Promise<Dataset> {
  const preprocess = resolvePreprocess(options);
  const source =
    given.kind === 'images'
      ? await imageRows(given, { ...preprocess, size: preprocess.size ?? modelSize(preprocess, modelInput) }, tools)
      : await pictureRows(given, preprocess, tools);
  const dataset = rowsDataset(source, { address: given.address, preprocess, modelInput, hash: tools.hashRows });
  return everyNth(dataset, given.range.step ?? 1, tools);
}

function everyNth(dataset: Dataset, step: number, { sha256 }: RowTools): Dataset {
  if (step === 1) return dataset;
  const indices = Int32Array.from({ length: Math.ceil(dataset.count / step) }, (_, i) => i * step);
  return pickRows(dataset, indices, { sha256 });
}

function imageRows({ files, labels, range, address }: ImageRows, options: Preprocess, tools: RowTools) {
  const { start, end } = resolveRange(range, files.length, address);
  const selected = { files: files.slice(start, end), ...(labels && { labels: labels.slice(start, end) }) };
  return imageSource(selected, options, tools);
}

async function pictureRows(
  given: ArrayFiles | CifarFiles,
  preprocess: Preprocess,
  { codec }: RowTools,
): Promise<RowSource> {
  const source = given.kind === 'cifar10' ? await cifar10Source(given) : arraySource(arrayRows(given), given.address);
  return hasPicture(source) ? scaledSource(source, preprocess, { name: given.address, codec }) : source;
}

function hasPicture(source: RowSource): source is RowSource & { readonly picture: Grid } {
  return source.picture !== undefined;
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
