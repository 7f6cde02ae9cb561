import type { Session, Tensors } from '../engine/engine.ts';
import { OptionError, ShapeError } from '../errors/errors.ts';
import type { RunOptions } from '../progress/progress.ts';
import { sizeOf, type Tensor, type TensorData } from '../tensor/tensor.ts';

/** Milliseconds of one forward pass. */
export interface Latency {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  /** Timed passes behind the figures. */
  readonly runs: number;
}

/** A model to time, and what it is fed. */
export interface LatencyCase {
  readonly session: Session;
  readonly feeds: Tensors;
}

/** How latency is measured. */
export interface LatencyOptions extends RunOptions {
  /** Passes of each model that are not counted. */
  readonly warmUp?: number;
  /** Counted passes of each model. */
  readonly runs?: number;
  /** Rounds end early after this time, but not before {@link LATENCY_DEFAULTS}`.leastRuns` of them. */
  readonly timeLimitMs?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** What {@link measureLatency} does when not told. */
export const LATENCY_DEFAULTS = { warmUp: 5, runs: 50, leastRuns: 5, timeLimitMs: 10_000 } as const;

/**
 * Times forward passes of one or more models side by side: one pass of each in turn, the first of a round changing from
 * round to round, so that noise of the machine falls on all alike.
 *
 * @returns one entry per case, in the order given; quantiles are interpolated linearly
 * @throws OptionError  if runs or warmUp is not a whole number in range
 * @throws EngineError  if a model does not run
 * Cost: (warmUp + runs) passes of every model, at most about timeLimitMs.
 */
export async function measureLatency(cases: readonly LatencyCase[], options: LatencyOptions = {}): Promise<Latency[]> {
  const { warmUp = LATENCY_DEFAULTS.warmUp, runs = LATENCY_DEFAULTS.runs, now = () => performance.now() } = options;
  const { timeLimitMs = LATENCY_DEFAULTS.timeLimitMs } = options;
  if (!Number.isInteger(runs) || runs < 1) throw wrong('runs', 'a whole number from 1', runs);
  if (!Number.isInteger(warmUp) || warmUp < 0) throw wrong('warmUp', 'a whole number from 0', warmUp);
  const times = cases.map((): number[] => []);
  for (const { session, feeds } of cases) {
    for (let i = 0; i < warmUp; i++) {
      options.signal?.throwIfAborted();
      await session.run(feeds);
    }
  }
  const started = now();
  for (let round = 0; round < runs; round++) {
    options.signal?.throwIfAborted();
    if (round >= LATENCY_DEFAULTS.leastRuns && now() - started > timeLimitMs) break;
    for (let turn = 0; turn < cases.length; turn++) {
      const at = (turn + round) % cases.length;
      const { session, feeds } = cases[at] as LatencyCase;
      const start = now();
      await session.run(feeds);
      (times[at] as number[]).push(now() - start);
    }
    options.onProgress?.({ step: 'latency', done: round + 1, total: runs, unit: 'rounds' });
  }
  return times.map(summarise);
}

function wrong(name: string, wanted: string, value: number): OptionError {
  return new OptionError(`Cannot measure latency: ${name} must be ${wanted}, current value is ${value}`);
}

function summarise(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p10: quantile(sorted, 0.1), p90: quantile(sorted, 0.9), runs: times.length };
}

/** Linear interpolation between the two nearest of the sorted values. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Feeds of another batch size: the rows (first axis) are repeated in turn, or cut off.
 *
 * @param rows    rows of each tensor of the result
 * @param shared  names of inputs that have no rows: the same for all samples
 * @throws ShapeError  if a tensor has no rows
 */
export function withRows(feeds: Tensors, rows: number, shared: ReadonlySet<string> = new Set()): Map<string, Tensor> {
  return new Map(
    [...feeds].map(([name, tensor]) => [name, shared.has(name) ? tensor : repeatRows(name, tensor, rows)]),
  );
}

function repeatRows(name: string, tensor: Tensor, rows: number): Tensor {
  const [have, ...rest] = tensor.dims;
  if (have === undefined || have === 0) {
    throw new ShapeError(`Cannot batch input "${name}": its first axis must hold rows, its shape is [${tensor.dims}]`);
  }
  const width = sizeOf(rest);
  const pick = (i: number): number => (Math.floor(i / width) % have) * width + (i % width);
  const source = tensor.data;
  const Kind = source.constructor as new (length: number) => TensorData;
  const data = new Kind(rows * width) as unknown[];
  for (let i = 0; i < rows * width; i++) data[i] = source[pick(i)];
  return { type: tensor.type, dims: [rows, ...rest], data: data as unknown as TensorData };
}
