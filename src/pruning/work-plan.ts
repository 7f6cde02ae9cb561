import { OptionError, type Remedy } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { intAttribute } from '../ir/access.ts';
import { measuredShape } from '../reconstruction/kept-inputs.ts';
import { COST_ROUNDS, type CountedMap, paceOf, productsOf, STAGE_STEPS } from '../reconstruction/pace.ts';
import { refitOf } from './refit-plan.ts';

/** What a run does, by what it holds: nothing but weights; gradient rows; layer problems; a training, and layer problems before it. */
export type WorkKind = 'weights' | 'rows' | 'layers' | 'training';

/** What is known of a run before it starts. */
export interface WorkFacts {
  readonly kind: WorkKind;
  readonly layers: readonly WeightLayer[];
  /** Numbers in the constants of the model. */
  readonly constants: number;
  /** Floats in all values of a forward pass of one sample; null where the model was not run. */
  readonly activations: number | null;
  /** Numbers in the inputs of one sample. */
  readonly inputs: number;
  /** Rows n, samples that layers are solved on, or steps; and samples averaged into a row, or of a step. */
  readonly samples: number;
  readonly batch: number;
  readonly stages: number;
  /** Samples that there are. */
  readonly count: number;
  /** Of a training: whether there is more to do than to solve the layers; default yes. */
  readonly trains?: boolean;
  /** Epochs of trainings of their own, behind the pruning or without one, and samples of a step of theirs. */
  readonly epochs?: number;
  readonly trained?: number;
  readonly threads: number;
  /** Bytes that the process takes already, the model among them. */
  readonly taken: number;
  /** Bytes of gradient rows in memory: all of them, or blocks. */
  readonly rows?: number;
  /** Bytes that the run may take in all; undefined = as much as there is. */
  readonly limit?: number;
}

/** One thing that takes memory. */
export interface WorkPart {
  readonly what: string;
  readonly bytes: number;
}

/** What a run will take. */
export interface WorkPlan {
  /** Bytes at the peak, part by part, the largest first. */
  readonly parts: readonly WorkPart[];
  readonly peak: number;
  /** Threads for it: fewer than there are where each needs memory of its own. */
  readonly threads: number;
  /** Seconds on a machine like the one that the constants were measured on; null where the model was not run. */
  readonly seconds: number | null;
}

/** Constants of {@link planWork}, measured on two cores: bench/README.md, "What a run takes". */
export const MEASURED = {
  /** Compiled code, garbage, threads and the runtime's own arenas. */
  overhead: 150e6,
  /** Bytes a weight where weights alone are looked at: a copy, the support, what is written. */
  weightBytes: 9.5,
  /** Bytes a weight of a quadratic model: about a dozen vectors in f64. */
  quadraticBytes: 100,
  /** Matrices of n x n in f64. */
  matrices: 3,
  /** Bytes a weight of layers that are solved: dense, present, pruned, supports, scores. */
  layerBytes: 14,
  /** Arrays of the size of what is solved at once, garbage among them. */
  solverArrays: 12,
  /** Bytes a weight of what a training keeps: the candidates, and the supports. */
  candidateBytes: 8,
  /** Bytes a parameter: value, momentum, gradient in the runtime and here. */
  parameterBytes: 20,
  /** Floats of a forward pass, and of one with its gradient, that are in memory at once, as a share of all its values. */
  forward: 0.5,
  backward: 2.5,
  /** Floating-point operations a second and core: of a model, and of products of large matrices. */
  modelRate: 50e9,
  productRate: 65e9,
} as const;

/** Samples of one run that collects rows: see `mostSamples`. */
const ROW_RUN = { inputs: 16 * 3072, numbers: 2.4e6, most: 128, least: 2 };
/** The same where layers are solved. */
const LAYER_RUN = { most: 50, inputs: 2e6 };
/** Samples that judge candidates, and how often they are looked at. */
const JUDGED = 200 * 12;
/** Samples of a forward pass for the costs of a layer. */
const COST_SAMPLES = 200;
/** Inputs of a layer that are worked on in f64 at once, and numbers of a block of conjugate gradients. */
const NORMS_AT_ONCE = 1024;
const SOLVED_AT_ONCE = 2 ** 24;

/**
 * What a run takes of memory and time, before it starts. Threads that need memory of their own are fewer where that keeps it
 * within the limit.
 *
 * @throws OptionError if it does not fit: with the largest part, and what there is to do
 */
