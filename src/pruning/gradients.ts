import type { LossName } from '../autodiff/loss.ts';
import { type GradientProgram, gradientProgram } from '../curvature/gradient-program.ts';
import { collectRows, type FeedMaker, type GradientRows } from '../curvature/gradient-rows.ts';
import type { MakeStore } from '../curvature/row-store.ts';
import { rowsAreOwn } from '../curvature/rows-check.ts';
import { drawIndices } from '../data/batches.ts';
import { elementsOf, type FedBatch, type FeedSource, widenFeeds } from '../data/feeds.ts';
import type { Engine, Session } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import { isConvolution } from '../graph/operators/table.ts';
import { widenFloats } from '../graph/passes/widen-floats.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { decideOutputs } from '../outputs/decide.ts';
import { drawAnswers } from '../outputs/draw.ts';
import { type HeldAgainst, heldAgainst } from '../outputs/held-against.ts';
import type { LabelSource, Outputs } from '../outputs/outputs.ts';
import { atRawEnds } from '../outputs/raw.ts';
import { outputUnits } from '../outputs/units.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { bigInts, filled } from '../tensor/filled.ts';
import type { Random } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/** What {@link rowsOf} is asked for. */
export interface RowsRequest {
  readonly engine: Engine;
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  readonly source: FeedSource;
  /** Default: what the outputs and the data say ({@link decideOutputs}). */
  readonly loss?: LossName;
  readonly labels?: LabelSource;
  /** The output that labels or targets are about; default: the first that they fit. */
  readonly output?: string;
  /** Rows n and samples averaged into each m. */
  readonly samples: number;
  readonly batch: number;
  readonly rng: Random;
  readonly augment: boolean;
  readonly threads?: number;
  /** Where the rows are kept; default in memory. */
  readonly store?: MakeStore;
  /** Names of layers whose rows the store takes as factors. */
  readonly factored?: ReadonlySet<string>;
}

/**
 * Elements of the inputs of one run of the gradient graph, where the model leaves the batch free: 16 CIFAR pictures, which
 * keeps what passes between operators in the cache (measured on ResNet-20), or twice as many for a model without convolutions.
 */
const INPUTS_A_RUN = 16 * 3072;
const LINEAR_FACTOR = 2;
/** More samples a run do not repay the memory. */
const MOST_SAMPLES = 128;
/** Numbers of the gradient rows of one run: each run in flight holds them two times over. */
const ROWS_A_RUN = 2.4e6;
/** Fewer sample gradients do not repay the start of worker threads. */
const FEWEST_FOR_WORKERS = 256;
/** Elements of one sample above which fewer than eight share a run, to bound memory. */
const LARGE_INPUT = 32768;

/**
 * Draws samples without replacement (file order when all are taken) and computes their gradient rows.
 *
 * @throws DataError if there are fewer than n m samples
 */
export async function rowsOf(asked: RowsRequest, options: RunOptions = {}): Promise<GradientRows> {
  const model = widenFloats(asked.model);
  const tested = await testedFeeds(asked.engine, asked.model, asked.source);
  const request = { ...asked, model, source: model === asked.model ? tested : widenFeeds(tested) };
  const { engine, source, samples, batch, rng } = request;
  const wanted = samples * batch;
  if (source.count < wanted)
    throw new DataError(
      `Cannot take ${samples} gradient rows of ${batch} samples: wanted ${wanted} samples, the data has ${source.count}; take fewer rows, or smaller ones`,
      { remedies: [{ option: 'samples' }, { option: 'batch' }] },
    );
  const order = rowSamples(rng, source.count, wanted);
  const outputs = await decideOutputs(model, request);
  const raw = atRawEnds(model, outputs.loss === 'random' ? outputs.heads : [outputs.judged]);
  const units = await unitsOf(model, { ...request, outputs, ends: raw.ends });
  const { program, copies } = await programOf({ ...request, model: raw.model, of: asked.model, outputs }, order);
  const drawn = outputs.labels === 'model' && outputs.loss !== 'random';
  const session = drawn ? await openPrediction(engine, raw.model, request.threads) : null;
  try {
    const augment = rng.fork('augment');
    const noise = rng.fork(drawn ? 'labels' : 'cotangents');
    const feeds: FeedMaker = async (indices, room) => {
      const fed = await source.feeds(indices, request.augment ? augment : undefined, room);
      if (copies)
        for (const [name, tensor] of fed.inputs)
          fed.inputs.set(name, tensor.dims[0] === indices.length ? repeated(tensor, indices.length) : tensor);
      for (const [name, tensor] of await lossFeeds(program, fed, { noise, session, outputs, units }))
        fed.inputs.set(name, copies ? repeated(tensor, indices.length) : tensor);
      return fed.inputs;
    };
    return await collectRows(
      {
        program,
        sizes: request.layers.map((layer) => layer.size),
        order,
        mean: batch,
        feeds,
        copies,
        ...(request.store && { store: request.store }),
      },
      options,
    );
  } finally {
    await program.release();
    await session?.release();
  }
}

