import { intAttribute, intsAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import type { Labels } from './atoms.ts';
import { nameOf, type SpaceRule, type Walk } from './walk.ts';

const from = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function freezeAxis(walk: Walk, node: Node, labels: Labels): null {
  walk.freeze(labels, `${nameOf(node)} mixes its positions`);
  return null;
}

/** Positions along one axis depend on each other: none of them can go. The others pass. */
export function along(fallback: number, behindToo: boolean): SpaceRule {
  return (node, walk) => {
    const [x = '', ...others] = node.inputs;
    for (const name of others) walk.freezeAll(name, `${nameOf(node)} mixes its positions`);
    const labels = walk.of(x);
    const axis = from(intAttribute(node, 'axis', fallback), labels.length);
    const passed = labels.map((l, i) => (i === axis || (behindToo && i > axis) ? freezeAxis(walk, node, l) : l));
    for (const name of node.outputs) walk.set(name, keepable(walk, name, passed));
  };
}

/** An output whose axes have other lengths than what they come from passes only those that have the same. */
function keepable(walk: Walk, name: string, labels: readonly Labels[]): Labels[] {
  const dims = walk.dims(name) ?? [];
  return dims.map((length, i) =>
    dims.length === labels.length && labels[i]?.length === length ? (labels[i] ?? null) : null,
  );
}

/** Sums, means, maxima over axes. */
export const reduced: SpaceRule = (node, walk) => {
  const [x = '', axesInput] = node.inputs;
  const labels = walk.of(x);
  const listed =
    walk.constantInts(axesInput) ?? intsAttribute(node, 'axes') ?? (axesInput ? undefined : labels.map((_, i) => i));
  const single = node.op.startsWith('Arg') ? [intAttribute(node, 'axis', 0)] : listed;
  if (single === undefined) return walk.freezeAll(x, `the axes of ${nameOf(node)} are not known`);
  const summed = new Set(single.map((axis) => from(axis, labels.length)));
  const keeps = intAttribute(node, 'keepdims', 1) === 1;
  for (const axis of summed) freezeAxis(walk, node, labels[axis] ?? null);
  const left = labels.map((l, i) => (summed.has(i) ? null : l));
  const passed = keeps ? left : left.filter((_, i) => !summed.has(i));
  walk.set(node.outputs[0], passed);
};

/** Axes 0 and 1 pass; windows over the others. */
export const windowed: SpaceRule = (node, walk) => {
  const labels = walk.of(node.inputs[0] ?? '');
  for (const axis of labels.slice(2)) freezeAxis(walk, node, axis);
  for (const name of node.outputs)
    walk.set(
      name,
      labels.map((l, i) => (i < 2 ? l : null)),
    );
};

/** Axes that keep their length pass. */
export const resized: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  const [labels, before, after] = [walk.of(x), walk.dims(x) ?? [], walk.dims(node.outputs[0] ?? '') ?? []];
  walk.set(
    node.outputs[0],
    labels.map((l, i) => (before[i] === after[i] ? l : freezeAxis(walk, node, l))),
  );
};

/** Nothing is known of the operator: all that it touches stays. */
export const unknown: SpaceRule = (node, walk) => {
  for (const name of node.inputs) walk.freezeAll(name, `${nameOf(node)} is not followed`);
  for (const name of node.outputs)
    walk.set(
      name,
      (walk.dims(name) ?? []).map(() => null),
    );
};

/** What a node makes has no positions that could go, whatever its inputs are. */
export const shapeOnly: SpaceRule = (node, walk) => {
  for (const name of node.outputs)
    walk.set(
      name,
      (walk.dims(name) ?? []).map(() => null),
    );
};
