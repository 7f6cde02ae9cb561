import { intAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import type { Labels } from './atoms.ts';
import { nameOf, type SpaceRule, type Walk } from './walk.ts';

/** One of several values that are broadcast together. */
export interface Side {
  readonly dims: readonly number[];
  readonly labels: readonly Labels[];
}

/** Axes aligned from the right: those as long as the output's go together, those of one element pass. */
export function broadcast(walk: Walk, node: Node, sides: readonly Side[], out: readonly number[]): Labels[] {
  return out.map((length, axis) => {
    if (length === 1) return null;
    const met = sides.flatMap(({ dims, labels }) => {
      const at = axis - out.length + dims.length;
      return dims[at] === length ? [labels[at] ?? null] : [];
    });
    const reason = `${nameOf(node)} takes it together with what cannot lose positions`;
    return met.length === 0 ? null : met.reduce((a, b) => walk.meet(a, b, reason));
  });
}

/** Each element by itself. */
export const elementwise: SpaceRule = (node, walk) => {
  const sides = node.inputs
    .filter((name) => name !== '')
    .map((name) => ({ dims: walk.dims(name) ?? [], labels: walk.of(name) }));
  for (const name of node.outputs) {
    if (name === '') continue;
    const out = walk.dims(name);
    if (out === undefined)
      for (const name of node.inputs) walk.freezeAll(name, `the shape of ${nameOf(node)} is not known`);
    else walk.set(name, broadcast(walk, node, sides, out));
  }
};

/** Only input 0 passes; what else there is (a seed, limits) is a number. */
export const alone: SpaceRule = (node, walk) => {
  const [x = ''] = node.inputs;
  for (const name of node.outputs) walk.set(name, walk.of(x));
};

/** Scales and zero points are numbers, or go along an axis. */
export const quantised: SpaceRule = (node, walk) => {
  const [x = '', ...others] = node.inputs;
  const labels = [...walk.of(x)];
  const at = intAttribute(node, 'axis', 1);
  const axis = at < 0 ? at + labels.length : at;
  for (const name of others) {
    if (name === '') continue;
    const of = walk.of(name);
    if (of.length === 1 && of[0])
      labels[axis] = walk.meet(labels[axis] ?? null, of[0], `the scales of ${nameOf(node)} cannot lose positions`);
    else if (of.length > 1) walk.freezeAll(name, `${nameOf(node)} has scales of blocks`);
    if (of.length > 1) walk.freezeAll(x, `${nameOf(node)} has scales of blocks`);
  }
  walk.set(node.outputs[0], labels);
};

/** Parameters along axis 1; what lies behind it is brought to one mean and size where `whole`. */
export function channelwise(whole: boolean): SpaceRule {
  return (node, walk) => {
    const [x = '', ...parameters] = node.inputs;
    const labels = [...walk.of(x)];
    for (const name of parameters)
      if (name !== '')
        labels[1] = walk.meet(
          labels[1] ?? null,
          walk.of(name)[0] ?? null,
          `${nameOf(node)} has parameters that cannot lose positions`,
        );
    if (whole) for (const axis of labels.slice(2)) walk.freeze(axis, `${nameOf(node)} takes a mean over it`);
    walk.set(node.outputs[0], whole ? labels.map((axis, i) => (i < 2 ? axis : null)) : labels);
    for (const name of node.outputs.slice(1)) walk.set(name, [null]);
  };
}