export function planWork(facts: WorkFacts): WorkPlan {
  const seconds = facts.activations === null ? null : secondsOf(facts);
  for (let threads = facts.threads; threads >= 1; threads--) {
    const parts = partsOf({ ...facts, threads });
    const peak = sumOf(parts);
    if (facts.limit === undefined || peak <= facts.limit) return { parts, peak, threads, seconds };
    if (threads === 1) throw tooLarge(facts, parts);
  }
  return { parts: [], peak: facts.taken, threads: 1, seconds };
}

/** What a run on gradient rows takes besides them, with as many threads as there are. */
export function bytesBesideRows(facts: WorkFacts): number {
  return sumOf(partsOf({ ...facts, rows: 0 }));
}

function tooLarge({ kind, limit = 0 }: WorkFacts, parts: readonly WorkPart[]): OptionError {
  const { says, remedies } = REMEDIES[kind];
  const [largest] = parts.filter(({ what }) => what !== PROCESS);
  return new OptionError(
    `Cannot keep to ${bytesText(limit)} of memory: the run takes about ${bytesText(sumOf(parts))}, of which ${bytesText(largest?.bytes ?? 0)} are ${largest?.what}; ${says}`,
    { fields: { needed: sumOf(parts) }, remedies },
  );
}

const BY_MAGNITUDE: Remedy = { option: 'method', value: 'magnitude' };
const REMEDIES: Readonly<Record<WorkKind, { readonly says: string; readonly remedies: readonly Remedy[] }>> = {
  weights: {
    says: 'allow more memory, or name fewer layers',
    remedies: [{ option: 'memory' }, { option: 'layers' }],
  },
  rows: {
    says: 'allow more memory, take fewer rows, name fewer layers, or prune by magnitude',
    remedies: [{ option: 'memory' }, { option: 'samples' }, { option: 'layers' }, BY_MAGNITUDE],
  },
  layers: {
    says: 'allow more memory, take fewer samples, name fewer layers, or prune by magnitude',
    remedies: [{ option: 'memory' }, { option: 'samples' }, { option: 'layers' }, BY_MAGNITUDE],
  },
  training: {
    says: 'allow more memory, take smaller batches, or prune without a training',
    remedies: [{ option: 'memory' }, { option: 'batch' }, { option: 'method', value: 'reconstruct' }, BY_MAGNITUDE],
  },
};

const PROCESS = 'the process so far';

/** The parts of the moment at which there is most, the largest first. */
function partsOf(facts: WorkFacts): WorkPart[] {
  const p = weightsOf(facts);
  const always = [
    { what: PROCESS, bytes: facts.taken },
    { what: 'code, garbage and the runtime', bytes: MEASURED.overhead },
  ];
  const moments = MOMENTS[facts.kind](facts, p);
  const { epochs = 0, trained: batch = 0 } = facts;
  const trained = epochs > 0 ? [trainingParts({ ...facts, batch })] : [];
  const largest = [...moments, ...trained].reduce((a, b) => (sumOf(b) > sumOf(a) ? b : a));
  return [...always, ...largest].filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
}

/** Of each kind: what is in memory at the moments at which there may be most. */
const MOMENTS: Readonly<Record<WorkKind, (facts: WorkFacts, p: number) => WorkPart[][]>> = {
  weights: (_, p) => [[{ what: 'weights and supports', bytes: MEASURED.weightBytes * p }]],
  rows: (facts, p) => [
    [
      { what: 'vectors over the weights', bytes: MEASURED.quadraticBytes * p },
      { what: 'gradient rows', bytes: facts.rows ?? 0 },
      { what: 'matrices of n x n', bytes: 8 * MEASURED.matrices * facts.samples ** 2 },
      { what: 'columns at work', bytes: 2 * 4 * facts.samples * Math.min(COLUMNS_AT_ONCE, p) },
      ...gradientSession(facts, p),
    ],
  ],
  layers: (facts, p) => [layerParts(facts, p), refitParts(facts, p)],
  training: (facts, p) => {
    const kept = { what: 'candidates', bytes: MEASURED.candidateBytes * p };
    return [
      [...layerParts({ ...facts, samples: Math.min(facts.count, SOLVED_SAMPLES) }, p), kept],
      [...refitParts(facts, p), kept],
      ...(facts.trains === false ? [] : [[...trainingParts({ ...facts, run: partOf(facts) }), kept]]),
    ];
  },
};

/** Columns of the rows that are gathered at a time. */
const COLUMNS_AT_ONCE = 8192;
/** Samples that layers are solved on before a training. */
const SOLVED_SAMPLES = 1000;

