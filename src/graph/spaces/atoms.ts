/** One thing that stays or goes as a whole. A position of an axis goes when any of the atoms that it is made of goes. */
export type Atom = number;

/** An atom for each position of an axis; null = nothing of the axis can go. */
export type Labels = Int32Array | null;

/**
 * Atoms that are united as more is learnt of a graph, or frozen: what may not go. An atom may be made of two others, where an axis
 * is two axes in one: a head and a place within it.
 */
export class Atoms {
  readonly #parent: number[] = [];
  readonly #parts = new Map<Atom, readonly Atom[]>();
  readonly #frozen = new Map<Atom, string>();

  /** New atoms, each for itself. */
  fresh(count: number): Int32Array {
    const first = this.#parent.length;
    for (let i = 0; i < count; i++) this.#parent.push(first + i);
    return Int32Array.from({ length: count }, (_, i) => first + i);
  }

  /** A new atom that goes when any of its parts goes. */
  compose(parts: readonly Atom[]): Atom {
    const atom = this.#parent.length;
    this.#parent.push(atom);
    this.#parts.set(atom, parts);
    return atom;
  }

  /** The atom that stands for all that are united with one. */
  find(atom: Atom): Atom {
    const parent = this.#parent;
    let root = atom;
    while (parent[root] !== root) root = parent[root] as Atom;
    for (let at = atom; parent[at] !== root; ) [at, parent[at]] = [parent[at] as Atom, root];
    return root;
  }

  /** What an atom is made of in the end, each once, in ascending order. */
  leaves(atom: Atom): Atom[] {
    const found = new Set<Atom>();
    const open = [this.find(atom)];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const parts = this.#parts.get(at);
      if (parts === undefined) found.add(at);
      else for (const part of parts) open.push(this.find(part));
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Two atoms go together from now on. Where one is made of other parts than the other, all parts go together: coarser, never wrong. */
  unite(a: Atom, b: Atom): void {
    const [x, y] = [this.find(a), this.find(b)];
    if (x === y) return;
    const [partsX, partsY] = [this.#parts.get(x), this.#parts.get(y)];
    if (partsX === undefined && partsY === undefined) this.#link(x, y);
    else if (partsX === undefined) this.#join(x, y);
    else if (partsY === undefined) this.#join(y, x);
    else if (partsX.length === partsY.length)
      for (const [i, part] of partsX.entries()) this.unite(part, partsY[i] as Atom);
    else this.#merge([...this.leaves(x), ...this.leaves(y)]);
  }

  /** Nothing of an atom may go, for a reason; the first reason stands. */
  freeze(atom: Atom, reason: string): void {
    for (const leaf of this.leaves(atom)) if (!this.#frozen.has(leaf)) this.#frozen.set(leaf, reason);
  }

  /** Why a leaf may not go; undefined where it may. */
  reasonOf(leaf: Atom): string | undefined {
    return this.#frozen.get(leaf);
  }

  /** A single atom becomes another name of a composed one, unless it is a part of it. */
  #join(single: Atom, composed: Atom): void {
    const leaves = this.leaves(composed);
    if (leaves.includes(single)) return this.#merge(leaves);
    const reason = this.#frozen.get(single);
    this.#frozen.delete(single);
    this.#parent[single] = composed;
    if (reason !== undefined) this.freeze(composed, reason);
  }

  #merge([first, ...others]: readonly Atom[]): void {
    for (const other of others) this.#link(this.find(first as Atom), this.find(other));
  }

  /** The lower root stays. */
  #link(a: Atom, b: Atom): void {
    if (a === b) return;
    const [root, other] = a < b ? [a, b] : [b, a];
    this.#parent[other] = root;
    const reason = this.#frozen.get(root) ?? this.#frozen.get(other);
    this.#frozen.delete(other);
    if (reason !== undefined) this.#frozen.set(root, reason);
  }
}
