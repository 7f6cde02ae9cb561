import { intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { filled } from '../../tensor/filled.ts';
import type { Atom, Labels } from './atoms.ts';
import { mergeAxes, splitAxis } from './reshaped.ts';
import { nameOf, type SpaceRule, type Walk } from './walk.ts';

/** Reshape, Flatten, Squeeze, Unsqueeze: axes that stay, are merged or cut, see {@link blocksOf}. */
export const reshaped: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const [from, to] = [walk.dims(x), walk.dims(node.outputs[0] ?? '')];
  if (from === undefined || to === undefined) return walk.freezeAll(x, `the shapes of ${nameOf(node)} are not known`);
  const labels = walk.of(x);
  const out: Labels[] = to.map(() => null);
  for (const block of blocksOf(from, to)) {
    const [axes, dims] = [block.from.map((i) => labels[i] ?? null), block.from.map((i) => from[i] as number)];
    if (axes.every((axis) => axis === null)) continue;
    const merged = mergeAxes(walk.atoms, axes, dims);
    const parts = splitAxis(
      walk.atoms,
      merged,
      block.to.map((i) => to[i] as number),
    );
    for (const [i, at] of block.to.entries()) out[at] = parts[i] ?? null;
  }
  walk.set(node.outputs[0], out);
};

/** The smallest runs of axes on both sides that hold as many elements; axes of one element are in none. */
export function blocksOf(from: readonly number[], to: readonly number[]): { from: number[]; to: number[] }[] {
  const long = (dims: readonly number[]): number[] => [...dims.keys()].filter((i) => dims[i] !== 1);
  const [left, right] = [long(from), long(to)];
  const blocks: { from: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const block = { from: [left[i++] as number], to: [right[j++] as number] };
    let [a, b] = [from[block.from[0] as number] as number, to[block.to[0] as number] as number];
    while (a !== b && (a < b ? i < left.length : j < right.length)) {
      if (a < b) block.from.push(left[i] as number);
      else block.to.push(right[j] as number);
      if (a < b) a *= from[left[i++] as number] as number;
      else b *= to[right[j++] as number] as number;
    }
    blocks.push(block);
  }
  return blocks;
}

/** Axes in another order. */
export const permuted: SpaceRule = (node, walk) => {
  const labels = walk.of(node.inputs[0] ?? '');
  const perm = intsAttribute(node, 'perm') ?? [...labels.keys()].reverse();
  walk.set(
    node.outputs[0],
    perm.map((axis) => labels[axis] ?? null),
  );
};

const from = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Concat: positions of one axis side by side; those of the others go together. */
export const joined: SpaceRule = (node, walk) => {
  const rank = walk.dims(node.inputs[0] ?? '')?.length ?? 0;
  const axis = from(intAttribute(node, 'axis', 0), rank);
  const reason = `${nameOf(node)} joins it to what cannot lose positions`;
  const sides = node.inputs.map((name) => walk.of(name));
  const out = Array.from({ length: rank }, (_, i) => {
    const of = sides.map((labels) => labels[i] ?? null);
    if (i !== axis) return of.reduce((a, b) => walk.meet(a, b, reason));
    if (of.every((labels) => labels === null)) return null;
    return concat(of.map((labels, j) => labels ?? walk.fixed(walk.dims(node.inputs[j] as string)?.[i] ?? 0, reason)));
  });
  walk.set(node.outputs[0], out);
};

function concat(parts: readonly Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

/** Split: runs of positions of one axis. */
export const split: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const labels = walk.of(x);
  const axis = from(intAttribute(node, 'axis', 0), labels.length);
  let start = 0;
  for (const name of node.outputs) {
    const length = walk.dims(name)?.[axis];
    if (length === undefined) return walk.freezeAll(x, `the parts of ${nameOf(node)} are not known`);
    walk.set(
      name,
      labels.map((l, i) => (i === axis ? (l?.slice(start, start + length) ?? null) : l)),
    );
    start += length;
  }
};

/** What a Slice takes of an axis: the first position and the step. */
export interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
}

/** The cuts of a Slice; undefined where they depend on the inputs. */
export function cutsOf(node: Node, walk: Pick<Walk, 'constantInts' | 'dims'>): Cut[] | undefined {
  const [x = '', ...given] = node.inputs;
  const dims = walk.dims(x) ?? [];
  const read = (name: string, at: number): number[] | undefined =>
    intsAttribute(node, name) ?? walk.constantInts(given[at]);
  const starts = read('starts', 0);
  const axes = read('axes', 2) ?? (given[2] ? undefined : starts?.map((_, i) => i));
  const steps = read('steps', 3) ?? (given[3] ? undefined : starts?.map(() => 1));
  if (starts === undefined || axes === undefined || steps === undefined) return undefined;
  return axes.map((given, i) => {
    const [axis, step] = [from(given, dims.length), steps[i] as number];
    const length = dims[axis] ?? 0;
    const start = starts[i] as number;
    const real = start < 0 ? start + length : start;
    return { axis, step, start: Math.min(Math.max(real, 0), step < 0 ? length - 1 : length) };
  });
}

