import type { LossName } from '../autodiff/loss.ts';
import type { Answers, FedBatch, FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Head, readHeads, someSamples } from './heads.ts';
import type { OutputChoice, Outputs } from './outputs.ts';
import { classesOf, isSameShape, lossOfReading, type Reading, readingsOf } from './reading.ts';
import { sentenceOf } from './sentence.ts';

/** What {@link decideOutputs} looks at. */
export interface OutputsRequest extends OutputChoice {
  readonly engine: Engine;
  readonly source: FeedSource;
}

/**
 * Finds out what a model's outputs are and what its labels or targets are about: the first output that they fit, outputs that
 * are probabilities before others. Answers are checked against the shape of that output, and labels against its classes.
 *
 * @throws OptionError         if the output that was named is not there, or its loss cannot be computed
 * @throws DataError           if labels or targets fit no output
 * @throws UnsupportedOpError  if no output is of floats
 * Cost: a forward pass of a few samples the first time that a graph is seen, and a pass over the answers.
 */
export async function decideOutputs(model: Model, request: OutputsRequest): Promise<Outputs> {
  const { loss } = request;
  const { heads, fed, samples, source } = await headsOf(model, request);
  const output = request.output ?? (usesAnswers(request) ? source.output : undefined);
  const candidates = output === undefined ? likeliestFirst(heads) : [namedHead(model, heads, output)];
  if (request.labels === 'data' && loss !== 'random' && !source.labelled && !source.hasTargets)
    throw new DataError(
      "Cannot use the answers of the data: it has no labels and no targets; draw them from the model's own prediction",
      { remedies: [{ option: 'labels', value: 'model' }] },
    );
  const answers = usesAnswers(request) ? answersOf(source, fed, samples) : {};
  for (const judged of candidates) {
    const reading = readingsOf(judged, answers).find((one) => suits(one, loss));
    if (reading === undefined) continue;
    checkClasses(judged, reading, answers);
    const labels = reading.form === 'none' ? 'model' : 'data';
    const alike = isAlike(heads, reading, request);
    const own = loss ?? (alike ? 'random' : lossOfReading(reading));
    const decided = { heads, judged, reading, labels, loss: own, alike } as const;
    return { ...decided, says: sentenceOf(decided) };
  }
  throw misfit(candidates, answers, { loss, count: source.count });
}

/** A loss of random directions needs no answers, and labels drawn from the model are in the place of those of the data. */
function usesAnswers({ source, loss, labels }: OutputsRequest): boolean {
  return loss !== 'random' && labels !== 'model' && (source.labelled || source.hasTargets);
}

/** Without answers and without a word of the user none of several outputs is worth more than the others. */
function isAlike(heads: readonly Head[], { form }: Reading, { output, loss }: OutputsRequest): boolean {
  if (form !== 'none' || output !== undefined || (loss !== undefined && loss !== 'random')) return false;
  return new Set(heads.map(({ name, behind }) => behind?.value ?? name)).size > 1;
}

function suits(reading: Reading, loss: LossName | undefined): boolean {
  if (loss === undefined) return true;
  return loss === 'random' || (loss === 'mse' ? 'numbers' : lossTask(loss)) === reading.task;
}

function lossTask(loss: LossName): Reading['task'] {
  return loss === 'cross-entropy' ? 'classes' : 'yes or no';
}

/** Outputs that were recognised by their numbers are what answers are about, more likely than others. */
function likeliestFirst(heads: readonly Head[]): Head[] {
  const isKnown = ({ kind }: Head): boolean => kind !== 'values';
  return [...heads.filter(isKnown), ...heads.filter((head) => !isKnown(head))];
}

function namedHead(model: Model, heads: readonly Head[], name: string): Head {
  const found = heads.find((head) => head.name === name);
  if (found !== undefined) return found;
  const there = model.graph.outputs.some((output) => output.name === name);
  throw new OptionError(
    `Cannot judge output "${name}": ${there ? 'it has no floats for each sample' : 'the model has none of that name'}, ` +
      `its outputs of floats are ${heads.map((head) => `"${head.name}"`).join(', ')}`,
  );
}

/** Heads of a graph by its nodes, of samples or of groups of them: models that differ in their weights alone are judged alike. */
const known = {
  samples: new WeakMap<Model['graph']['nodes'], Promise<Head[]>>(),
  groups: new WeakMap<Model['graph']['nodes'], Promise<Head[]>>(),
};

