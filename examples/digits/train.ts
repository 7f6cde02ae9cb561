import type { Engine } from '../../src/engine/engine.ts';
import type { Model } from '../../src/ir/model.ts';
import type { OnProgress } from '../../src/progress/progress.ts';
import { type Random, random, sampleWithoutReplacement } from '../../src/tensor/random.ts';
import { sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { type Gradients, gradientsOf } from './gradients.ts';
import { type Parameters, parametersOf, trainable, withParameters } from './parameters.ts';
import { rowsOf, type Samples } from './samples.ts';
import { estimateStatistics } from './statistics.ts';

/** How a model is trained: SGD with momentum, the rate falling to zero along half a cosine. */
export interface TrainOptions {
  readonly epochs: number;
  /** Rows of a step; rows beyond the last full batch of an epoch are left out of it. */
  readonly batch: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Rows from which the statistics of batch normalisation are estimated. */
  readonly calibrationRows: number;
  /** Steps after which they are estimated anew. */
  readonly calibrationSteps: number;
  readonly seed: number | string;
  readonly onProgress?: OnProgress;
}

/** What the shipped model was trained with. */
export const TRAIN_DEFAULTS: TrainOptions = {
  epochs: 8,
  batch: 64,
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  calibrationRows: 500,
  calibrationSteps: 100,
  seed: 'training',
};

/**
 * Trains a classifier: one input, logits as its one output, float32 constants as parameters.
 *
 * Batch normalisation stays in its inference form: its statistics are estimated anew every few steps and count as
 * constants in between. Deterministic given the seed, on one kind of machine.
 *
 * Cost: about three forward passes a row and epoch.
 */
export async function train(engine: Engine, model: Model, data: Samples, options = TRAIN_DEFAULTS): Promise<Model> {
  const rng = random(options.seed);
  const parameters = parametersOf(model);
  const gradients = await gradientsOf(engine, model, rowsOf(data, new Int32Array(options.batch)));
  const optimizer = momentumSgd(parameters, trainable(model.graph), options);
  const calibration = drawRows(rng.fork('calibration'), data, options.calibrationRows).x;
  const calibrate = () => estimateStatistics(engine, model, parameters, calibration);
  const total = options.epochs;
  for (let epoch = 0; epoch < total; epoch++) {
    const rows = sampleWithoutReplacement(rng.fork(epoch), data.labels.data.length, data.labels.data.length);
    const loss = await trainEpoch({ gradients, optimizer, parameters, data, rows, epoch, calibrate }, options);
    const note = `loss ${loss.toFixed(4)}`;
    options.onProgress?.({ step: 'training', done: epoch + 1, total, unit: 'epochs', note });
  }
  await calibrate();
  await gradients.release();
  return withParameters(model, parameters);
}

function drawRows(rng: Random, data: Samples, count: number): Samples {
  return rowsOf(data, sampleWithoutReplacement(rng, data.labels.data.length, count));
}

interface Epoch {
  readonly gradients: Gradients;
  readonly optimizer: Optimizer;
  readonly parameters: Parameters;
  readonly data: Samples;
  /** Numbers of the rows in the order they are used. */
  readonly rows: Int32Array;
  readonly epoch: number;
  readonly calibrate: () => Promise<void>;
}

/** One pass over the data. Returns the mean loss. */
async function trainEpoch(run: Epoch, options: TrainOptions): Promise<number> {
  const { batch, epochs, learningRate, calibrationSteps } = options;
  const steps = Math.floor(run.rows.length / batch);
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    if (step % calibrationSteps === 0) await run.calibrate();
    const rows = run.rows.subarray(step * batch, (step + 1) * batch);
    const { loss, gradients } = await run.gradients.of(run.parameters, rowsOf(run.data, rows));
    const done = (run.epoch + step / steps) / epochs;
    run.optimizer(gradients, 0.5 * learningRate * (1 + Math.cos(Math.PI * done)));
    sum += loss;
  }
  return sum / steps;
}

/** Takes one step, with this learning rate. */
type Optimizer = (gradients: ReadonlyMap<string, Tensor<Float32Array>>, rate: number) => void;

/** v <- momentum v + g + weightDecay w;  w <- w - rate v.   Biases and scales do not decay. */
function momentumSgd(parameters: Parameters, names: readonly string[], options: TrainOptions): Optimizer {
  const { momentum, weightDecay } = options;
  const slots = names.map((name) => {
    const tensor = parameters.get(name) as Tensor<Float32Array>;
    const decay = tensor.dims.length > 1 ? weightDecay : 0;
    return { name, w: tensor.data, v: new Float32Array(sizeOf(tensor.dims)), decay };
  });
  return (gradients, rate) => {
    for (const { name, w, v, decay } of slots) {
      const g = gradients.get(name)?.data ?? new Float32Array(w.length);
      for (let j = 0; j < w.length; j++) {
        v[j] = momentum * (v[j] as number) + (g[j] as number) + decay * (w[j] as number);
        w[j] = (w[j] as number) - rate * (v[j] as number);
      }
    }
  };
}