/** Slice: some positions of axes, from constants. */
export const cut: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const labels = walk.of(x);
  const [cuts, dims] = [cutsOf(node, walk), walk.dims(node.outputs[0] ?? '')];
  if (cuts === undefined || dims === undefined) {
    walk.freezeAll(x, `what ${nameOf(node)} takes is not known`);
    return walk.set(
      node.outputs[0],
      labels.map(() => null),
    );
  }
  const out = [...labels];
  for (const { axis, start, step } of cuts) {
    const whole = start === 0 && step === 1 && dims[axis] === walk.dims(x)?.[axis];
    if (whole) continue;
    if (step !== 1) walk.freeze(labels[axis] ?? null, `${nameOf(node)} takes every so many positions`);
    const of = labels[axis] ?? null;
    out[axis] =
      of === null ? null : Int32Array.from({ length: dims[axis] ?? 0 }, (_, i) => of[start + i * step] as Atom);
  }
  walk.set(node.outputs[0], out);
};

/** Gather: constant indices take positions; of a table that is read by others, only what is not picked along can go. */
export const picked: SpaceRule = (node, walk) => {
  const [x = '', at = ''] = node.inputs;
  const labels = walk.of(x);
  const axis = from(intAttribute(node, 'axis', 0), labels.length);
  const rank = walk.dims(at)?.length ?? 0;
  const indices = walk.constantInts(at);
  const of = labels[axis] ?? null;
  walk.freezeAll(at, `${nameOf(node)} picks by it`);
  let taken: Labels[] = Array.from({ length: rank }, () => null);
  if (of !== null && indices !== undefined && rank < 2) {
    const atoms = filled(new Int32Array(indices.length), (k) => of[from(indices[k] as number, of.length)] as Atom);
    if (rank === 1 && indices.length > 1) taken = [atoms];
    else walk.freeze(atoms, `${nameOf(node)} takes it alone`);
  } else walk.freeze(of, `${nameOf(node)} picks along it`);
  walk.set(node.outputs[0], [...labels.slice(0, axis), ...taken, ...labels.slice(axis + 1)]);
};

/** The pads of a node, begins and then ends, for all axes; undefined where they are not known. */
export function padsOf(node: Node, walk: Pick<Walk, 'constantInts' | 'dims'>): number[] | undefined {
  const rank = walk.dims(node.inputs[0] ?? '')?.length ?? 0;
  const pads = intsAttribute(node, 'pads') ?? walk.constantInts(node.inputs[1]);
  const axes = walk.constantInts(node.inputs[3]);
  if (pads === undefined || (axes === undefined && node.inputs[3])) return undefined;
  if (axes === undefined) return pads;
  const all = Array.from({ length: 2 * rank }, () => 0);
  for (const [i, axis] of axes.entries()) {
    all[from(axis, rank)] = pads[i] as number;
    all[from(axis, rank) + rank] = pads[i + axes.length] as number;
  }
  return all;
}

/** Pad: zeros along an axis are positions of their own, that go where nothing else needs them. */
export const padded: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const labels = walk.of(x);
  const pads = padsOf(node, walk);
  if (pads === undefined) return walk.freezeAll(x, `the pads of ${nameOf(node)} are not known`);
  const isConstant = stringAttribute(node, 'mode', 'constant') === 'constant';
  walk.set(
    node.outputs[0],
    labels.map((of, i) => {
      const [begin, end] = [pads[i] ?? 0, pads[i + labels.length] ?? 0];
      if (of === null || (begin === 0 && end === 0)) return of;
      if (isConstant && begin >= 0 && end >= 0) return concat([walk.atoms.fresh(begin), of, walk.atoms.fresh(end)]);
      walk.freeze(of, `${nameOf(node)} pads along it`);
      return null;
    }),
  );
};

/** Axes of one element are repeated; others pass, or are repeated as a whole. */
export const repeated: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const [labels, before, out] = [walk.of(x), walk.dims(x) ?? [], walk.dims(node.outputs[0] ?? '') ?? []];
  const added = out.length - before.length;
  walk.set(
    node.outputs[0],
    out.map((length, i) => {
      const of = labels[i - added] ?? null;
      return of === null ? null : Int32Array.from({ length }, (_, j) => of[j % of.length] as Atom);
    }),
  );
};

/** [batch, (b, b, c), h, w] and back: channels and places change sides, each channel with all of its places. */
export const rearranged: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const labels = walk.of(x);
  const of = labels[1] ?? null;
  const block = intAttribute(node, 'blocksize', 1);
  const squares = block * block;
  for (const axis of labels.slice(2)) walk.freeze(axis, `${nameOf(node)} cuts it`);
  const isDeep = node.op === 'SpaceToDepth';
  const interleaved = isDeep || stringAttribute(node, 'mode', 'DCR') === 'DCR';
  let out: Labels = null;
  if (of !== null && isDeep)
    out = Int32Array.from({ length: of.length * squares }, (_, i) => of[i % of.length] as Atom);
  else if (of !== null) {
    const count = of.length / squares;
    out = Int32Array.from({ length: count }, (_, c) => of[interleaved ? c : c * squares] as Atom);
    for (const [i, atom] of of.entries())
      walk.atoms.unite(atom, out[interleaved ? i % count : Math.floor(i / squares)] as Atom);
  }
  walk.set(node.outputs[0], [labels[0] ?? null, out, ...labels.slice(2).map(() => null)]);
};