/** The samples that {@link rowsOf} draws by a stream of random numbers, so many of all that there are. */
export function rowSamples(rng: Random, of: number, wanted: number): Int32Array {
  return drawIndices(rng.fork('samples'), of, wanted);
}

/** The first of so many equal parts of a tensor in the place of all of them, so that augmented or drawn ones are copies too. */
function repeated(tensor: Tensor, times: number): Tensor {
  if ((tensor.dims[0] ?? 1) % times !== 0) return tensor;
  const data = tensor.data.slice() as Float32Array;
  const size = data.length / times;
  for (let i = 1; i < times; i++) data.copyWithin(i * size, 0, size);
  return { ...tensor, data };
}

interface OpenedProgram {
  readonly program: GradientProgram;
  /** Each run is to be fed copies of one sample. */
  readonly copies: boolean;
}

/** Whether the rows of a run are those of its samples, by the model's outputs: tested once a model. */
const ownRows = new WeakMap<object, boolean>();

/** What the gradient graph is made for: the model at its raw ends, and the model that it was made of. */
type ProgramRequest = RowsRequest & { readonly outputs: Outputs; readonly of: Model };

/**
 * The program of as many samples a run as suit, a row or more each. Where the graph does not keep the samples of a batch apart on
 * the way of the gradient: of no more than one row's; where the batch is fixed then, of copies of one sample.
 */
async function programOf({ outputs, of, ...request }: ProgramRequest, order: Int32Array): Promise<OpenedProgram> {
  const { source, batch } = request;
  const elements = elementsOf(await source.feeds(order.subarray(0, 1)));
  const workers = workersFor(request, { elements, samples: order.length });
  const inputs = async (rows: Int32Array): Promise<Map<string, Tensor>> => (await source.feeds(rows)).inputs;
  const open = async (samples: number, { per = batch, mean = batch } = {}): Promise<GradientProgram> =>
    gradientProgram(request.engine, {
      ...request,
      loss: outputs.loss,
      axis: outputs.reading.axes[0] ?? 0,
      feeds: await inputs(Int32Array.from({ length: samples }, (_, i) => order[i % order.length] as number)),
      samples,
      mean,
      per,
      ...(per < batch && { factored: new Set<string>() }),
      ...(workers && { workers }),
    });
  const areOwn = async (program: GradientProgram): Promise<boolean> => {
    const sizes = request.layers.map(({ size }) => size);
    const key = of.graph.outputs;
    const own =
      ownRows.get(key) ?? (await rowsAreOwn({ program, sizes, order: atLeast(order, program.samples), inputs }));
    ownRows.set(key, own);
    return own;
  };
  const { fixedBatch } = source;
  const most = mostSamples(elements, request);
  const per = fixedBatch === null ? batch : greatestDivisor(fixedBatch, batch);
  const program = await open(fixedBatch ?? runSize({ most, mean: batch, wanted: order.length }), { per });
  const fits = program.rows === 1 ? program.samples <= per : await areOwn(program);
  if (fits) return { program, copies: false };
  await program.release();
  if (fixedBatch !== null)
    return { program: await open(fixedBatch, { per: fixedBatch, mean: batch * fixedBatch }), copies: true };
  const single = largestDivisor(batch, most);
  return { program: await open(single, { per: single }), copies: false };
}

/** At least so many sample numbers: the same ones again where there are fewer. */
function atLeast(order: Int32Array, count: number): Int32Array {
  return Int32Array.from({ length: Math.max(count, order.length) }, (_, i) => order[i % order.length] as number);
}

/** Runs at once, each in a worker thread; undefined = one by one in this thread. Operators on few small pictures are too small to share among threads, so each thread takes a run of its own. */
function workersFor(
  { engine, layers, threads }: RowsRequest,
  { elements, samples }: { elements: number; samples: number },
): number | undefined {
  const convolves = layers.some(({ uses }) => uses.some(({ node }) => isConvolution(node)));
  const workers = threads ?? engine.cores;
  return workers > 1 && convolves && elements <= LARGE_INPUT && samples >= FEWEST_FOR_WORKERS ? workers : undefined;
}

