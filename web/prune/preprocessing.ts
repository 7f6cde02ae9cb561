import type { PreprocessOptions } from '../../src/data/preprocess.ts';

/** Preprocessing as the form holds it: everything is text, empty is not given. */
export interface PreprocessForm {
  scale: string;
  mean: string;
  std: string;
  layout: '' | 'nchw' | 'nhwc';
  channels: '' | 'stored' | 'rgb' | 'bgr' | 'gray';
  size: string;
  resize: string;
  interpolation: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
}

/** A usual way of preprocessing. */
export interface Preset {
  readonly name: string;
  readonly label: string;
  readonly values: Pick<PreprocessForm, 'scale' | 'mean' | 'std'>;
}

/** Sources: the data sets' published means and deviations. */
export const PRESETS: readonly Preset[] = [
  { name: 'unit', label: 'from 0 to 1 (value / 255)', values: { scale: '1/255', mean: '0', std: '1' } },
  { name: 'stored', label: 'as stored', values: { scale: '1', mean: '0', std: '1' } },
  { name: 'mnist', label: 'as usual for MNIST', values: { scale: '1/255', mean: '0.1307', std: '0.3081' } },
  {
    name: 'cifar10',
    label: 'as usual for CIFAR-10',
    values: { scale: '1/255', mean: '0.4914,0.4822,0.4465', std: '0.2023,0.1994,0.2010' },
  },
  {
    name: 'imagenet',
    label: 'as usual for ImageNet',
    values: { scale: '1/255', mean: '0.485,0.456,0.406', std: '0.229,0.224,0.225' },
  },
  { name: 'signed', label: 'from -1 to 1', values: { scale: '1/255', mean: '0.5', std: '0.5' } },
];

/** The form as it begins. */
export function initialPreprocess(): PreprocessForm {
  const rest = { layout: '', channels: '', size: '', resize: '', interpolation: 'bilinear' } as const;
  return { ...(PRESETS[0] as Preset).values, ...rest };
}

/** The preset that the form agrees with; undefined where it is the reader's own. */
export function presetOf({ scale, mean, std }: PreprocessForm): Preset | undefined {
  return PRESETS.find(({ values }) => values.scale === scale && values.mean === mean && values.std === std);
}

/** What the core takes: what was not given is left out. */
export function preprocessOptions(form: PreprocessForm): PreprocessOptions {
  const given = Object.entries(form).filter(([, value]) => value.trim() !== '');
  return Object.fromEntries(given.map(([name, value]) => [name, value.trim()]));
}
