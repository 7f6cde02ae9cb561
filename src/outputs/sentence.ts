import type { Head } from './heads.ts';
import type { Outputs } from './outputs.ts';
import { classesOf } from './reading.ts';

/** What was found out of a model's outputs, in a sentence. */
export function sentenceOf(decided: Omit<Outputs, 'says'>): string {
  const { heads, judged, loss, alike } = decided;
  if (alike)
    return `outputs ${heads.map(({ name }) => `"${name}"`).join(', ')}: nothing says which is meant, so all count alike, each in units of its own variance; random directions`;
  const others = heads.length > 1 ? ` (the first that fits of ${heads.length})` : '';
  return `output "${judged.name}"${others}: ${kindOf(decided)}; ${answersOf(decided)}${lossOf(loss)}`;
}

function kindOf(decided: Omit<Outputs, 'says'>): string {
  const { judged, reading } = decided;
  const { classes, positions } = classesOf(judged, reading);
  const where = positions > 1 ? ` along axis ${reading.axes.map((axis) => axis + 1)} at ${positions} positions` : '';
  const { kind } = judged;
  if (kind === 'sigmoids') return `sigmoids [${judged.dims}], each a yes or no`;
  if (kind === 'values')
    return reading.task === 'classes'
      ? `taken for logits of ${classes} classes${where}${judged.normalised ? ', though they are normalised' : ''}`
      : `numbers [${judged.dims}]${normalisedPart(decided)}${reading.task === 'yes or no' ? ', taken for logits of yes or no' : ''}`;
  return `${kind} of ${probabilityClasses(judged)} classes${where}`;
}

/** Why numbers without answers are not taken for logits. */
function normalisedPart({ judged, reading: { form } }: Omit<Outputs, 'says'>): string {
  return judged.normalised && form === 'none' ? ', an embedding since they are normalised' : '';
}

function probabilityClasses({ dims, axes }: Head): number {
  return axes.reduce((product, axis) => product * (dims[axis] as number), 1);
}

function answersOf({ judged, reading: { form, stored, task } }: Omit<Outputs, 'says'>): string {
  if (form === 'none') return task === 'numbers' ? '' : "labels drawn from the model's own prediction, ";
  if (form === 'one-hot') return 'one-hot answers, ';
  if (form === 'elements') return task === 'numbers' ? 'targets, ' : 'answers of 0 and 1, ';
  const what = stored === 'targets' ? 'classes stored as floats' : 'labels';
  return task === 'yes or no' && judged.kind === 'sigmoids' ? `${what} of one class held against each, ` : `${what}, `;
}

function lossOf(loss: Outputs['loss']): string {
  return loss === 'random'
    ? 'random directions'
    : loss === 'mse'
      ? 'mean squared error'
      : loss.replace(/-(?=entropy)/, ' ').replace('cross entropy', 'cross-entropy');
}
