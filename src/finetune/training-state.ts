import { supportOf } from '../constraints/constraint.ts';
import { OptionError } from '../errors/errors.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { TrainedArray } from './optimizer.ts';
import type { Parameter } from './parameters.ts';
import type { RunningStatistics, TrainingProgram } from './training-program.ts';

/** What a training changes, and what it remembers. */
export interface State {
  readonly values: Map<string, Float32Array>;
  /** By parameter, as the program lists them. */
  readonly arrays: TrainedArray[];
  /** Running mean and variance by constant. */
  readonly running: Map<string, Float64Array>;
  /** All arrays of the above, by names of their own. */
  readonly named: ReadonlyMap<string, Float32Array | Float64Array>;
}

/** The parameters as the model has them. */
export function initialState(
  model: Model,
  { parameters, statistics }: TrainingProgram,
  { masked = 'all', slots }: { masked?: readonly string[] | 'all' | 'none'; slots: number },
): State {
  const constants = constantsOf(model.graph);
  const read = (name: string): Float32Array =>
    Float32Array.from(tensorOf(constants.get(name) as Constant).data as Float32Array);
  const isMasked = ({ name, isWeight }: Parameter): boolean =>
    typeof masked === 'string' ? masked === 'all' && isWeight : masked.includes(name);
  const values = new Map(parameters.map(({ name }) => [name, read(name)]));
  const arrays = parameters.map((parameter): TrainedArray => {
    const { name } = parameter;
    const own = values.get(name) as Float32Array;
    const array = { values: own, slots: Array.from({ length: slots }, () => new Float32Array(own.length)) };
    if (!isMasked(parameter) || own.every((x) => x !== 0)) return array;
    return { ...array, mask: supportOf(own) };
  });
  const running = new Map(
    statistics.flatMap(({ mean, variance }) => [mean, variance]).map((name) => [name, Float64Array.from(read(name))]),
  );
  const named = new Map<string, Float32Array | Float64Array>();
  parameters.forEach(({ name }, i) => {
    const { values: own, slots: kept } = arrays[i] as TrainedArray;
    named.set(`value/${name}`, own);
    kept.forEach((slot, j) => {
      named.set(`slot${j}/${name}`, slot);
    });
  });
  for (const [name, numbers] of running) named.set(`running/${name}`, numbers);
  return { values, arrays, running, named };
}

/** The supports of a state, as arrays beside its own. */
export function masksOf({ arrays }: State): [string, Float32Array][] {
  return arrays.flatMap(({ mask }, i) => (mask === undefined ? [] : [[`mask/${i}`, Float32Array.from(mask)] as const]));
}

/** Goes on with kept supports: those that {@link masksOf} gave, and no others. */
export function restoreMasks(state: State, arrays: ReadonlyMap<string, Float32Array | Float64Array>): void {
  state.arrays.forEach(({ mask: _, ...array }, i) => {
    const mask = arrays.get(`mask/${i}`);
    state.arrays[i] = mask === undefined ? array : { ...array, mask: Uint8Array.from(mask) };
  });
}

/** Goes on from kept arrays. @throws OptionError if they are not those of this training */
export function restore({ named }: State, arrays: ReadonlyMap<string, Float32Array | Float64Array>): void {
  for (const [name, array] of named) {
    const kept = arrays.get(name);
    if (kept?.length !== array.length)
      throw new OptionError(`Cannot go on training: "${name}" of the state does not fit the model`);
    array.set(kept);
  }
}

/** Takes new supports, where there are any. */
export function takeSupports(
  { parameters }: TrainingProgram,
  state: State,
  supports: ReadonlyMap<string, Uint8Array> | undefined,
): void {
  if (supports === undefined) return;
  parameters.forEach(({ name }, i) => {
    const mask = supports.get(name);
    if (mask === undefined) return;
    const array: TrainedArray = { ...(state.arrays[i] as TrainedArray), mask };
    state.arrays[i] = array;
    for (const values of [array.values, ...array.slots])
      mask.forEach((kept, j) => (values[j] = kept === 0 ? 0 : (values[j] as number)));
  });
}

/** running := (1 - share) running + share batch; the batch's variance without bias, m / (m - 1), as frameworks keep it. */
export function follow(
  running: State['running'],
  { mean, variance, share, cells }: RunningStatistics,
  now: { readonly mean: Float32Array; readonly variance: Float32Array },
): void {
  const [means, variances] = [running.get(mean) as Float64Array, running.get(variance) as Float64Array];
  const unbiased = cells > 1 ? cells / (cells - 1) : 1;
  for (let c = 0; c < means.length; c++) {
    means[c] = (1 - share) * (means[c] as number) + share * (now.mean[c] as number);
    variances[c] = (1 - share) * (variances[c] as number) + share * unbiased * (now.variance[c] as number);
  }
}

/** The model with the parameters and statistics of a state, copied. */
export function written(model: Model, { parameters }: TrainingProgram, { values, running }: State): Model {
  const constants = constantsOf(model.graph);
  const replacements = new Map<string, Constant>();
  const put = (name: string, data: Float32Array): void => {
    const { dims } = constants.get(name) as Constant;
    replacements.set(name, constantOf({ type: 'float32', dims, data }));
  };
  for (const { name } of parameters) put(name, (values.get(name) as Float32Array).slice());
  for (const [name, numbers] of running) put(name, Float32Array.from(numbers));
  return { ...model, graph: replaceConstants(model.graph, replacements) };
}
