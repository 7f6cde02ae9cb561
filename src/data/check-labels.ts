import { DataError } from '../errors/errors.ts';
import type { Dataset } from './dataset.ts';

/**
 * Makes sure that every label is one of the model's classes. Data without labels pass.
 *
 * @param classes  number of the model's outputs
 * @throws DataError  naming the first wrong row and how many there are
 */
export function checkLabels(dataset: Dataset, classes: number): void {
  const { labels, address } = dataset;
  if (labels === undefined) return;
  const isWrong = (label: number) => label < 0 || label >= classes;
  const row = labels.findIndex(isWrong);
  if (row < 0) return;
  const count = labels.filter(isWrong).length;
  throw new DataError(
    `Cannot use the labels of "${address}": row ${row} has label ${labels[row]}, wanted 0 to ${classes - 1} ` +
      `since the model has ${classes} classes; ${count} of ${labels.length} labels are outside`,
    { fields: { row, label: labels[row], classes, count } },
  );
}
