import { budget } from '../../../src/budget/budget.ts';
import type { CompiledFiles } from '../../../src/compile/output.ts';
import { type GivenFile, onnxruntimeWeb, openFiles, prune, readGivenModel } from '../../../src/coppice.web.ts';
import type { Dataset } from '../../../src/data/dataset.ts';
import { hashBytes } from '../../../src/data/hash.web.ts';
import { holdOutRows } from '../../../src/data/pick-rows.ts';
import type { PreprocessOptions } from '../../../src/data/preprocess.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { DataError, OnnxDecodeError, OptionError } from '../../../src/errors/errors.ts';
import type { Evaluation } from '../../../src/evaluate/accuracy.ts';
import { validateGraph } from '../../../src/graph/validate-graph.ts';
import type { Model } from '../../../src/ir/model.ts';
import { formOf } from '../../../src/methods/form.ts';
import { METHODS, type Method } from '../../../src/methods/list.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { inspect } from '../../../src/pipeline/inspect.ts';
import type { RunOptions } from '../../../src/progress/progress.ts';
import type { Calls, DataFacts, ModelFacts, Outcome, Settings } from '../protocol.ts';
import { fittingOptions } from './fitting-options.ts';
import { type Pair, type PairedModels, pairedModels } from './paired-models.ts';
import { RUNTIME_FILES } from './runtime-files.ts';

/** What answers each call. */
export type Handlers = {
  readonly [Name in keyof Calls]: (
    ask: Calls[Name]['ask'],
    run: Required<RunOptions>,
  ) => Promise<Calls[Name]['answer']>;
};

/** Methods that make sense without a budget of MACs, and in a browser's memory. */
const OFFERED: readonly Method[] = [
  'auto',
  'reconstruct',
  'magnitude',
  'chita',
  'chita++',
  'chita-cd',
  'chita-block',
  'woodfisher',
];

/** Where no data to judge on is given: a fifth of the rows, at most so many. */
const HELD_OUT = { share: 0.2, most: 2000 };

/** A model that is open, and its file. */
interface OpenModel {
  readonly model: Model;
  readonly name: string;
  readonly file: Uint8Array;
}

/** Data as it was given, with what to do to its values. */
interface OpenData {
  readonly dataset: Dataset;
  readonly preprocess: PreprocessOptions;
}

/** Everything that is open at the moment; calls come one at a time. */
export function workbench(): Handlers {
  let engine: Engine | null = null;
  let opened: OpenModel | null = null;
  let pruned: Model | null = null;
  let program: CompiledFiles | null = null;
  let data: OpenData | null = null;
  let evaluation: OpenData | null = null;
  let judged: Dataset | null = null;
  let pair: PairedModels | null = null;

  const forget = async (): Promise<void> => {
    pruned = null;
    program = null;
    const old = pair;
    pair = null;
    await old?.release();
  };

  return {
    start: async (machine) => {
      engine = await onnxruntimeWeb({ ...machine, files: RUNTIME_FILES[machine.provider] });
      return { methods: OFFERED.map((name) => ({ ...formOf(METHODS[name]), name })) };
    },

    openModel: async ({ files }) => {
      await forget();
      [opened, data, evaluation, judged] = [null, null, null, null];
      opened = await openModel(files);
      return modelFacts(opened);
    },

    openData: async ({ role, files, preprocess }) => {
      const { model } = wanted(opened, 'a model');
      const dataset = await openFiles(files, fittingOptions(model, preprocess, files));
      await dataset.batch([0]); // what cannot be read is better known now
      if (role === 'data') data = { dataset, preprocess };
      else evaluation = { dataset, preprocess };
      return dataFacts(dataset);
    },

    dropEvaluation: async () => {
      evaluation = null;
      return null;
    },

    prune: async (settings, run) => {
      const { model, name, file } = wanted(opened, 'a model');
      await forget();
      const rows = await rowsFor(settings, data?.dataset ?? null, evaluation?.dataset ?? null);
      judged = rows.evaluation ?? null;
      const about = { model: { name, sha256: await hashBytes(file), bytes: file.length } };
      const request = {
        ...requestOf(settings),
        ...rows,
        about,
        engine: wanted(engine, 'a runtime'),
        tool: TOOL,
        ...run,
      };
      const done = await prune(model, request);
      pruned = done.model;
      program = done.compiled;
      return outcomeOf(done.report, done.evaluations);
    },

    compareRows: async ({ rows }) => {
      const { dataset, preprocess } = {
        dataset: wanted(judged, 'data'),
        preprocess: (evaluation ?? data)?.preprocess ?? {},
      };
      return (await models()).compare({ dataset, rows, preprocess, name: (row) => `row ${row}` });
    },

    comparePictures: async ({ files }) => {
      const { model } = wanted(opened, 'a model');
      const preprocess = (data ?? evaluation)?.preprocess ?? {};
      const names = files.map(({ path }) => path);
      const shown = asPictures(files);
      const dataset = await openFiles(shown, fittingOptions(model, preprocess, shown));
      const order = names.map((_, i) => i);
      const found = await (await models()).compare({
        dataset,
        rows: order,
        preprocess,
        name: (row) => names[row] ?? '',
      });
      return found.map((one) => ({ ...one, row: null, label: null }));
    },

    saveProgram: async () => {
      const text = Object.entries(wanted(program, 'a compiled model')).find(([name]) => name.endsWith('.js'))?.[1];
      const bytes = new TextEncoder().encode(String(text));
      return { name: `${wanted(opened, 'a model').name.replace(/\.onnx$/i, '')}-pruned.js`, bytes };
    },

    save: async () => {
      const bytes = encodeModel(wanted(pruned, 'a pruned model')) as Uint8Array<ArrayBuffer>;
      return { name: `${wanted(opened, 'a model').name.replace(/\.onnx$/i, '')}-pruned.onnx`, bytes };
    },
  };

  async function models(): Promise<PairedModels> {
    const both: Pair = { dense: wanted(opened, 'a model').model, pruned: wanted(pruned, 'a pruned model') };
    pair ??= await pairedModels(wanted(engine, 'a runtime'), both);
    return pair;
  }
}