function gradientSession(facts: WorkFacts, p: number): WorkPart[] {
  const { activations, inputs, batch, constants } = facts;
  const run = rowRun({ inputs, batch }, p);
  const sessions = sessionsOf(facts);
  const values = 4 * MEASURED.backward * (activations ?? 0) * run;
  const rowsOfRun = 4 * p * Math.max(1, Math.ceil(run / batch));
  return [
    { what: 'gradient sessions', bytes: sessions * (values + heldWeights(constants)) },
    { what: 'rows under way', bytes: 2 * (sessions + 1) * rowsOfRun },
  ];
}

/** Sessions at once: one a thread where convolutions see small pictures. */
function sessionsOf({ layers, inputs, threads }: WorkFacts): number {
  return inputs <= SMALL_INPUT && layers.some(({ op }) => op.startsWith('Conv')) ? threads : 1;
}

/** Bytes of weights that a session takes in, prepared and as they are; those of large models are read where they lie. */
function heldWeights(constants: number): number {
  return 4 * constants > LARGE_MODEL ? 0 : 8 * constants;
}

const SMALL_INPUT = 32_768;
const LARGE_MODEL = 2 ** 27;

/** Samples of one run of the gradient graph. */
function rowRun({ inputs, batch }: Pick<WorkFacts, 'inputs' | 'batch'>, p: number): number {
  const fitting = Math.min(Math.floor(ROW_RUN.inputs / Math.max(1, inputs)), Math.floor(ROW_RUN.numbers / p) * batch);
  return Math.min(Math.max(fitting, ROW_RUN.least), ROW_RUN.most);
}

function layerParts(facts: WorkFacts, p: number): WorkPart[] {
  const maps = mapsOf(facts);
  const samples = samplesAtOnce(facts);
  const values = 4 * MEASURED.forward * (facts.activations ?? 0) * samples;
  return [
    { what: 'weights of the layers', bytes: MEASURED.layerBytes * p },
    { what: 'layer problems', bytes: maps.reduce((sum, map) => sum + problemBytes(map, facts.samples), 0) },
    {
      what: "the largest layer's solver",
      bytes: maps.reduce((most, map) => Math.max(most, solverBytes(map, facts.samples)), 0),
    },
    { what: 'forward passes', bytes: values },
  ];
}

/** Of weights of several uses, where there are any: their gradient through the model. */
function refitParts(facts: WorkFacts, p: number): WorkPart[] {
  const bound = refitOf(facts);
  if (bound === null) return [];
  const values = 4 * MEASURED.backward * bound.numbersOfRun;
  return [
    { what: 'weights of the layers', bytes: MEASURED.layerBytes * p },
    { what: 'the gradient of tied weights', bytes: values + heldWeights(facts.constants) },
    { what: 'what is remembered of their steps', bytes: bound.bytesBeside },
  ];
}

/** Inputs kept, and the same turned, and outputs; or second moments in f64, from the runtime and as they are used. */
function problemBytes({ groups, inputs, outputs, positions, step, keeps }: CountedMap, samples: number): number {
  const columns = (samples * positions) / step;
  return keeps === true ? 4 * groups * columns * (2 * inputs + 3 * outputs) : 16 * groups * inputs ** 2;
}

/** What the inverse of H takes, or a block of conjugate gradients. */
function solverBytes({ inputs, outputs, positions, step, keeps }: CountedMap, samples: number): number {
  const columns = (samples * positions) / step;
  const solve = 4 * MEASURED.solverArrays * Math.min(SOLVED_AT_ONCE, inputs * outputs);
  return Math.max(solve, keeps === true ? 8 * (4 * columns ** 2 + 3 * NORMS_AT_ONCE * columns) : 8 * 3 * inputs ** 2);
}

/** A training of batches in runs of so many samples: the batch, or parts of it, in a session each. */
function trainingParts(facts: WorkFacts & { readonly run?: number }): WorkPart[] {
  const { activations, threads, constants, count } = facts;
  const batch = Math.max(1, Math.min(facts.batch, count));
  const run = Math.min(facts.run ?? batch, batch);
  const sessions = Math.min(Math.ceil(batch / run), threads);
  return [
    { what: 'parameters, their gradients and momentum', bytes: MEASURED.parameterBytes * constants },
    {
      what: 'training sessions',
      bytes: sessions * (4 * MEASURED.backward * (activations ?? 0) * run + 4 * constants),
    },
    { what: 'the model that is imitated', bytes: heldWeights(constants) },
  ];
}

