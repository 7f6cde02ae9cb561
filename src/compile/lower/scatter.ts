import { stringAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { labelOf, NotCovered, type OperatorLowering } from './lowering.ts';

/** Starts and steps along the first axes of what an array of indices [counts, axes] picks. @throws NotCovered if it is no even grid */
function gridOf(indices: readonly number[], counts: readonly number[]): { starts: number[]; steps: number[] } {
  const rank = counts.length;
  const strides = counts.map((_, axis) => sizeOf(counts.slice(axis + 1)));
  const at = (place: number, axis: number): number => indices[place * rank + axis] as number;
  const starts = counts.map((_, axis) => at(0, axis));
  const steps = counts.map((count, axis) => (count > 1 ? at(strides[axis] as number, axis) - at(0, axis) : 1));
  const isEven = (place: number): boolean =>
    counts.every((count, axis) => {
      const along = Math.floor(place / (strides[axis] as number)) % count;
      return at(place, axis) === (starts[axis] as number) + along * (steps[axis] as number);
    });
  for (let place = 0; place < sizeOf(counts); place++)
    if (!isEven(place)) throw new NotCovered('its indices must be a part of each axis, at even steps');
  return { starts, steps };
}

/** A copy of which a part is written again, as exporters write `x[:, 2:8] = y`. */
export const scatterNd: OperatorLowering = {
  op: 'ScatterND',
  lower(node, to) {
    if (stringAttribute(node, 'reduction', 'none') !== 'none') throw new NotCovered('its reduction must be "none"');
    const [data, updates, out] = [to.input(node, 0), to.input(node, 2), to.output(node)];
    const counts = to.dims(node.inputs[1] ?? '').slice(0, -1);
    const axes = to.dims(node.inputs[1] ?? '').at(-1);
    if (counts.length !== axes) throw new NotCovered('its indices must be a part of each axis, at even steps');
    const given = to.ints(node, 1, 'its indices') ?? [];
    const positive = given.map((index, i) => (index < 0 ? index + (data.dims[i % axes] as number) : index));
    const { starts, steps } = gridOf(positive, counts);
    const whole = data.dims.slice(axes);
    const part = { x: updates, starts: [...starts, ...whole.map(() => 0)], steps: [...steps, ...whole.map(() => 1)] };
    const all = { x: data, starts: data.dims.map(() => 0), steps: data.dims.map(() => 1) };
    to.emit({ kind: 'place', node: labelOf(node), out, fill: null, parts: [all, part] });
  },
};
