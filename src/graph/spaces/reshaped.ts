import { filled } from '../../tensor/filled.ts';
import type { Atom, Atoms, Labels } from './atoms.ts';

/** The labels of several axes written as one: a position is made of those on each axis. */
export function mergeAxes(atoms: Atoms, axes: readonly Labels[], dims: readonly number[]): Int32Array {
  const made = new Map<string, Atom>();
  const total = dims.reduce((a, b) => a * b, 1);
  return Int32Array.from({ length: total }, (_, position) => {
    const parts: Atom[] = [];
    let rest = position;
    for (let i = dims.length - 1; i >= 0; i--) {
      const n = dims[i] as number;
      const axis = axes[i] ?? null;
      if (axis !== null) parts.unshift(axis[rest % n] as Atom);
      rest = Math.floor(rest / n);
    }
    if (parts.length === 1) return parts[0] as Atom;
    const key = parts.join();
    const known = made.get(key) ?? atoms.compose(parts);
    made.set(key, known);
    return known;
  });
}

/**
 * The labels of several axes that one is cut into: what all positions with one index on an axis have in common is that index's. Where
 * positions are more than that, a new atom stands for each index, and each position is made of those.
 */
export function splitAxis(atoms: Atoms, merged: Int32Array, dims: readonly number[]): Labels[] {
  if (dims.length === 1) return [merged];
  const leaves = [...merged].map((atom) => atoms.leaves(atom));
  const index = (position: number, axis: number): number => {
    let stride = 1;
    for (let i = axis + 1; i < dims.length; i++) stride *= dims[i] as number;
    return Math.floor(position / stride) % (dims[axis] as number);
  };
  const common = dims.map((n, axis) => shared(leaves, n, (position) => index(position, axis)));
  const isWhole = leaves.every((of, position) => {
    const covered = new Set(common.flatMap((sets, axis) => [...(sets[index(position, axis)] as Set<Atom>)]));
    return of.every((leaf) => covered.has(leaf));
  });
  if (isWhole) return common.map((sets) => labelled(atoms, sets));
  const fresh = dims.map((n) => atoms.fresh(n));
  for (const [position, atom] of merged.entries())
    atoms.unite(atom, atoms.compose(fresh.map((axis, i) => axis[index(position, i)] as Atom)));
  return fresh;
}

/** For each index of an axis the leaves that all positions with that index have. */
function shared(leaves: readonly (readonly Atom[])[], n: number, index: (position: number) => number): Set<Atom>[] {
  const sets: (Set<Atom> | null)[] = Array.from({ length: n }, () => null);
  for (const [position, of] of leaves.entries()) {
    const at = index(position);
    const before = sets[at];
    sets[at] = new Set(before === null || before === undefined ? of : of.filter((leaf) => before.has(leaf)));
  }
  return sets.map((set) => set ?? new Set());
}

function labelled(atoms: Atoms, sets: readonly ReadonlySet<Atom>[]): Labels {
  if (sets.every((set) => set.size === 0)) return null;
  return filled(new Int32Array(sets.length), (i) => {
    const set = sets[i] as ReadonlySet<Atom>;
    if (set.size === 1) return [...set][0] as Atom;
    return set.size === 0 ? (atoms.fresh(1)[0] as Atom) : atoms.compose([...set]);
  });
}