/** Samples in one run of the gradient graph, by the size of one; pictures too large for eight of them still run in twos or threes. */
function mostSamples(elements: number, { layers, batch }: Pick<RowsRequest, 'layers' | 'batch'>): number {
  const convolves = layers.some(({ uses }) => uses.some(({ node }) => isConvolution(node)));
  const weights = layers.reduce((sum, { size }) => sum + size, 0);
  const fitting = Math.min(
    Math.floor((INPUTS_A_RUN * (convolves ? 1 : LINEAR_FACTOR)) / Math.max(elements, 1)),
    Math.floor(ROWS_A_RUN / weights) * batch,
  );
  return Math.min(Math.max(fitting, elements > LARGE_INPUT ? 2 : 8), MOST_SAMPLES);
}

/** A multiple of m near the best size, or a divisor of it. */
function runSize({ most, mean, wanted }: { most: number; mean: number; wanted: number }): number {
  return mean <= most ? Math.min(Math.floor(most / mean) * mean, wanted) : largestDivisor(mean, most);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** The largest divisor of a number that is not above another. */
export function largestDivisor(of: number, most: number): number {
  for (let size = Math.min(of, most); size > 1; size--) if (of % size === 0) return size;
  return 1;
}

interface LossInputs {
  readonly noise: Random;
  /** The model at its raw ends, where what it is held against is drawn from its own prediction. */
  readonly session: Session | null;
  readonly outputs: Outputs;
  /** Of each output of the raw model: what its random directions are multiplied by. */
  readonly units: readonly number[];
}

/** Samples that the variance of outputs is taken from. */
const UNIT_SAMPLES = 64;

/**
 * Of each distinct raw end 1 / sqrt(its variance x numbers of a sample), so that random directions make a quadratic model of the squared
 * errors of all heads, each in units of its variance; 0 for one that never varies. Of a single head it is 1.
 */
async function unitsOf(
  model: Model,
  { engine, source, outputs, ends, threads }: RowsRequest & { outputs: Outputs; ends: readonly string[] },
): Promise<number[]> {
  const { heads, loss } = outputs;
  const distinct = heads.filter((_, i) => ends.indexOf(ends[i] as string) === i);
  if (loss !== 'random' || distinct.length < 2) return distinct.map(() => 1);
  const units = await outputUnits(model, distinct, {
    engine,
    source,
    count: UNIT_SAMPLES,
    ...(threads !== undefined && { threads }),
  });
  return distinct.map(({ dims }, i) => (units[i] == null ? 0 : 1 / Math.sqrt((units[i] as number) * sizeOf(dims))));
}

async function lossFeeds(
  program: GradientProgram,
  fed: FedBatch,
  { noise, session, outputs, units }: LossInputs,
): Promise<[string, Tensor][]> {
  if (outputs.loss === 'random')
    return program.feeds.map(({ name, type, dims }, i) => {
      const unit = units[i] ?? 1;
      return [name, { type, dims, data: filled(new Float32Array(sizeOf(dims)), () => unit * noise.normal()) }];
    });
  const { name, type, dims } = program.feeds[0] as GradientProgram['feeds'][number];
  const held = session === null ? heldAgainst(outputs, fed) : await drawnFrom(session, fed, { outputs, noise });
  if (held === null)
    throw new DataError(`Cannot compute ${outputs.loss}: a batch of the data has no labels or targets`);
  const data = held.kind === 'classes' ? bigInts(held.classes) : held.numbers;
  if (data.length !== sizeOf(dims))
    throw new DataError(
      `Cannot compute ${outputs.loss}: wanted ${sizeOf(dims)} labels or targets a batch, the data has ${data.length}`,
    );
  return [[name, { type, dims, data }]];
}

function openPrediction(engine: Engine, model: Model, threads: number | undefined): Promise<Session> {
  return engine.createSession(model, threads === undefined ? {} : { threads });
}

/** Answers drawn from the model's own prediction (true Fisher). Cost: one more forward pass. */
async function drawnFrom(
  session: Session,
  { inputs }: FedBatch,
  { outputs, noise }: { readonly outputs: Outputs; readonly noise: Random },
): Promise<HeldAgainst> {
  const [y] = (await session.run(inputs)).values();
  return drawAnswers(outputs, (y as Tensor<Float32Array>).data, noise);
}