/** Samples of one run where a training closes in: see `partOf` of the training. */
function partOf({ activations }: WorkFacts): number {
  return Math.max(TRAINED_RUN.least, Math.floor(TRAINED_RUN.numbers / Math.max(1, activations ?? 1)));
}

const TRAINED_RUN = { numbers: 16_000_000, least: 1 };

/** The layers as maps, as far as they are known without their inputs. */
function mapsOf({ layers, samples }: Pick<WorkFacts, 'layers' | 'samples'>): CountedMap[] {
  return layers.map(({ size, filters, macsPerWeight, uses }) => {
    const node = uses[0]?.node;
    const groups = node === undefined ? 1 : intAttribute(node, 'group', 1);
    const inputs = Math.max(1, Math.round(size / Math.max(1, filters)));
    const positions = Math.max(1, macsPerWeight ?? 1);
    const map = { groups, outputs: Math.max(1, Math.round(filters / groups)), inputs, positions };
    return { ...map, ...measuredShape({ inputs, positions, samples }) };
  });
}

function samplesAtOnce({ inputs, count }: WorkFacts): number {
  return Math.max(1, Math.min(LAYER_RUN.most, Math.floor(LAYER_RUN.inputs / Math.max(1, inputs)), count));
}

/** Rough seconds: floating-point operations by the rates that were measured. */
function secondsOf(facts: WorkFacts): number {
  const { kind, layers, samples, batch, stages, threads, count, epochs = 0 } = facts;
  const macs = layers.reduce((sum, { size, macsPerWeight }) => sum + size * (macsPerWeight ?? 1), 0);
  const p = weightsOf(facts);
  const model = MEASURED.modelRate * threads;
  const product = MEASURED.productRate * threads;
  const gradients = (some: number): number => (6 * macs * some) / model;
  const training = gradients(epochs * count);
  if (kind === 'weights') return training + p / 15e6;
  if (kind === 'rows')
    return training + stages * (gradients(samples * batch) + (1.5 * samples ** 2 * p) / product + (samples * p) / 1e9);
  const solved = layerSeconds({ ...facts, samples: Math.min(count, kind === 'layers' ? samples : SOLVED_SAMPLES) });
  const solves = facts.trains === false || (kind === 'layers' && count < IN_TURN.below) ? IN_TURN.solves : 1;
  if (kind === 'layers') return training + solves * solved;
  const trained = facts.trains === false ? 0 : gradients(samples * batch) + (samples * p) / 100e6;
  return training + solves * solved + trained + (2 * macs * JUDGED) / model;
}

/** Layers are solved so many times where few samples judge in turn: on all of them, and in five folds on four fifths. */
const IN_TURN = { below: 200, solves: 5 } as const;

/** Of solving layers: forward passes, supports in stages, costs, weights. */
function layerSeconds(facts: WorkFacts): number {
  const { layers, samples, threads, stages } = facts;
  const maps = mapsOf(facts);
  const macs = layers.reduce((sum, { size, macsPerWeight }) => sum + size * (macsPerWeight ?? 1), 0);
  const pace = paceOf(maps, { stages: Math.max(stages, 1), samples });
  const perStage = maps.reduce((sum, map) => sum + (STAGE_STEPS + 1.5) * productsOf(map, pace.samples), 0);
  const final = maps.reduce((sum, map) => sum + 25 * productsOf(map, samples), 0);
  const products = 2 * (perStage * (pace.stages + COST_ROUNDS * pace.costStages) + final);
  const passes = samples * (1 + layers.length) + COST_ROUNDS * COST_SAMPLES * layers.length;
  const refit = refitOf(facts)?.macs ?? 0;
  return (
    products / (MEASURED.productRate * threads) +
    (2 * (macs * passes + refit * threads)) / (MEASURED.modelRate * threads)
  );
}

function weightsOf({ layers }: Pick<WorkFacts, 'layers'>): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

function sumOf(parts: readonly WorkPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

/** Parts that a sentence names one by one. */
const NAMED_PARTS = 4;

/** A plan in words. */
export function workText({ parts, peak, seconds, threads }: WorkPlan): string {
  const named = parts
    .slice(0, NAMED_PARTS)
    .map(({ what, bytes }) => `${what} ${bytesText(bytes)}`)
    .join(', ');
  const time =
    seconds === null ? '' : `; about ${timeText(seconds)} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `memory: about ${bytesText(peak)} at most (${named})${time}`;
}

function timeText(seconds: number): string {
  if (seconds < 1) return 'a second';
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}
