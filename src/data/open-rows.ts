import { OptionError } from '../errors/errors.ts';
import { type RowRange, resolveRange } from './address.ts';
import { type ArrayFiles, arrayRows } from './array-files.ts';
import { arraySource } from './array-source.ts';
import { AUGMENT_DEFAULTS } from './augment.ts';
import { type CifarFiles, cifar10Source } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { type FurtherInput, type JoinedInputs, joinedDataset, sharedInput } from './joined-dataset.ts';
import { fixedBatchAmong, hasRows, type ModelSides, mainInput } from './model-sides.ts';
import { pickRows } from './pick-rows.ts';
import { type ImageFiles, imageSource, type PictureTools, scaledSource } from './picture-sources.ts';
import { type Preprocess, type PreprocessOptions, resolvePreprocess } from './preprocess.ts';
import type { RawArray } from './raw-array.ts';
import type { Grid, RowSource } from './rows.ts';
import { type ModelInput, type RowsDatasetOptions, rowsDataset } from './rows-dataset.ts';

/** Preprocessing, and what the model takes. */
export interface OpenOptions extends PreprocessOptions {
  /** A graph input's `ValueInfo`; samples are made its type and shape. Absent = that of `sides`, else float32 in the data's own shape. */
  readonly modelInput?: ModelInput;
  /** The model that the data is for: arrays named like its inputs become those. */
  readonly sides?: ModelSides;
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
  { modelInput: declared, sides, ...options }: OpenOptions,
  tools: RowTools,
): Promise<Dataset> {
  const preprocess = resolvePreprocess(options);
  const arrays = given.kind === 'images' || given.kind === 'cifar10' ? undefined : arrayRows({ ...given, sides });
  const named = sides?.inputs.find(({ name }) => name === arrays?.input);
  const modelInput = declared ?? named ?? (sides && mainInput(sides.inputs));
  const { address } = given;
  const source =
    given.kind === 'images'
      ? await imageRows(given, { ...preprocess, size: preprocess.size ?? modelSize(preprocess, modelInput) }, tools)
      : await pictureRows(
          arrays ? arraySource(arrays, address) : await cifar10Source(given as CifarFiles),
          preprocess,
          { address, tools },
        );
  const of = { address, hash: tools.hashRows };
  const own = arrays?.more === undefined && named === undefined ? preprocess : suited(preprocess, modelInput);
  const main = namedFor(arrays?.output, rowsDataset(source, { ...of, preprocess: own, modelInput }));
  const input = arrays?.input ?? (sides && mainInput(sides.inputs)?.name);
  const dataset =
    sides === undefined || input === undefined || (arrays?.input === undefined && arrays?.more === undefined)
      ? main
      : joined({ main, input, further: furtherInputs(arrays.more ?? new Map(), { ...of, preprocess, sides }) }, tools);
  return everyNth(dataset, given.range.step ?? 1, tools);
}

function namedFor(output: string | undefined, dataset: Dataset): Dataset {
  return output === undefined ? dataset : { ...dataset, output };
}

function joined(parts: Omit<JoinedInputs, 'sha256'>, { sha256 }: RowTools): Dataset {
  return parts.further.length === 0 ? { ...parts.main, inputs: [parts.input] } : joinedDataset({ ...parts, sha256 });
}

interface FurtherOptions extends Pick<RowsDatasetOptions, 'address' | 'hash' | 'preprocess'> {
  readonly sides: ModelSides;
}

/** Arrays for the inputs that they are named like: rows, or the same for all samples. */
function furtherInputs(
  more: ReadonlyMap<string, RawArray>,
  { sides, preprocess, ...of }: FurtherOptions,
): FurtherInput[] {
  const fixedBatch = fixedBatchAmong(sides.inputs);
  return sides.inputs.flatMap((info): FurtherInput[] => {
    const array = more.get(info.name);
    if (array === undefined) return [];
    if (!hasRows(info, fixedBatch)) return [{ name: info.name, rows: sharedInput(array, info, of.address) }];
    const { augment } = preprocess;
    if ((augment.crop > 0 || augment.flip) && array.dims.length > 2)
      throw new OptionError(
        `Cannot augment "${of.address}": its array "${info.name}" of shape [${array.dims}] would not move with the pictures; do not augment them`,
        { remedies: [{ option: 'augment' }] },
      );
    const source = arraySource({ x: array }, `${of.address}, ${info.name}`);
    return [
      {
        name: info.name,
        rows: rowsDataset(source, {
          ...of,
          preprocess: { ...suited(preprocess, info), augment: AUGMENT_DEFAULTS },
          modelInput: info,
        }),
      },
    ];
  });
}

/** Of several inputs those of floats are scaled and normalised; whole numbers are tokens and the like. */
function suited(preprocess: Preprocess, input: ModelInput | undefined): Preprocess {
  const isReal = (input?.type ?? 'float32').startsWith('float');
  return isReal ? preprocess : resolvePreprocess({ layout: preprocess.layout, augment: preprocess.augment });
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
  source: RowSource,
  preprocess: Preprocess,
  { address, tools }: { address: string; tools: RowTools },
): Promise<RowSource> {
  return hasPicture(source) ? scaledSource(source, preprocess, { name: address, codec: tools.codec }) : source;
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
