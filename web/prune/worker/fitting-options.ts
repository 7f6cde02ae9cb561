import type { GivenFile } from '../../../src/coppice.web.ts';
import { isPicture } from '../../../src/data/image-folder.ts';
import { mainInput, sidesOf } from '../../../src/data/model-sides.ts';
import type { OpenOptions } from '../../../src/data/open-rows.ts';
import type { PreprocessOptions } from '../../../src/data/preprocess.ts';
import type { Model } from '../../../src/ir/model.ts';

/**
 * What a model's input says, where the reader did not. Of pictures: one channel is gray, channels last is nhwc. Arrays are
 * taken as they lie.
 */
export function fittingOptions(model: Model, preprocess: PreprocessOptions, files: readonly GivenFile[]): OpenOptions {
  const sides = sidesOf(model);
  const shape = mainInput(sides.inputs)?.shape;
  const options: OpenOptions = { ...preprocess, sides };
  if (shape?.length !== 4 || !files.some(({ path }) => isPicture(path))) return options;
  const last = isChannels(shape[3]) && !isChannels(shape[1]);
  const isGray = (last ? shape[3] : shape[1]) === 1;
  return {
    ...options,
    layout: preprocess.layout ?? (last ? 'nhwc' : 'nchw'),
    ...(isGray && preprocess.channels === undefined && { channels: 'gray' }),
  };
}

function isChannels(dim: unknown): boolean {
  return dim === 1 || dim === 3;
}
