import { OptionError } from '../errors/errors.ts';

/** Settings of stochastic gradient descent. */
export interface SgdOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** Added to the gradient as decay * w, zeros included. */
  readonly weightDecay?: number;
}

/** Defaults of {@link sgd}. */
export const SGD_DEFAULTS = { momentum: 0.9, nesterov: false, weightDecay: 0 } as const;

/** What one step changes: values in place, with their momentum. */
export interface TrainedArray {
  readonly values: Float32Array;
  readonly velocity: Float32Array;
  /** 1 = trained, 0 = held at zero, with its momentum; absent = all are trained. */
  readonly mask?: Uint8Array;
}

/**
 * One step of gradient descent, in place:
 *
 *   g := g + decay w      v := momentum v + g      w := w - rate v, or w - rate (g + momentum v) with Nesterov
 *
 * The first v is g itself. f32 storage, f64 arithmetic. Cost: one pass.
 *
 * @throws OptionError if a setting is out of range
 */
export function sgdStep(
  { values, velocity, mask }: TrainedArray,
  gradient: Float32Array,
  rate: number,
  options: SgdOptions = {},
): void {
  const { momentum, nesterov, weightDecay } = { ...SGD_DEFAULTS, ...options };
  if (!(momentum >= 0 && momentum < 1))
    throw new OptionError(`Cannot use momentum ${momentum}: wanted 0 <= momentum < 1`);
  if (!(weightDecay >= 0)) throw new OptionError(`Cannot use weight decay ${weightDecay}: wanted a number from 0`);
  for (let i = 0; i < values.length; i++) {
    if (mask !== undefined && mask[i] === 0) {
      values[i] = 0;
      velocity[i] = 0;
      continue;
    }
    const w = values[i] as number;
    const g = (gradient[i] as number) + weightDecay * w;
    const v = momentum * (velocity[i] as number) + g;
    velocity[i] = v;
    values[i] = w - rate * (nesterov ? g + momentum * v : v);
  }
}
