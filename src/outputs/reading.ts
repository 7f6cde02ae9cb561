import type { LossName } from '../autodiff/loss.ts';
import type { Answers } from '../data/feeds.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Head } from './heads.ts';
import { tableOf } from './numbers.ts';

/** `classes`: one class for each position; `yes or no`: each number by itself; `numbers`: a regression. */
export type Task = 'classes' | 'yes or no' | 'numbers';

/**
 * How the answers that come with the data are to be read. `classes`: the class of each position; `one-hot`: a one in the
 * place of the class; `elements`: a number for each number of the output; `none`: there are none, or they are not used.
 */
export type AnswerForm = 'classes' | 'one-hot' | 'elements' | 'none';

/** What an output is taken for, and how answers are held against it. */
export interface Reading {
  readonly task: Task;
  /** Of classes: axes of the head's `dims` that they lie along. */
  readonly axes: readonly number[];
  readonly form: AnswerForm;
  /** Whether the answers are stored as whole numbers or as floats. */
  readonly stored: 'labels' | 'targets' | null;
}

/** The loss of each task; of numbers without anything to compare with, random directions. */
export function lossOfReading({ task, form }: Reading): LossName {
  if (task === 'classes') return 'cross-entropy';
  if (task === 'yes or no') return 'binary-cross-entropy';
  return form === 'none' ? 'random' : 'mse';
}

/** Numbers of a class in a head's sample, and positions that each have one. */
export function classesOf({ dims }: Head, { axes }: Reading): { classes: number; positions: number } {
  const classes = axes.reduce((product, axis) => product * (dims[axis] as number), 1);
  return { classes, positions: sizeOf(dims) / classes };
}

/** All readings of a head that the shapes and values of the answers allow, the likeliest first. */
export function readingsOf(head: Head, { labels, targets }: Answers): Reading[] {
  if (labels === undefined && targets === undefined) return withoutAnswers(head);
  return [...(labels ? ofLabels(head, labels) : []), ...(targets ? ofTargets(head, targets) : [])];
}

interface Given {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

function ofLabels(head: Head, labels: Given): Reading[] {
  const same = isSameShape(labels.dims, head.dims);
  const readings = classReadings(head, labels, 'labels');
  if (!same) return readings;
  const single = sizeOf(head.dims) === 1;
  const elements = (task: Task): Reading => ({ task, axes: [], form: 'elements', stored: 'labels' });
  const oneHot = oneHotReading(head, labels, 'labels');
  const bits = areBits(labels.data);
  return [
    ...(head.kind !== 'sigmoids' && oneHot !== null ? [oneHot] : []),
    ...(bits && (head.kind === 'sigmoids' || head.kind === 'values') ? [elements('yes or no')] : []),
    ...(head.kind === 'sigmoids' && oneHot !== null ? [oneHot] : []),
    ...(single || head.kind === 'values' ? [elements('numbers')] : []),
    ...readings,
  ];
}

function ofTargets(head: Head, targets: Given): Reading[] {
  const classes = areWhole(targets.data) ? classReadings(head, targets, 'targets') : [];
  if (!isSameShape(targets.dims, head.dims)) return classes;
  const elements = (task: Task): Reading => ({ task, axes: [], form: 'elements', stored: 'targets' });
  const oneHot = oneHotReading(head, targets, 'targets');
  const bits: Reading[] = areBits(targets.data) ? [elements('yes or no')] : [];
  const hot: Reading[] = oneHot === null ? [] : [oneHot];
  if (head.kind === 'sigmoids') return [...bits, elements('numbers'), ...hot];
  if (head.axes.length > 0) return [...hot, elements('numbers')];
  return [elements('numbers'), ...hot, ...bits, ...classes];
}

/** Without answers: what the output is by itself. */
function withoutAnswers(head: Head): Reading[] {
  const of = (task: Task, axes: readonly number[]): Reading => ({ task, axes, form: 'none', stored: null });
  const classes = classAxes(head).map((axes) => of('classes', axes));
  const first = classes.slice(0, 1);
  if (head.kind === 'sigmoids') return [of('yes or no', []), of('numbers', []), ...first];
  if (head.normalised) return [of('numbers', []), ...first, of('yes or no', [])];
  return [...first, of('numbers', []), of('yes or no', [])];
}

/** Readings by which the answers are the classes of the output's positions. */
function classReadings(head: Head, given: Given, stored: 'labels' | 'targets'): Reading[] {
  const most = mostOf(given.data);
  const fitting = classAxes(head).filter((axes) => isSameShape(given.dims, positionsOf(head.dims, axes)));
  const containing = fitting.filter((axes) => most < axes.reduce((n, axis) => n * (head.dims[axis] as number), 1));
  const all = containing.length > 0 ? containing : stored === 'labels' ? fitting : [];
  const tasks: Task[] = head.kind === 'sigmoids' ? ['yes or no', 'classes'] : ['classes', 'yes or no'];
  return tasks.flatMap((task) => all.map((axes): Reading => ({ task, axes, form: 'classes', stored })));
}

/**
 * Axes that classes may lie along, the likeliest first: where probabilities sum to 1, where the last weights put their outputs,
 * where exporters put classes by the number of axes, all others.
 */
export function classAxes({ dims, axes, features }: Head): number[][] {
  if (axes.length > 0) return [[...axes]];
  const usual = dims.length === 2 ? 1 : 0;
  const order = [...(features === null ? [] : [features]), usual, ...dims.keys()];
  return [...new Set(order)].filter((axis) => (dims[axis] ?? 1) > 1).map((axis) => [axis]);
}

function positionsOf(dims: readonly number[], axes: readonly number[]): number[] {
  return dims.filter((_, axis) => !axes.includes(axis));
}

/** Whether two shapes hold the same elements in the same places: they may differ in axes of 1 alone. */
export function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  const bare = (dims: readonly number[]): string => String(dims.filter((size) => size !== 1));
  return bare(a) === bare(b);
}

function oneHotReading(head: Head, { data }: Given, stored: 'labels' | 'targets'): Reading | null {
  const [axes] = classAxes(head);
  if (axes === undefined || !areBits(data)) return null;
  const { rows, columns } = tableOf(head.dims, axes);
  const size = sizeOf(head.dims);
  for (let start = 0; start < data.length; start += size)
    for (const row of rows) {
      let ones = 0;
      for (const column of columns) ones += data[start + row + column] as number;
      if (ones !== 1) return null;
    }
  return { task: 'classes', axes, form: 'one-hot', stored };
}

function areBits(data: ArrayLike<number>): boolean {
  return every(data, (x) => x === 0 || x === 1);
}

function areWhole(data: ArrayLike<number>): boolean {
  return every(data, (x) => Number.isInteger(x) && x >= 0);
}

function every(data: ArrayLike<number>, holds: (x: number) => boolean): boolean {
  for (let i = 0; i < data.length; i++) if (!holds(data[i] as number)) return false;
  return true;
}

function mostOf(data: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) most = Math.max(most, data[i] as number);
  return most;
}
