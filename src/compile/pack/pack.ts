import { filled } from '../../tensor/filled.ts';
import { numberToHalf } from '../../tensor/half.ts';
import type { WeightForm } from '../forms.ts';
import type { Table } from '../schedule/step.ts';
import { eachEntry, entriesOf, tableBytes } from '../schedule/table.ts';

/** What the runtime needs to write a table into memory; streams are read on from table to table. */
export interface PackedTable {
  /** Address in bytes. */
  readonly at: number;
  readonly bytes: number;
  readonly share: number;
  readonly outputs: number;
  /** Entries in all. */
  readonly entries: number;
  readonly channels: number;
  /** Elements; so are strides. */
  readonly taps: readonly number[];
  readonly channelStride: number;
  readonly groups: number;
  readonly groupStride: number;
}

/** The weights of all tables: positions, values, scales and biases, each in a stream of their own. */
export interface Streams {
  /** Gap from one kept position to the next, less one; 255 = 255 positions are passed without an entry. */
  readonly gaps: Uint8Array;
  readonly values: Uint8Array;
  /** Of int8: one an output, f32. */
  readonly scales: Float32Array;
  readonly biases: Float32Array;
}

/** Stores tables compactly, in the order given. */
export function packTables(tables: readonly Table[], form: WeightForm): Streams {
  const gaps: number[] = [];
  const values: number[] = [];
  const scales: number[] = [];
  const biases: number[] = [];
  for (const table of tables) {
    const own = form === 'int8' ? scalesOf(table) : undefined;
    own?.forEach((scale) => scales.push(scale));
    table.bias.forEach((b) => biases.push(b));
    let last = -1;
    eachEntry(table, (position, block) => {
      let gap = position - last - 1;
      for (; gap >= 255; gap -= 255) gaps.push(255);
      gaps.push(gap);
      last = position;
      weightsAt(table, position, block).forEach((w, r) =>
        values.push(own ? w / (own[block * table.share + r] as number) : w),
      );
    });
  }
  return {
    gaps: Uint8Array.from(gaps),
    values: storedAs(values, form),
    scales: Float32Array.from(scales),
    biases: Float32Array.from(biases),
  };
}

function weightsAt({ weights, outputs, share }: Table, position: number, block: number): number[] {
  const positions = weights.length / outputs;
  const p = position - block * positions;
  return Array.from({ length: share }, (_, r) => weights[(block * share + r) * positions + p] as number);
}

/** For each output the largest magnitude over 127; 1 where all are zero. */
function scalesOf({ weights, outputs }: Table): number[] {
  const each = weights.length / outputs;
  return Array.from({ length: outputs }, (_, o) => {
    let largest = 0;
    for (const w of weights.subarray(o * each, (o + 1) * each)) largest = Math.max(largest, Math.abs(w));
    return Math.fround(largest / 127) || 1;
  });
}

function storedAs(values: readonly number[], form: WeightForm): Uint8Array {
  if (form === 'int8')
    return new Uint8Array(filled(new Int8Array(values.length), (i) => Math.round(values[i] as number)).buffer);
  if (form === 'f16')
    return new Uint8Array(filled(new Uint16Array(values.length), (i) => numberToHalf(values[i] as number)).buffer);
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** What the runtime is told of a table. */
export function packedTable(table: Table, at: number): PackedTable {
  const { share, outputs, channels, taps, channelStride, groups, groupStride } = table;
  return {
    at,
    bytes: tableBytes(table),
    share,
    outputs,
    entries: entriesOf(table),
    channels,
    taps,
    channelStride,
    groups,
    groupStride,
  };
}
