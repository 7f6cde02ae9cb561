import { intAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import type { Atom, Labels } from './atoms.ts';
import { broadcast } from './rule-elementwise.ts';
import { nameOf, type SpaceRule, type Walk } from './walk.ts';

/** Notes a sum over an axis of an input, and returns what the axis and that of the other factor have in common. */
function contract(walk: Walk, node: Node, [a, axisA]: [number, number], [b, axisB]: [number, number]): void {
  const [nameA, nameB] = [node.inputs[a] as string, node.inputs[b] as string];
  const [left, right] = [walk.of(nameA)[axisA] ?? null, walk.of(nameB)[axisB] ?? null];
  walk.meet(left, right, `${nameOf(node)} sums over an axis that cannot lose positions`);
  if (!walk.isConstant(nameA))
    walk.reads.push({ node, input: a, axis: axisA, weight: walk.isConstant(nameB) ? nameB : null });
  else if (!walk.isConstant(nameB)) walk.reads.push({ node, input: b, axis: axisB, weight: nameA });
}

function make(walk: Walk, node: Node, input: number, axis: number): Labels {
  const weight = node.inputs[input] as string;
  if (walk.isConstant(weight)) walk.makes.push({ node, weight, axis });
  return walk.of(weight)[axis] ?? null;
}

/** The bias of a node goes along an axis of its output. */
function bias(walk: Walk, node: Node, input: number, labels: Labels): Labels {
  const name = node.inputs[input];
  if (name === undefined || name === '') return labels;
  return walk.meet(labels, walk.of(name)[0] ?? null, `the bias of ${nameOf(node)} cannot lose positions`);
}

/**
 * Y = W * X: W [outputs, inputs / groups, ...], X [batch, inputs, ...]. With several groups the same places of each go, or whole
 * groups; a group of one input passes its label to all that it makes.
 */
export const conv: SpaceRule = (node, walk) => {
  const [x = '', w = '', , b = ''] = [node.inputs[0], node.inputs[1], '', node.inputs[2]];
  const [input, weight] = [walk.of(x), walk.of(w)];
  for (const axis of weight.slice(2)) walk.freeze(axis, `kernels of ${nameOf(node)} keep their size`);
  const groups = intAttribute(node, 'group', 1);
  const transposed = node.op === 'ConvTranspose';
  const labels =
    groups === 1
      ? alone(walk, node, transposed)
      : grouped(walk, node, { groups, transposed, inputs: walk.dims(x)?.[1] ?? 0 });
  const made = b === '' ? labels : bias(walk, node, 2, labels);
  walk.set(node.outputs[0], [input[0] ?? null, made, ...input.slice(2).map(() => null)]);
};

function alone(walk: Walk, node: Node, transposed: boolean): Labels {
  contract(walk, node, [0, 1], [1, transposed ? 0 : 1]);
  return make(walk, node, 1, transposed ? 1 : 0);
}

interface Groups {
  readonly groups: number;
  readonly transposed: boolean;
  readonly inputs: number;
}

function grouped(walk: Walk, node: Node, { groups, transposed, inputs }: Groups): Labels {
  const [x, w] = [node.inputs[0] as string, node.inputs[1] as string];
  const { atoms } = walk;
  const reason = `${nameOf(node)} has groups over an axis that cannot lose positions`;
  const [along, inside] = [walk.of(w)[0] ?? null, walk.of(w)[1] ?? null]; // along all groups; within one
  const input = walk.of(x)[1] ?? null;
  const dims = walk.dims(w) ?? [];
  const each = transposed ? inputs / groups : (dims[0] ?? 0) / groups; // positions of `along` in each group
  if (input === null || along === null || groups < 2) {
    for (const axis of [input, along, inside]) walk.freeze(axis, reason);
    return null;
  }
  const within = dims[1] ?? 1;
  const [heads, places] = [atoms.fresh(groups), inside ?? [null]];
  const outer = atoms.fresh(each);
  const label = (group: Atom, place: Atom | null): Atom => (place === null ? group : atoms.compose([group, place]));
  const alongLabel = (i: number): Atom =>
    label(heads[Math.floor(i / each)] as Atom, each === 1 ? null : (outer[i % each] as Atom));
  const crossLabel = (i: number): Atom => label(heads[Math.floor(i / within)] as Atom, places[i % within] ?? null);
  for (const [i, atom] of along.entries()) atoms.unite(atom, alongLabel(i));
  const cross = Int32Array.from({ length: groups * within }, (_, i) => crossLabel(i));
  walk.reads.push({ node, input: 0, axis: 1, weight: w });
  walk.makes.push({ node, weight: w, axis: transposed ? 1 : 0 });
  walk.meet(input, transposed ? along : cross, reason);
  return transposed ? cross : along;
}

/** Y = A' B' + C. */
export const gemm: SpaceRule = (node, walk) => {
  const [a, b] = ['transA', 'transB'].map((name) => intAttribute(node, name, 0)) as [number, number];
  contract(walk, node, [0, a ? 0 : 1], [1, b ? 1 : 0]);
  const made: Labels[] = [make(walk, node, 0, a ? 1 : 0), make(walk, node, 1, b ? 0 : 1)];
  const [c, out] = [node.inputs[2] ?? '', node.outputs[0] ?? ''];
  walk.set(out, made);
  if (c !== '')
    walk.set(
      out,
      broadcast(walk, node, [{ dims: walk.dims(out) ?? [], labels: made }, sideOf(walk, c)], walk.dims(out) ?? []),
    );
};

/** Y = A B over the last two axes; those before them go along each other. */
export const matMul: SpaceRule = (node, walk) => {
  const [a = '', b = ''] = node.inputs;
  const out = walk.dims(node.outputs[0] ?? '') ?? [];
  const [dimsA, dimsB] = [walk.dims(a) ?? [], walk.dims(b) ?? []];
  contract(walk, node, [0, dimsA.length - 1], [1, Math.max(0, dimsB.length - 2)]);
  const rows = dimsA.length > 1 ? [make(walk, node, 0, dimsA.length - 2)] : [];
  const columns = dimsB.length > 1 ? [make(walk, node, 1, dimsB.length - 1)] : [];
  const leading = out.slice(0, out.length - rows.length - columns.length);
  const side = (name: string, dims: readonly number[]) => ({
    dims: dims.slice(0, -2),
    labels: walk.of(name).slice(0, -2),
  });
  walk.set(node.outputs[0], [...broadcast(walk, node, [side(a, dimsA), side(b, dimsB)], leading), ...rows, ...columns]);
};

function sideOf(walk: Walk, name: string): { dims: readonly number[]; labels: readonly Labels[] } {
  return { dims: walk.dims(name) ?? [], labels: walk.of(name) };
}
