import type { Graph, Model, Node } from '../../ir/model.ts';
import type { Captured } from '../captured.ts';
import type { Atom, Labels } from './atoms.ts';
import { spaceRule } from './rules.ts';
import { extentsOf } from './targets.ts';
import { nameOf, type Read, Walk } from './walk.ts';

/** Positions of an axis of a constant that a group takes with it. */
export interface Place {
  readonly constant: string;
  readonly axis: number;
  readonly positions: readonly number[];
}

/** Channels, neurons or heads that can only go together. */
export interface Group {
  readonly atom: Atom;
  /** Places in constants, weights first met first. */
  readonly places: readonly Place[];
}

/** Groups that take the same axes of the same constants: what a user calls the channels of a layer. */
export interface Space {
  /** The weights that make its positions, joined by commas, then those that read them. */
  readonly name: string;
  readonly makers: readonly string[];
  readonly readers: readonly string[];
  readonly groups: readonly Group[];
}

/** A set of positions that has to stay, and why. */
export interface FrozenAxis {
  readonly weight: string;
  readonly axis: number;
  readonly reason: string;
}

/** What can be taken out of a graph as a whole. */
export interface Spaces {
  readonly spaces: readonly Space[];
  /** Axes of weights of which nothing can go. */
  readonly frozen: readonly FrozenAxis[];
  readonly walk: Walk;
}

/** Operators whose input 1 is the shape of their output. */
const TARGETS: ReadonlyMap<string, number> = new Map([
  ['Reshape', 1],
  ['Expand', 1],
  ['Resize', 3],
]);

/** The input of a node that says the shape of its output; undefined where there is none. */
export function targetOf(node: Node): string | undefined {
  const name = node.inputs[TARGETS.get(node.op) ?? -1];
  return name === '' ? undefined : name;
}

/**
 * Finds what can be taken out of a graph for good: channels, neurons, heads, with all that is tied to them. What cannot be followed
 * stays, and the first reason is told.
 *
 * @param model     constants as initializers
 * @param captured  shapes of one run
 * Cost: linear in the positions of all axes.
 */
export function findSpaces(model: Model, captured: Captured): Spaces {
  const { graph } = model;
  const walk = new Walk(graph, captured, model.opsets.get('') ?? Number.POSITIVE_INFINITY);
  for (const { name } of graph.inputs)
    if (!graph.constants.has(name))
      walk.labels.set(
        name,
        (walk.dims(name) ?? []).map(() => null),
      );
  for (const node of graph.nodes) {
    spaceRule(node, walk.opset)(node, walk);
    checkTarget(graph, walk, node);
  }
  for (const { name } of graph.outputs) walk.freezeAll(name, 'it is an output of the model');
  return { ...grouped(walk), walk };
}

/** A shape that is computed from what is not known keeps the axes that it says the extents of. */
function checkTarget(graph: Graph, walk: Walk, node: Node): void {
  const target = targetOf(node);
  if (target === undefined) return;
  const extents = extentsOf(graph, walk, target);
  for (const [axis, labels] of walk.of(node.outputs[0] ?? '').entries())
    if ((extents?.[axis] ?? null) === null) walk.freeze(labels, `the shape of ${nameOf(node)} is computed`);
}

function grouped(walk: Walk): Pick<Spaces, 'spaces' | 'frozen'> {
  const places = new Map<Atom, Map<string, Place & { positions: number[] }>>();
  for (const [constant, axes] of walk.labels) {
    if (!walk.isConstant(constant)) continue;
    for (const [axis, labels] of axes.entries())
      for (const [position, atom] of (labels ?? []).entries())
        for (const leaf of walk.atoms.leaves(atom)) {
          const of = places.get(leaf) ?? new Map();
          const key = `${axis} ${constant}`;
          const place = of.get(key) ?? { constant, axis, positions: [] };
          place.positions.push(position);
          places.set(leaf, of.set(key, place));
        }
  }
  const made = axesOf(
    walk,
    walk.makes.map(({ weight, axis }) => ({ value: weight, axis, weight })),
  );
  const read = axesOf(walk, readAxes(walk.reads));
  const beside = besideEachOther(walk);
  const spaces = new Map<string, { makers: string[]; readers: string[]; groups: Group[] }>();
  for (const [atom, of] of places) {
    const [makers, readers] = [made.get(atom), read.get(atom)];
    if (makers === undefined || readers === undefined || walk.atoms.reasonOf(atom) !== undefined) continue;
    const others = beside.get(atom) ?? new Set();
    let key = [...of.keys()].join('\n');
    while (spaces.get(key)?.groups.some((group) => others.has(group.atom))) key += ' of';
    const space = spaces.get(key) ?? { makers: [...makers], readers: [...readers], groups: [] };
    space.groups.push({ atom, places: [...of.values()] });
    spaces.set(key, space);
  }
  return {
    spaces: [...spaces.values()].map((space) => ({
      ...space,
      name: `${space.makers.join(', ')} -> ${space.readers.join(', ')}`,
    })),
    frozen: frozenAxes(walk),
  };
}

/** Leaves that one position is made of together, such as a head and a place within it: they are not of one space. */
function besideEachOther(walk: Walk): Map<Atom, Set<Atom>> {
  const found = new Map<Atom, Set<Atom>>();
  const seen = new Set<Atom>();
  for (const axes of walk.labels.values())
    for (const labels of axes)
      for (const atom of labels ?? []) {
        const root = walk.atoms.find(atom);
        if (seen.has(root)) continue;
        seen.add(root);
        const leaves = walk.atoms.leaves(root);
        if (leaves.length > 1)
          for (const leaf of leaves) {
            const others = found.get(leaf) ?? new Set();
            for (const other of leaves) if (other !== leaf) others.add(other);
            found.set(leaf, others);
          }
      }
  return found;
}

function readAxes(reads: readonly Read[]): { value: string; axis: number; weight: string }[] {
  return reads.map(({ node, input, axis, weight }) => ({
    value: node.inputs[input] as string,
    axis,
    weight: weight ?? node.name ?? '',
  }));
}

/** Weights by the leaves of an axis of theirs, or of what they are multiplied by. */
function axesOf(
  walk: Walk,
  axes: readonly { readonly value: string; readonly axis: number; readonly weight: string }[],
): Map<Atom, Set<string>> {
  const found = new Map<Atom, Set<string>>();
  for (const { value, axis, weight } of axes)
    for (const atom of walk.of(value)[axis] ?? [])
      for (const leaf of walk.atoms.leaves(atom)) found.set(leaf, (found.get(leaf) ?? new Set()).add(weight));
  return found;
}

function frozenAxes(walk: Walk): FrozenAxis[] {
  return walk.makes.flatMap(({ weight, axis }) => {
    const labels = walk.of(weight)[axis];
    const reasons = [...(labels ?? [])].map((atom) => walk.atoms.leaves(atom).map((leaf) => walk.atoms.reasonOf(leaf)));
    const isFrozen = reasons.length > 0 && reasons.every((of) => of.every((reason) => reason !== undefined));
    return isFrozen ? [{ weight, axis, reason: reasons[0]?.[0] ?? '' }] : [];
  });
}

/** The positions of an axis that stay when some groups go. */
export function keptOf(walk: Walk, labels: Labels, gone: ReadonlySet<Atom>): number[] | null {
  if (labels === null) return null;
  return [...labels.keys()].filter((i) => !walk.atoms.leaves(labels[i] as Atom).some((leaf) => gone.has(leaf)));
}
