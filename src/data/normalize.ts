import { OptionError } from '../errors/errors.ts';
import type { Values } from './cast.ts';
import type { Preprocess } from './preprocess.ts';
import type { RawData } from './raw-array.ts';

/** n elements of one channel: read from i on, `step` apart, written from o on, `outStep` apart. */
export interface Line {
  readonly channel: number;
  readonly i: number;
  readonly step: number;
  readonly o: number;
  readonly outStep: number;
  readonly n: number;
  /** Where given: the element to read for each one written, counted in steps; -1 = a stored 0. */
  readonly pick: Int32Array | undefined;
}

/** Writes one line, normalised: (stored * scale - mean) / std, in f64, rounded once to the type of `out`. */
export type LineWriter = (out: Values, row: RawData, line: Line) => void;

/**
 * The writer for a source's elements; bytes go through a table of 256 values a channel.
 *
 * @param channels  of the output
 * @throws OptionError  if mean or std has neither one number nor one for each channel
 */
export function lineWriter(options: Preprocess, channels: number, bytes: boolean): LineWriter {
  checkLength('mean', options.mean, channels);
  checkLength('std', options.std, channels);
  return bytes ? byteLines(options) : numberLines(options);
}

function checkLength(option: string, list: readonly number[], channels: number): void {
  if (list.length === 1 || list.length === channels) return;
  throw new OptionError(
    `Cannot use ${option}: wanted one number${channels === 1 ? '' : ` or ${channels}, one a channel`}; ` +
      `current value has ${list.length}: ${list.join(',')}`,
  );
}

function ofChannel(list: readonly number[], channel: number): number {
  return (list.length === 1 ? list[0] : list[channel]) as number;
}

function byteLines({ mean, std, scale }: Preprocess): LineWriter {
  const tables = Array.from({ length: Math.max(mean.length, std.length) }, (_, channel) => {
    const [m, s] = [ofChannel(mean, channel), ofChannel(std, channel)];
    return Float64Array.from({ length: 256 }, (_, value) => (value * scale - m) / s);
  });
  return (out, row, { channel, i, step, o, outStep, n, pick }) => {
    const table = tables[tables.length === 1 ? 0 : channel] as Float64Array;
    if (pick === undefined) {
      for (let k = 0; k < n; k++) out[o + k * outStep] = table[row[i + k * step] as number] as number;
      return;
    }
    for (let k = 0; k < n; k++) {
      const from = pick[k] as number;
      out[o + k * outStep] = table[from < 0 ? 0 : (row[i + from * step] as number)] as number;
    }
  };
}

function numberLines({ mean, std, scale }: Preprocess): LineWriter {
  return (out, row, { channel, i, step, o, outStep, n, pick }) => {
    const [m, s] = [ofChannel(mean, channel), ofChannel(std, channel)];
    for (let k = 0; k < n; k++) {
      const from = pick === undefined ? k : (pick[k] as number);
      out[o + k * outStep] = ((from < 0 ? 0 : (row[i + from * step] as number)) * scale - m) / s;
    }
  };
}
