import { OptionError } from '../errors/errors.ts';

/** What one step changes: values in place, with what the optimiser remembers of them. */
export interface TrainedArray {
  readonly values: Float32Array;
  /** As many arrays of the values' length as {@link Optimizer.slots}, zeros at first. */
  readonly slots: readonly Float32Array[];
  /** 1 = trained, 0 = held at zero, with its slots; absent = all are trained. */
  readonly mask?: Uint8Array;
}

/** A rule by which gradients change values. Holds no state: all of it is in the arrays and the number of the step. */
export interface Optimizer {
  readonly name: OptimizerName;
  /** Arrays that it keeps for each array of values. */
  readonly slots: number;
  /**
   * One step, in place. f32 storage, f64 arithmetic; one pass.
   *
   * @param step  steps taken before, from 0
   */
  step(array: TrainedArray, gradient: Float32Array, rate: number, step: number): void;
}

/** Rules by name, with what each does. */
export const OPTIMIZERS = {
  sgd: 'stochastic gradient descent with momentum',
  adam: 'steps divided by running root mean squares of the gradient, weight decay as part of the gradient',
  adamw: 'the same with weight decay apart from the gradient',
} as const;

/** A key of {@link OPTIMIZERS}. */
export type OptimizerName = keyof typeof OPTIMIZERS;

/** Settings of {@link optimizer}. */
export interface OptimizerOptions {
  readonly optimizer?: OptimizerName;
  /** Of sgd: share of the last step that is taken again; of Adam: decay of the mean gradient. */
  readonly momentum?: number;
  /** Of sgd: looks ahead along the momentum. */
  readonly nesterov?: boolean;
  /** Added to the gradient as decay * w, zeros included; `adamw`: w := (1 - rate decay) w. */
  readonly weightDecay?: number;
  /** Of Adam: decay of the mean square. */
  readonly secondMoment?: number;
}

/** Defaults of {@link optimizer}. */
export const OPTIMIZER_DEFAULTS = {
  optimizer: 'sgd',
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0,
  secondMoment: 0.999,
} as const satisfies Required<OptimizerOptions>;

/** Added to Adam's root mean square. */
const EPSILON = 1e-8;

/**
 * The rule of a training.
 *
 *   sgd:   g := g + decay w   v := momentum v + g   w := w - rate v, or w - rate (g + momentum v) with Nesterov
 *   adam:  g := g + decay w   m := b1 m + (1 - b1) g   s := b2 s + (1 - b2) g^2
 *          w := w - rate m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + 1e-8)     (Kingma, Ba 2015)
 *   adamw: decay leaves g alone and shrinks w by rate decay                 (Loshchilov, Hutter 2019)
 *
 * @throws OptionError if a setting is out of range
 */
export function optimizer(options: OptimizerOptions = {}): Optimizer {
  const settings = { ...OPTIMIZER_DEFAULTS, ...options };
  for (const name of ['momentum', 'secondMoment'] as const)
    if (!(settings[name] >= 0 && settings[name] < 1))
      throw new OptionError(
        `Cannot use ${name === 'momentum' ? 'momentum' : 'a second moment of'} ${settings[name]}: wanted a number from 0, below 1`,
      );
  if (!(settings.weightDecay >= 0))
    throw new OptionError(`Cannot use weight decay ${settings.weightDecay}: wanted a number from 0`);
  if (settings.nesterov && settings.optimizer !== 'sgd')
    throw new OptionError(`Cannot use Nesterov momentum with ${settings.optimizer}: it belongs to sgd`);
  if (!(settings.optimizer in OPTIMIZERS))
    throw new OptionError(
      `Cannot train by "${settings.optimizer}": the optimizers are ${Object.keys(OPTIMIZERS).join(', ')}`,
    );
  return settings.optimizer === 'sgd' ? sgd(settings) : adam(settings);
}

function sgd({ momentum, nesterov, weightDecay }: Required<OptimizerOptions>): Optimizer {
  return {
    name: 'sgd',
    slots: 1,
    step({ values, slots: [velocity], mask }, gradient, rate) {
      const v = velocity as Float32Array;
      for (let i = 0; i < values.length; i++) {
        if (mask !== undefined && mask[i] === 0) {
          values[i] = 0;
          v[i] = 0;
          continue;
        }
        const w = values[i] as number;
        const g = (gradient[i] as number) + weightDecay * w;
        const now = momentum * (v[i] as number) + g;
        v[i] = now;
        values[i] = w - rate * (nesterov ? g + momentum * now : now);
      }
    },
  };
}

function adam({ optimizer: name, momentum, secondMoment, weightDecay }: Required<OptimizerOptions>): Optimizer {
  const [inGradient, apart] = name === 'adam' ? [weightDecay, 0] : [0, weightDecay];
  return {
    name,
    slots: 2,
    step({ values, slots: [mean, square], mask }, gradient, rate, step) {
      const [m, s] = [mean as Float32Array, square as Float32Array];
      const [first, second] = [1 - momentum ** (step + 1), 1 - secondMoment ** (step + 1)];
      for (let i = 0; i < values.length; i++) {
        if (mask !== undefined && mask[i] === 0) {
          values[i] = 0;
          m[i] = 0;
          s[i] = 0;
          continue;
        }
        const w = values[i] as number;
        const g = (gradient[i] as number) + inGradient * w;
        const mi = momentum * (m[i] as number) + (1 - momentum) * g;
        const si = secondMoment * (s[i] as number) + (1 - secondMoment) * g * g;
        m[i] = mi;
        s[i] = si;
        values[i] = w * (1 - rate * apart) - (rate * (mi / first)) / (Math.sqrt(si / second) + EPSILON);
      }
    },
  };
}