const TOOL = { name: 'coppice', version: __VERSION__ };

function wanted<T>(value: T | null, what: string): T {
  if (value === null)
    throw new OptionError(`Cannot go on: there is no ${what.replace(/^an? /, '')} yet; give ${what} first`);
  return value;
}

async function openModel(files: readonly GivenFile[]): Promise<OpenModel> {
  const given = await Promise.all(
    files.map(async ({ path, blob }) => ({
      name: path.slice(path.lastIndexOf('/') + 1),
      bytes: new Uint8Array(await blob.arrayBuffer()),
    })),
  );
  const named = given.filter(({ name }) => /\.onnx$/i.test(name));
  const main = named.length > 0 ? named[0] : given[0];
  if (main === undefined || named.length > 1)
    throw new OnnxDecodeError(`Cannot read the model: wanted one .onnx file, got ${named.length}; give one of them`);
  const model = validateGraph(
    readGivenModel(
      main,
      given.filter((one) => one !== main),
    ),
  );
  return { model, name: main.name, file: main.bytes };
}

function modelFacts({ model, name, file }: OpenModel): ModelFacts {
  return { name, bytes: file.length, inspection: inspect(model) };
}

function dataFacts({ address, count, sampleDims, labels, targetDims }: Dataset): DataFacts {
  return {
    address,
    count,
    sampleDims,
    answers: labels ? 'classes' : targetDims ? 'targets' : 'none',
    classes: labels ? labels.reduce((most, label) => Math.max(most, label + 1), 0) : null,
  };
}

/** What a method reads and what is judged on: rows are held out where one set has to serve for both. */
async function rowsFor(
  { method, seed, recalibrate }: Settings,
  data: Dataset | null,
  evaluation: Dataset | null,
): Promise<{ data?: Dataset; evaluation?: Dataset }> {
  const learns = METHODS[method].needs.data || recalibrate;
  if (learns && data === null)
    throw new DataError(
      `Cannot ${recalibrate ? 'recalibrate' : `prune by ${method}`} without data: give some, or take magnitude ` +
        'without recalibration',
    );
  if (data === null) return evaluation === null ? {} : { evaluation };
  if (evaluation !== null) return { data, evaluation };
  if (!learns) return { evaluation: data };
  const { rest, heldOut } = holdOutRows(data, { ...HELD_OUT, seed, sha256: hashBytes });
  return { data: rest, evaluation: heldOut };
}

function requestOf({
  method,
  options,
  sparsity,
  scope,
  pattern,
  seed,
  recalibrate,
  labels,
  latency,
  compile,
}: Settings) {
  const shape = pattern.trim() === '' ? {} : { pattern: pattern.trim() };
  const drawn = METHODS[method].needs.gradients ? { labels } : {};
  const timed = latency ? { latency: [1] } : {};
  return {
    method,
    ...options,
    budget: budget({ sparsity, scope, ...shape }),
    seed,
    recalibrate,
    ...drawn,
    ...timed,
    compile: compile && { inline: true },
  };
}

function outcomeOf(
  report: Outcome['report'],
  { before, after }: { before: Evaluation | null; after: Evaluation | null },
): Outcome {
  const [a, b] = [before?.predictions ?? new Int32Array(), after?.predictions ?? new Int32Array()];
  const rows = before?.count ?? 0;
  const each = rows === 0 ? 0 : a.length / rows;
  const differs = (row: number): boolean =>
    a.subarray(row * each, (row + 1) * each).some((x, i) => x !== b[row * each + i]);
  const disagreeing = Int32Array.from({ length: rows }, (_, row) => row).filter(differs);
  return { report, disagreeing, rows };
}

/** Loose pictures, so that the folders they were dropped from are not taken for classes. */
function asPictures(files: readonly GivenFile[]): GivenFile[] {
  return files.map(({ path, blob }, i) => ({
    path: `${String(i).padStart(4, '0')}-${path.replaceAll('/', '-')}`,
    blob,
  }));
}