/** The heads of a model, the samples that they were recognised by, and their source as the model takes it. */
export async function headsOf(
  model: Model,
  { engine, source: given }: { readonly engine: Engine; readonly source: FeedSource },
): Promise<{ heads: readonly Head[]; fed: FedBatch; samples: number; source: FeedSource }> {
  const source = await testedFeeds(engine, model, given);
  const { fed, samples } = await someSamples(source);
  const { nodes } = model.graph;
  const cache = known[source.flat === undefined ? 'samples' : 'groups'];
  let heads = cache.get(nodes);
  if (heads === undefined) {
    heads = readHeads(model, { engine, inputs: fed.inputs, samples });
    cache.set(nodes, heads);
    heads.catch(() => cache.delete(nodes));
  }
  return { heads: await heads, fed, samples, source };
}

/** The heads of a model; none where no output is of floats, or only what is no part of a sample. */
export async function floatHeadsOf(
  model: Model,
  request: { readonly engine: Engine; readonly source: FeedSource },
): Promise<readonly Head[]> {
  try {
    return (await headsOf(model, request)).heads;
  } catch (thrown) {
    if (thrown instanceof UnsupportedOpError) return [];
    throw thrown;
  }
}

/** Those of all samples, or of the samples at hand where the source does not tell. */
function answersOf({ answers, labelled, hasTargets, flat }: FeedSource, fed: FedBatch, samples: number): Answers {
  if (
    flat === undefined &&
    answers !== undefined &&
    labelled === (answers.labels !== undefined) &&
    hasTargets === (answers.targets !== undefined)
  )
    return answers;
  const { labels, targets } = fed;
  const each = (length: number): number[] => (length === samples ? [] : [length / samples]);
  return {
    ...(labels && { labels: { dims: each(labels.length), data: labels } }),
    ...(targets && {
      targets: { dims: [...each(targets.dims[0] ?? 1), ...targets.dims.slice(1)], data: targets.data as Float32Array },
    }),
  };
}

/** @throws DataError naming the first class that is not there */
function checkClasses(head: Head, reading: Reading, { labels }: Answers): void {
  if (reading.form !== 'classes' || reading.stored !== 'labels' || labels === undefined) return;
  const { classes } = classesOf(head, reading);
  const isWrong = (label: number): boolean => label < 0 || label >= classes;
  const at = labels.data.findIndex(isWrong);
  if (at < 0) return;
  const count = labels.data.reduce((sum, label) => sum + (isWrong(label) ? 1 : 0), 0);
  const row = Math.floor(at / sizeOf(labels.dims));
  throw new DataError(
    `Cannot use the labels of the data: row ${row} has label ${labels.data[at]}, wanted 0 to ${classes - 1} ` +
      `since output "${head.name}" has ${classes} classes; ${count} of ${labels.data.length} labels are outside`,
    { fields: { row, label: labels.data[at], classes, count } },
  );
}

/** Why no output suits. */
function misfit(
  heads: readonly Head[],
  { labels, targets }: Answers,
  { loss, count }: { readonly loss: LossName | undefined; readonly count: number },
): Error {
  const given = labels ?? targets;
  const shapes = heads.map(({ name, dims }) => `"${name}" [${[count, ...dims]}]`).join(', ');
  if (given === undefined)
    return new OptionError(
      `Cannot compute the loss "${loss}" of outputs ${shapes}: wanted one value a class, or another loss`,
      { remedies: [{ option: 'loss' }] },
    );
  const what = labels === undefined ? 'targets' : 'labels';
  const shape = `[${[count, ...given.dims]}]`;
  const fits = heads.some(({ dims }) => isSameShape(dims, given.dims));
  if (fits && loss === undefined)
    return new DataError(
      `Cannot use the ${what} of the data: those of shape ${shape} are no 0 or 1 for each number of outputs ${shapes}; give one class a sample instead`,
    );
  const lossPart = loss === undefined ? '' : ` by the loss "${loss}"`;
  const wanted =
    what === 'targets' ? 'a target for each number' : 'a class for each position, or 0 or 1 for each number';
  return new DataError(
    `Cannot use the ${what} of the data${lossPart}: wanted ${wanted} of outputs ${shapes}, got shape ${shape}; ` +
      'save them in the shape of the output that they are about',
    {
      fields: { given: [count, ...given.dims], outputs: heads.map(({ dims }) => [count, ...dims]) },
      remedies: [{ option: 'output' }],
    },
  );
}
