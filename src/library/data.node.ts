import type { Dataset } from '../data/dataset.ts';
import { type GivenRows, isGivenRows } from '../data/given.ts';
import type { OpenOptions } from '../data/open-rows.ts';
import { anything, checkOptions } from '../errors/arguments.ts';
import { OptionError } from '../errors/errors.ts';
import { dataCheck, PREPROCESS_CHECKS } from './checks.ts';

/** Data: an address, rows that a program has, or a data set that does it all by itself. */
export type DataSource = string | GivenRows | Dataset;

/**
 * Opens data as the verbs do that are given some:
 *
 *   idx:IMAGES[,LABELS]   cifar10:FILE.bin[,...]   npz:FILE (arrays x, y)   npy:X.npy[,Y.npy]   images:FOLDER
 *
 * then perhaps `[start:end]` or `[start:end:step]`, rows as Python slices; or arrays, rows one after another, a function of the row
 * ({@link GivenRows}). Files of arrays are read whole (idx also as .gz), CIFAR-10 and folders of pictures row by row. A whole-number y is
 * classes, a float one regression targets.
 *
 * @throws DataError    if the address, a file or a shape is wrong; the message says which and what to do
 * @throws OptionError  if the preprocessing cannot be carried out
 */
export async function openDataset(source: DataSource, options: OpenOptions = {}): Promise<Dataset> {
  checkOptions('preprocess the data', options, { ...PREPROCESS_CHECKS, modelInput: anything, sides: anything });
  const wrong = dataCheck(source);
  if (wrong !== null) throw new OptionError(`Cannot open the data: wanted ${wrong}`);
  if (typeof source === 'string') {
    const { openDataset: open } = await import('../data/open-dataset.node.ts');
    return open(source, options);
  }
  if ('batch' in source || !isGivenRows(source)) return source as Dataset;
  const [{ openGivenRows }, { hashRows }] = await Promise.all([
    import('../data/given-rows.ts'),
    import('../data/hash.node.ts'),
  ]);
  return openGivenRows(source, options, hashRows);
}
