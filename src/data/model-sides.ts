import { feedsOf } from '../ir/access.ts';
import type { Dimension, Model, ValueInfo } from '../ir/model.ts';
import { standIn } from './stand-ins.ts';

/** What a model takes and gives, as far as data has to fit it. */
export interface ModelSides {
  /** Inputs that have to be fed, in the model's order. */
  readonly inputs: readonly ValueInfo[];
  /** Names of its outputs. */
  readonly outputs: readonly string[];
  /** The one that the user has named. */
  readonly output?: string;
}

/** The inputs and outputs of a model that data is opened for. */
export function sidesOf({ graph }: Model, output?: string): ModelSides {
  const outputs = graph.outputs.map(({ name }) => name);
  return { inputs: feedsOf(graph), outputs, ...(output !== undefined && { output }) };
}

/** The input that rows without a name are for: the only one that nothing else can stand in for; undefined where that is not clear. */
export function mainInput(inputs: readonly ValueInfo[]): ValueInfo | undefined {
  if (inputs.length === 1) return inputs[0];
  const own = inputs.filter((input) => standIn(input) === null);
  return own.length === 1 ? own[0] : undefined;
}

/**
 * The batch size that a model's inputs declare; null where it is free: where the first dimension of one of them is open. Inputs
 * of another first dimension are the same for all samples.
 */
export function fixedBatchOf(model: Model): number | null {
  return fixedBatchAmong(feedsOf(model.graph));
}

/** The same of inputs as they are declared. */
export function fixedBatchAmong(inputs: readonly ValueInfo[]): number | null {
  const firsts = inputs.flatMap(({ shape }) => (shape === null || shape.length === 0 ? [] : [shape[0]]));
  if (firsts.some(isOpen)) return null;
  return (firsts[0] as number | undefined) ?? null;
}

/** Whether an input has a row for each sample, given the batch size that the model insists on. */
export function hasRows({ shape }: ValueInfo, fixedBatch: number | null): boolean {
  if (shape === null) return true;
  return shape.length > 0 && (fixedBatch === null ? isOpen(shape[0]) : shape[0] === fixedBatch);
}

/** Whether a dimension is left to the data. */
export function isOpen(dimension: Dimension | undefined): boolean {
  return typeof dimension !== 'number' || dimension < 1;
}

/** Names of inputs that are the same for all samples, in a model that leaves the batch free. */
export function sharedInputsOf(model: Model): Set<string> {
  const inputs = feedsOf(model.graph);
  const fixedBatch = fixedBatchAmong(inputs);
  return new Set(inputs.filter((input) => !hasRows(input, fixedBatch)).map(({ name }) => name));
}
