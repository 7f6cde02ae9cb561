import { isPicked, partsOf } from '../expression/expression.ts';
import type { Beside, Buffer, Dots, Halving, Nest, Step, Sums, Tiling } from './step.ts';

/** Elements of a buffer that a step touches: the first and the last. */
export interface Touch {
  readonly buffer: Buffer;
  readonly first: number;
  readonly last: number;
}

/** Everything that a step may touch, whatever the numbers are: bounds of its loops, its table and its vectors. */
export function touches(step: Step): Touch[] {
  switch (step.kind) {
    case 'nest':
      return nestTouches(step);
    case 'sums':
      return sumsTouches(step);
    case 'halving':
      return halvingTouches(step);
    case 'dots':
      return dotsTouches(step);
  }
}

/**
 * Makes sure that no step leaves its buffers.
 *
 * @throws Error if one does: the schedule is wrong
 */
export function checkBounds(steps: readonly Step[]): void {
  for (const step of steps)
    for (const { buffer, first, last } of touches(step))
      if (first < 0 || last >= buffer.elements)
        throw new Error(
          `The schedule of "${step.label}" (${step.kind}) leaves its buffer "${buffer.name}": elements ${first} to ${last} of ${buffer.elements}`,
        );
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function sum(ranges: readonly Range[]): Range {
  return ranges.reduce((a, b) => ({ low: a.low + b.low, high: a.high + b.high }), { low: 0, high: 0 });
}

function times(count: number, stride: number): Range {
  const end = (count - 1) * stride;
  return { low: Math.min(0, end), high: Math.max(0, end) };
}

function among(values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) };
}

function touch(buffer: Buffer, range: Range): Touch {
  return { buffer, first: range.low, last: range.high };
}

function nestTouches({ counts, out, operands, map, finish }: Nest): Touch[] {
  return [out, ...operands].map(({ buffer, offset, strides }, i) => {
    const loops = counts.map((count, loop) => times(count, strides[loop] ?? 0));
    const picks = [map, finish].flatMap((expression) =>
      isPicked(expression, i - 1)
        ? [...partsOf(expression)].flatMap((part) =>
            part.kind === 'pick' && part.operand === i - 1 ? [times(part.count, part.stride)] : [],
          )
        : [],
    );
    const pick = {
      low: Math.min(0, ...picks.map(({ low }) => low)),
      high: Math.max(0, ...picks.map(({ high }) => high)),
    };
    const beyond = i > 0 && strides.includes(2) ? 1 : 0; // vectors of every other element are read with the one behind
    return touch(buffer, sum([{ low: offset, high: offset + beyond }, ...loops, pick]));
  });
}

/** What a tiling reaches from the beginning of the input or of the output. */
function tileRange(tilings: readonly Tiling[], side: 'from' | 'to'): Range {
  const each = tilings.map(({ loops, vectors, ...start }) =>
    sum([
      { low: start[side], high: start[side] },
      ...loops.map((loop) => times(loop.count, loop[side])),
      among(vectors.map((vector) => vector[side])),
    ]),
  );
  return { low: Math.min(...each.map(({ low }) => low)), high: Math.max(...each.map(({ high }) => high)) + 3 };
}

function tableRange({ channels, channelStride, taps, groups, groupStride }: Sums['table']): Range {
  return sum([times(channels, channelStride), times(groups, groupStride), among(taps)]);
}

function besideTouches(beside: readonly Beside[], outputs: number, range: Range): Touch[] {
  return beside.map(({ buffer, offset, per }) =>
    touch(buffer, sum([{ low: offset, high: offset }, per === 'output' ? { low: 0, high: outputs - 1 } : range])),
  );
}

function sumsTouches({ table, tilings, x, out, beside }: Sums): Touch[] {
  const reads = sum([{ low: x.offset, high: x.offset }, tileRange(tilings, 'from'), tableRange(table)]);
  const writes = sum([times(table.outputs, out.stride), tileRange(tilings, 'to')]);
  return [
    touch(x.buffer, reads),
    touch(out.buffer, { low: out.offset + writes.low, high: out.offset + writes.high }),
    ...besideTouches(beside, table.outputs, writes),
  ];
}

function dotsTouches({ table, x, out, beside }: Dots): Touch[] {
  const writes = times(table.outputs, out.stride);
  return [
    touch(x.buffer, sum([{ low: x.offset, high: x.offset }, tableRange(table)])),
    touch(out.buffer, { low: out.offset + writes.low, high: out.offset + writes.high }),
    ...besideTouches(beside, table.outputs, writes),
  ];
}

function halvingTouches({ table, height, width, rows, block, batch, x, out, beside }: Halving): Touch[] {
  const vectors = Math.ceil(width / 4);
  const columns = 8 * (vectors - 1) + 11;
  const first = x.offset + (table.taps[0] as number);
  const reads = sum([
    { low: first, high: first + columns },
    times(batch.count, batch.from),
    times(table.groups, table.groupStride),
    times(2 * height + 1, rows.from),
  ]);
  const writes = sum([
    { low: 0, high: 4 * vectors - 1 },
    times(batch.count, batch.to),
    times(table.outputs, out.stride),
    times(Math.min(height, block.rows), rows.to),
    times(Math.ceil(height / block.rows), block.stride),
  ]);
  return [
    touch(x.buffer, reads),
    touch(out.buffer, { low: out.offset + writes.low, high: out.offset + writes.high }),
    ...besideTouches(beside, table.outputs, writes),
  ];
}
